"""Reports with items, for pages: real artefacts of made-up answers, no model behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count

from chimera.projects.access import Actor
from chimera.typed import sha256_json
from eval_app.core.evaluation import Evaluation
from eval_app.core.item_results import ITEMS_FILE, ItemResult, write_items
from eval_app.core.scorers.choices import Choices
from eval_app.core.task_scores import scores_of
from eval_app.core.tasks.definition import TaskDefinition
from eval_app.models import EvalReport
from eval_app.services.evaluations import add_scores
from tests.factories import store
from training_app.models import Checkpoint, TrainingRun

_numbers = count(1)


def make_checkpoint_row(actor: Actor, *, run: TrainingRun | None = None, tokens: int = 0) -> Checkpoint:
    """A row whose files are nowhere: enough for pages that name it."""
    number = next(_numbers)
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return Checkpoint.objects.create(
        project=actor.project, name=f"model {number}", version=1, digest=digest, run=run, tokens=tokens
    )


def make_report(
    actor: Actor,
    right: Callable[[int], bool],
    *,
    items: int = 40,
    task: str = "algebra",
    chance: float = 0.5,
    **at: object,
) -> EvalReport:
    """A report of one task over two options; `right(n)` says whether item n was answered well."""
    results = [_item(task, n, right(n)) for n in range(items)]
    definition = TaskDefinition.model_validate({"task": task, "metadata": {"chance": chance}})
    scores = scores_of(definition, Choices.metrics, results)
    checkpoint = make_checkpoint_row(actor, **at)
    manifest = {
        "checkpoint": checkpoint.digest,
        "scores": {"held_out/code": 2.5, "held_out/macro": 2.5}
        | {f"{each.task}/{each.metric}": each.value for each in scores},
        "unigram": {"code": 4.0},
        "task_scores": [each.as_json() for each in scores],
        "tasks": [{"task": task, "title": task, "asked": items, "present": items, "items": "0" * 64, "definition": {}}],
        "missing": {},
    }
    with store().stage(Evaluation.ref_kind) as stage:
        write_items(stage.path / ITEMS_FILE, results)
        stored = stage.seal(sha256_json(manifest), manifest)
    report = EvalReport.objects.create(
        project=actor.project, name="exam", version=next(_numbers), digest=stored.digest, checkpoint=checkpoint,
        manifest=manifest, scores=manifest["scores"],
    )  # fmt: skip
    add_scores(report)
    return report


def _item(task: str, number: int, right: bool) -> ItemResult:
    values = {"accuracy": float(right), "correct_answer_loss": 0.7}
    return ItemResult(
        task, f"q-{number}", f"What is {number}?", "this", float(right), values, ["this", "that"], [-1.0, -2.0], [1, 2],
        facts={"right": 0, "chosen": 0 if right else 1},
    )  # fmt: skip
