"""`Checkpoint`: a trained model as an artefact, readable by `transformers` (torch-free until a model is loaded).

Files: `model.safetensors`, `config.json`, `generation_config.json`, `tokenizer.json`, `held_out.parquet` (one row per
window: domain, window, nll, tokens, bytes) and `delivered.npy` (the schedule rows that were fed). Manifest: `summary`
(see `training_app.core.summary`), `train_config`, `schedule` and `sequences` digests.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stored, file_facts
from chimera.typed import sha256_json
from training_app.core.summary import TrainSummary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from curriculum_app.core.schedule import Schedule
    from training_app.core.configs import TrainConfig
    from training_app.core.held_out import HeldOutScores
    from training_app.core.order import Rows
    from training_app.core.token_loss import TextLoss


class Checkpoint(Opened):
    """An opened checkpoint."""

    ref_kind: ClassVar[str] = "checkpoint"

    @property
    def tokenizer_path(self) -> Path:
        return self.path / "tokenizer.json"

    @property
    def summary(self) -> TrainSummary:
        return TrainSummary.model_validate(self.manifest["summary"])

    @property
    def weights_digest(self) -> str:
        """Hex sha256 of `model.safetensors`: equal for bit-equal weights."""
        return str(self.manifest["files"]["model.safetensors"]["sha256"])

    def load_model(self) -> PreTrainedModel:
        """The model in float32, in evaluation mode, from this directory alone."""
        from transformers import AutoModelForCausalLM

        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(self.path, local_files_only=True)
        model.train(False)
        return model

    def bits(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Per text its bits and predicted tokens: see `training_app.core.token_loss`. On a GPU where there is one."""
        return self._text_loss.bits(texts)

    @cached_property
    def _text_loss(self) -> TextLoss:
        from tokenizers import Tokenizer

        from training_app.core.engine import resolve_device
        from training_app.core.token_loss import TextLoss

        model = self.load_model()
        model.to(resolve_device("auto"))  # type: ignore[arg-type]
        config = model.config
        return TextLoss(
            model, Tokenizer.from_file(str(self.tokenizer_path)), config.eos_token_id, config.max_position_embeddings
        )


def save_checkpoint(
    store: ArtefactStore,
    model: PreTrainedModel,
    config: TrainConfig,
    schedule: Schedule,
    tokenizer_path: Path,
    delivered: Rows,
    scores: HeldOutScores,
    summary: TrainSummary,
) -> Stored:
    """Store a finished run. The digest hashes weights, recipe, schedule and tokenizer; never times or machine."""
    with store.stage(Checkpoint.ref_kind) as stage:
        model.save_pretrained(stage.path)
        shutil.copyfile(tokenizer_path, stage.path / "tokenizer.json")
        pq.write_table(scores.table(), stage.path / "held_out.parquet")
        np.save(stage.path / "delivered.npy", delivered, allow_pickle=False)
        meaning = {
            "weights": file_facts(stage.path / "model.safetensors")["sha256"],
            "tokenizer": file_facts(stage.path / "tokenizer.json")["sha256"],
            "schedule": schedule.digest,
            "recipe": config.recipe(),
        }
        manifest = {
            "step": summary.steps,
            "tokens": summary.tokens,
            "train_config": config.as_json(),
            "schedule": schedule.digest,
            "sequences": schedule.sequences_digest,
            "summary": summary.as_json(),
        }
        return stage.seal(sha256_json(meaning), manifest)
