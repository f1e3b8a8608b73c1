"""`Checkpoint`: a model as an artefact, readable by `transformers` (torch-free until a model is loaded).

Files: `config.json`, `generation_config.json`, `tokenizer.json` (perhaps a chat template), and the weights: whole in
`model.safetensors`, or of an adapter in `adapter_model.safetensors` beside `adapter_config.json`. Of a run also
`held_out.parquet` (one row per window: domain, window, nll, tokens, bytes), `delivered.npy` (the schedule rows that
were fed), `row_losses.npy` (the mean loss of each, nats per target) and, if asked for, `optimizer.safetensors`. Where
the order was decided during the run also `journal` and `chooser`, each as NPZ and JSON.

Manifest: `parameters`, `context_length`, `vocab_size`, `architecture`, `adapter` (key and config), `base` (digest of
the checkpoint it was trained from, or null), `licence`, `step`, `tokens`, `next_row` (of the schedule), `summary` (see
`training_app.core.summary`), `train_config`, `schedule` and `sequences` digests. The entries of a run are absent in an
imported model. An average has `averaged` (digests of its sources, the oldest first) and `average` (see
`training_app.core.averaging`), of the entries of a run those that its sources share, and a summary of its scores alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stage, Stored, file_facts
from chimera.disk import space_for
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from training_app.core.summary import TrainSummary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training_app.core.engine import Run
    from training_app.core.held_out import HeldOutScores
    from training_app.core.token_loss import TextLoss

WEIGHTS, ADAPTER_WEIGHTS, MOMENTS = "model.safetensors", "adapter_model.safetensors", "optimizer.safetensors"
READING = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


class Checkpoint(Opened):
    """An opened checkpoint."""

    ref_kind: ClassVar[str] = "checkpoint"

    @property
    def tokenizer_path(self) -> Path:
        return self.path / "tokenizer.json"

    @property
    def moments_path(self) -> Path:
        """The optimizer's state.

        Raises:
            InputError: it was not kept.
        """
        if not (self.path / MOMENTS).is_file():
            hint = "keep the optimizer's state with the run's checkpoints, or start with a fresh one"
            raise InputError(Problem("the base holds no optimizer state", field="carry_moments", hint=hint))
        return self.path / MOMENTS

    @property
    def summary(self) -> TrainSummary:
        return TrainSummary.model_validate(self.manifest["summary"])

    @property
    def is_adapter(self) -> bool:
        return ADAPTER_WEIGHTS in self.manifest["files"]

    @property
    def weights_digest(self) -> str:
        """Hex sha256 of the weights' file: equal for bit-equal weights."""
        return str(self.manifest["files"][ADAPTER_WEIGHTS if self.is_adapter else WEIGHTS]["sha256"])

    @property
    def licence(self) -> str:
        return str(self.manifest.get("licence") or "")

    def load_model(self) -> PreTrainedModel:
        """The model in float32, in evaluation mode, from the store alone; an adapter is merged into its base."""
        return self._merged() if self.is_adapter else whole_model(self.path)

    def load_base(self) -> Checkpoint:
        """The checkpoint this one was trained from.

        Raises:
            FileNotFoundError: it was deleted.
        """
        store = ArtefactStore(self.path.parents[2])
        return Checkpoint.open(store.load(self.ref_kind, str(self.manifest["base"])))

    def _merged(self) -> PreTrainedModel:
        from peft import PeftModel

        adapted = PeftModel.from_pretrained(self.load_base().load_model(), str(self.path))
        model: PreTrainedModel = adapted.merge_and_unload()
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


def whole_model(folder: Path) -> PreTrainedModel:
    """The model whose whole weights lie in `folder`, in float32, in evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    model.train(False)
    return model


def save_checkpoint(store: ArtefactStore, run: Run, scores: HeldOutScores, summary: TrainSummary) -> Stored:
    """Store a run as it stands. The digest hashes weights, recipe, schedule and tokenizer; never times or machine."""
    from training_app.core.resume_point import bytes_of

    schedule, config = run.schedule, run.config
    needed = bytes_of(run.model, run.optimizer if config.keep_moments else None)
    with space_for(store.root, needed, "a checkpoint"), store.stage(Checkpoint.ref_kind) as stage:
        weights = _write_model(stage, run)
        pq.write_table(scores.table(), stage.path / "held_out.parquet")
        np.save(stage.path / "delivered.npy", run.state.delivered_rows(), allow_pickle=False)
        np.save(stage.path / "row_losses.npy", run.state.all_row_losses(), allow_pickle=False)
        for name, remembered in run.batches.memory().items():
            remembered.save(stage.path, name)
        meaning = {
            "weights": file_facts(stage.path / weights)["sha256"],
            "tokenizer": file_facts(stage.path / "tokenizer.json")["sha256"],
            "schedule": schedule.digest,
            "recipe": config.recipe(),
            **({"order": summary.planned_digest} if schedule.is_adaptive else {}),
        }
        manifest = {
            **model_facts(run),
            "step": summary.steps,
            "tokens": summary.tokens,
            "next_row": config.first_row + len(run.state.delivered_rows()),
            "train_config": config.as_json(),
            "schedule": schedule.digest,
            "sequences": schedule.sequences_digest,
            "summary": summary.as_json(),
        }
        return stage.seal(sha256_json(meaning), manifest)


def _write_model(stage: Stage, run: Run) -> str:
    """Weights, configs, tokenizer, moments; returns the name of the weights' file."""
    from training_app.core.resume_point import save_moments

    run.model.save_pretrained(stage.path)
    run.model.config.save_pretrained(stage.path)  # an adapter alone does not say what it sits on
    sequences = run.table.tokenizer_path.parent
    for source in (run.base.path if run.base is not None else sequences, sequences):
        for name in READING:
            if (source / name).is_file():  # a template that the sequences were written with goes before the base's own
                shutil.copyfile(source / name, stage.path / name)
    if run.config.keep_moments:
        save_moments(stage.path / MOMENTS, run.model, run.optimizer)
    return ADAPTER_WEIGHTS if (stage.path / ADAPTER_WEIGHTS).is_file() else WEIGHTS


def model_facts(run: Run) -> dict[str, Any]:
    """What a table of models shows."""
    from training_app.core.model import context_length, num_parameters

    return {
        "parameters": num_parameters(run.model, trained_only=False),
        "context_length": context_length(run.model),
        "vocab_size": run.model.config.vocab_size,
        "architecture": run.model.config.model_type,
        "adapter": run.config.adapter.as_json(),
        "base": run.base.digest if run.base is not None else None,
        "licence": run.base.licence if run.base is not None else "",
    }
