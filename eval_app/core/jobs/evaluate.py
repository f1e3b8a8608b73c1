"""The `evaluate` job: held-out bits per byte of a checkpoint, and tasks. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.configs_evaluate import EvaluateConfig, TasksConfig
from eval_app.core.contamination import items_read
from eval_app.core.evaluation import HeldOutScored, save_evaluation
from eval_app.core.held_out_windows import trained_on, windows_for
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

    Held-out text made with another tokenizer is cut by the checkpoint's own: the same bytes, so bits per byte compare.

    Raises:
        InputError: the checkpoint's tokenizer does not give the text back, or the sequences hold no held-out text.
    """
    import torch

    from training_app.core.engine import resolve_device

    checkpoint = ctx.open(config.checkpoint)
    table = None if config.sequences is None else ctx.open(config.sequences)
    torch.set_num_threads(config.threads)
    model = checkpoint.load_model()
    model.to(resolve_device(config.device))  # type: ignore[arg-type]
    held_out = None if table is None else _held_out(config, ctx, model, checkpoint, table)
    ctx.check()
    examined = _examine(config, ctx, model, checkpoint) if config.asks else None
    return EvaluateResult(save_evaluation(ctx.store, checkpoint, held_out=held_out, examined=examined))


def _held_out(
    config: EvaluateConfig, ctx: Context, model: PreTrainedModel, checkpoint: Checkpoint, table: SequenceTable
) -> HeldOutScored:
    from training_app.core.held_out import HeldOutText

    ends = model.config.eos_token_id
    eos_id = ends[0] if isinstance(ends, list) else ends
    windows = windows_for(checkpoint, table, eos_id, config.window_tokens, config.context_tokens)
    if windows.how is not None:
        ctx.log(f"held-out text is cut anew: {windows.how.max_len} tokens at once, context {windows.how.context_len}")
    scores = HeldOutText(windows.parts, windows.eos_id, model.device).score(model)
    found = windows.with_text(scores.table(), trained_on(checkpoint, table, ctx.store))
    return HeldOutScored(table, found, scores.metrics(), windows.facts)


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
        read=lambda benchmark: items_read(ctx.store, checkpoint, benchmark),
        began=lambda task, items: ctx.log(f"{task.title}: {items:,} items"),
    )
    found.missing |= missing
    found.sum_up(config.suite, bundled_suites()[config.suite])
    for facts in found.tasks:
        if cut := sum(facts["cut"].values()):
            ctx.log(f"{facts['title']}: {cut:,} items are longer than the model's context and were cut", "warning")
    for task, reason in found.missing.items():
        ctx.log(f"{task} was not run: {reason}", "warning")
    return found


def chosen_tasks(config: TasksConfig, ctx: Context) -> tuple[list[TaskDefinition], dict[str, str]]:
    """`(tasks to run, tasks of the suite that cannot be run and why)`; each once, the suite's first."""
    suite = bundled_suites()[config.suite]
    names = dict.fromkeys([*(name for name in suite.tasks if name in bundled_tasks()), *config.tasks])
    own = [ctx.open(each).definition for each in config.own_tasks]
    return [*map(bundled_task, names), *own], dict(suite.missing)
