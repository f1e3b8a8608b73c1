"""Items of a report as a person reads them, and two reports item by item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db.models import QuerySet

from chimera.projects.access import Actor
from curriculum_app.models import TaxonomyNode
from curriculum_app.selectors.window import Window
from eval_app.core.item_results import ITEMS_FILE, ItemResult
from eval_app.core.skills import Change, Key, change
from eval_app.core.statistics import BOOTSTRAP_AT_LEAST, Bootstrap, paired_bootstrap
from eval_app.models import EvalReport
from eval_app.selectors.item_scores import file_of, item_scores
from eval_app.selectors.skills import SkillMap

Fate = Literal["", "right", "wrong"]
Turn = Literal["", "won", "lost", "both", "neither"]


def reports_with_items(actor: Actor) -> QuerySet[EvalReport]:
    """Reports of which tasks were asked, the newest first."""
    return (
        EvalReport.objects.filter(project=actor.project, task_scores__isnull=False)
        .distinct()
        .select_related("checkpoint__run")
        .order_by("-pk")
    )


def table_of(report: EvalReport) -> pa.Table | None:
    """Every item of a report; None where its files are not on this machine, or no task was asked."""
    path = file_of(report, ITEMS_FILE)
    return pq.read_table(path) if path is not None else None


def found_items(
    table: pa.Table, task: str = "", fate: Fate = "", words: str = "", keys: Iterable[Key] | None = None
) -> Window[ItemResult]:
    """The items that fit, in the order of the file."""
    mask = pa.array(np.ones(len(table), dtype=bool))
    if task:
        mask = pc.and_(mask, pc.equal(table["task"], task))
    if fate:
        right = pc.greater_equal(table["main"], 0.5)
        mask = pc.and_(mask, right if fate == "right" else pc.invert(right))
    if words:
        mask = pc.and_(mask, pc.match_substring(table["prompt"], words, ignore_case=True))
    rows = table.filter(mask)
    if keys is not None:
        wanted = set(keys)
        pairs = zip(rows["task"].to_pylist(), rows["item"].to_pylist(), strict=True)
        rows = rows.filter(pa.array([pair in wanted for pair in pairs], pa.bool_()))
    return Window(
        len(rows), lambda offset, limit: [ItemResult.from_row(row) for row in rows.slice(offset, limit).to_pylist()]
    )


def items_of_node(actor: Actor, report: EvalReport, node: TaxonomyNode) -> list[Key]:
    """The items of a report that test a node of the taxonomy."""
    return SkillMap(actor, [report]).items_of(node, report)


def find_item(report: EvalReport, task: str, item: str) -> ItemResult | None:
    """One item of a report."""
    table = table_of(report)
    if table is None:
        return None
    rows = table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["item"], item))).to_pylist()
    return ItemResult.from_row(rows[0]) if rows else None


@dataclass(frozen=True)
class Option:
    """One option of an item as a page shows it. `share`: of probability among the options, per token if `per_token`."""

    text: str
    loglikelihood: float
    tokens: int
    per_token: float
    share: float
    right: bool
    chosen: bool


def options_of(result: ItemResult) -> list[Option]:
    """The options with what the model gave each; shares are a softmax of log-likelihoods per token."""
    if not result.options or len(result.loglikelihoods) != len(result.options):
        return []
    per_token = [value / max(n, 1) for value, n in zip(result.loglikelihoods, result.tokens, strict=True)]
    weights = np.exp(np.array(per_token) - max(per_token))
    right, chosen = result.facts.get("right"), result.facts.get("chosen")
    return [
        Option(text, value, n, mean, float(weight / weights.sum()), place == right, place == chosen)
        for place, (text, value, n, mean, weight) in enumerate(
            zip(result.options, result.loglikelihoods, result.tokens, per_token, weights, strict=True)
        )
    ]


@dataclass(frozen=True)
class TaskChange:
    """Two reports on one task, on the items both answered."""

    task: str
    before: float
    after: float
    change: Change
    bootstrap: Bootstrap | None


def task_changes(before: EvalReport, after: EvalReport) -> list[TaskChange]:
    """Every task both have; the interval is a bootstrap over items, from 20 items on."""
    old, new = item_scores(before), item_scores(after)
    first, second = (
        dict(zip(old.keys, old.right.tolist(), strict=True)),
        dict(zip(new.keys, new.right.tolist(), strict=True)),
    )
    found = []
    for task in dict.fromkeys(task for task, _ in new.keys):
        keys = [key for key in new.keys if key[0] == task and key in first]
        changed = change(old, new, keys)
        if changed is None:
            continue
        mine, theirs = [second[key] for key in keys], [first[key] for key in keys]
        enough = len(keys) >= BOOTSTRAP_AT_LEAST
        bootstrap = paired_bootstrap(mine, theirs, resamples=2000) if enough else None
        found.append(TaskChange(task, float(np.mean(theirs)), float(np.mean(mine)), changed, bootstrap))
    return found


@dataclass(frozen=True)
class Turned:
    """One item in both reports."""

    before: ItemResult
    after: ItemResult

    @property
    def turn(self) -> Turn:
        old, new = self.before.main >= 0.5, self.after.main >= 0.5
        return ("both" if new else "lost") if old else ("won" if new else "neither")


def turned_items(before: EvalReport, after: EvalReport, turn: Turn = "", task: str = "") -> list[Turned]:
    """The items both have, of one task or all, with one outcome or any, in the order of the later report's file."""
    first, second = table_of(before), table_of(after)
    if first is None or second is None:
        return []
    wanted = [table.filter(pc.equal(table["task"], task)) if task else table for table in (first, second)]
    old = {(row["task"], row["item"]): row for row in wanted[0].to_pylist()}
    pairs = [
        Turned(ItemResult.from_row(old[key]), ItemResult.from_row(row))
        for row in wanted[1].to_pylist()
        if (key := (row["task"], row["item"])) in old
    ]
    return [pair for pair in pairs if not turn or pair.turn == turn]
