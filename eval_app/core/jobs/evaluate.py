"""The `evaluate` job: held-out bits per byte of a checkpoint. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefacts import Stored, file_facts
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.configs_evaluate import EvaluateConfig
from eval_app.core.evaluation import save_evaluation
from training_app.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class EvaluateResult:
    """The evaluation artefact and its scores: `held_out/<domain>` and `held_out/macro`, bits per byte."""

    stored: Stored
    scores: dict[str, float]


def run(config: EvaluateConfig, ctx: Context) -> EvaluateResult:
    """Score every held-out window once.

    Raises:
        InputError: the checkpoint was trained with another tokenizer, or the sequences hold no held-out text.
    """
    import torch

    from training_app.core.engine import resolve_device
    from training_app.core.held_out import HeldOutText

    checkpoint, table = ctx.open(config.checkpoint), ctx.open(config.sequences)
    require_same_tokenizer(checkpoint, table)
    torch.set_num_threads(config.threads)
    device = torch.device(resolve_device(config.device))
    model = checkpoint.load_model()
    model.to(device)  # type: ignore[arg-type]
    scores = HeldOutText(table.held_out(), table.eos_id, device).score(model)
    ctx.check()
    stored = save_evaluation(ctx.store, checkpoint, table, scores.table(), scores.metrics())
    return EvaluateResult(stored, scores.metrics())


def require_same_tokenizer(checkpoint: Checkpoint, table: SequenceTable) -> None:
    """Token ids mean the same on both sides.

    Raises:
        InputError: they do not.
    """
    if file_facts(checkpoint.tokenizer_path) != file_facts(table.tokenizer_path):
        message = "the checkpoint was trained with another tokenizer than these sequences were made with"
        raise InputError(Problem(message, field="sequences", hint="choose sequences of the checkpoint's own lineage"))
