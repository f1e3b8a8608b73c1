"""The `evaluate` job: held-out bits per byte of a checkpoint, and tasks. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from chimera.artefacts import Stored, file_facts
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.configs_evaluate import EvaluateConfig, TasksConfig
from eval_app.core.evaluation import save_evaluation
from eval_app.core.tasks.bundled import bundled_suites, bundled_task, bundled_tasks
from eval_app.core.tasks.definition import TaskDefinition
from training_app.core.checkpoint import Checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from eval_app.core.examination import Examination


@dataclass(frozen=True)
class EvaluateResult:
    """The evaluation artefact."""

    stored: Stored


def run(config: EvaluateConfig, ctx: Context) -> EvaluateResult:
    """Score every held-out window once, then ask every task.

    Raises:
        InputError: the checkpoint was trained with another tokenizer, or the sequences hold no held-out text.
    """
    import torch

    from training_app.core.engine import resolve_device

    checkpoint = ctx.open(config.checkpoint)
    table = None if config.sequences is None else ctx.open(config.sequences)
    if table is not None:
        require_same_tokenizer(checkpoint, table)
    torch.set_num_threads(config.threads)
    model = checkpoint.load_model()
    model.to(resolve_device(config.device))  # type: ignore[arg-type]
    held_out = None if table is None else _held_out(model, table)
    ctx.check()
    examined = _examine(config, ctx, model, checkpoint) if config.asks else None
    return EvaluateResult(save_evaluation(ctx.store, checkpoint, held_out=held_out, examined=examined))


def _held_out(model: PreTrainedModel, table: SequenceTable) -> tuple[SequenceTable, pa.Table, dict[str, float]]:
    from training_app.core.held_out import HeldOutText

    scores = HeldOutText(table.held_out(), table.eos_id, model.device).score(model)
    return table, scores.table(), scores.metrics()


def _examine(config: TasksConfig, ctx: Context, model: PreTrainedModel, checkpoint: Checkpoint) -> Examination:
    from tokenizers import Tokenizer

    from eval_app.core.examination import examine
    from eval_app.core.language_model import CheckpointLM

    done = 0

    def after(requests: int) -> None:
        nonlocal done
        done += requests
        ctx.check()
        ctx.progress(done, unit="requests")

    words = Tokenizer.from_file(str(checkpoint.tokenizer_path))
    lm = CheckpointLM(model, words, model.config.eos_token_id, model.config.max_position_embeddings, after)
    definitions, missing = chosen_tasks(config, ctx)
    benchmarks = [ctx.open(each) for each in config.benchmarks]
    found = examine(
        lm,
        definitions,
        benchmarks,
        limit=config.limit,
        seed=config.items_seed,
        began=lambda task, items: ctx.log(f"{task.title}: {items:,} items"),
    )
    found.missing |= missing
    for task, reason in found.missing.items():
        ctx.log(f"{task} was not run: {reason}", "warning")
    return found


def chosen_tasks(config: TasksConfig, ctx: Context) -> tuple[list[TaskDefinition], dict[str, str]]:
    """`(tasks to run, tasks of the suite that cannot be run and why)`; each once, the suite's first."""
    suite = bundled_suites()[config.suite]
    names = dict.fromkeys([*(name for name in suite.tasks if name in bundled_tasks()), *config.tasks])
    own = [ctx.open(each).definition for each in config.own_tasks]
    return [*map(bundled_task, names), *own], dict(suite.missing)


def require_same_tokenizer(checkpoint: Checkpoint, table: SequenceTable) -> None:
    """Token ids mean the same on both sides.

    Raises:
        InputError: they do not.
    """
    if file_facts(checkpoint.tokenizer_path) != file_facts(table.tokenizer_path):
        message = "the checkpoint was trained with another tokenizer than these sequences were made with"
        raise InputError(Problem(message, field="sequences", hint="choose sequences of the checkpoint's own lineage"))
