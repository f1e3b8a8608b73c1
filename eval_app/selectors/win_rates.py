"""Win rates of one report against a baseline: by rule, by judges, by persons; and the next pair for a person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from chimera.projects.access import Actor
from eval_app.core.item_results import ItemResult
from eval_app.core.win_rate import Choice, WinRate, by_rule, counted, pairs_of, sides
from eval_app.models import EvalReport, PairVote
from eval_app.selectors.items import table_of

Pair = tuple[ItemResult, ItemResult]


@dataclass(frozen=True)
class Judged:
    """The win rate on one task as somebody judges it."""

    task: str
    by: str
    rate: WinRate


@dataclass(frozen=True)
class BlindPair:
    """Two answers without names. `left` and `right` say what a vote for that side means, and are not shown."""

    item: ItemResult
    answers: tuple[str, str]
    left: Choice
    right: Choice
    done: int
    of: int


def win_rates(candidate: EvalReport, baseline: EvalReport) -> list[Judged]:
    """Every task that both answered, by rule; then what judges and persons have said."""
    return [*_by_rule(candidate, baseline), *_by_votes(candidate, baseline)]


def _by_rule(candidate: EvalReport, baseline: EvalReport) -> list[Judged]:
    higher = {score.task: score.higher_is_better for score in candidate.task_scores.filter(main=True)}
    found: dict[str, list[Choice]] = defaultdict(list)
    for pair in _pairs(candidate, baseline):
        choice = by_rule(pair, higher_is_better=higher.get(pair[0].task, True))
        if choice:
            found[pair[0].task].append(choice)
    return [Judged(task, "rule: the task's score", counted(choices)) for task, choices in found.items()]


def _by_votes(candidate: EvalReport, baseline: EvalReport) -> list[Judged]:
    votes = PairVote.objects.filter(candidate=candidate, baseline=baseline).select_related("judge__run")
    found: dict[tuple[str, str], list[Choice]] = defaultdict(list)
    for vote in votes:
        by = f"judge: {vote.judge.label}" if vote.judge else f"person: {vote.voter}"
        found[vote.task, by].append(vote.choice)  # type: ignore[arg-type]  # the column's choices are those
    return [Judged(task, by, counted(choices)) for (task, by), choices in sorted(found.items())]


def generated_tasks(candidate: EvalReport, baseline: EvalReport) -> list[str]:
    """Tasks whose answers a person can read."""
    return list(dict.fromkeys(one.task for one, _ in _readable(candidate, baseline)))


def next_pair(actor: Actor, candidate: EvalReport, baseline: EvalReport, task: str) -> BlindPair | None:
    """The first pair that the actor has not judged; None when all are."""
    pairs = [pair for pair in _readable(candidate, baseline) if pair[0].task == task]
    votes = PairVote.objects.filter(candidate=candidate, baseline=baseline, task=task, voter=actor.name)
    done = set(votes.values_list("item", flat=True))
    left = [pair for pair in pairs if pair[0].item not in done]
    if not left:
        return None
    one, other = left[0]
    first, second = order_of(actor, candidate, baseline, task, one.item)
    texts = {"candidate": one.answers[0], "baseline": other.answers[0]}
    return BlindPair(one, (texts[first], texts[second]), first, second, len(pairs) - len(left), len(pairs))


def order_of(actor: Actor, candidate: EvalReport, baseline: EvalReport, task: str, item: str) -> tuple[Choice, Choice]:
    """Whose answer stands left and right for this person."""
    return sides(f"{candidate.digest}/{baseline.digest}/{task}/{item}/{actor.name}")


def _readable(candidate: EvalReport, baseline: EvalReport) -> list[Pair]:
    """Pairs with something to choose between: equal answers are put to nobody."""
    found = _pairs(candidate, baseline)
    return [
        (one, other) for one, other in found if one.answers and other.answers and one.answers[0] != other.answers[0]
    ]


def _pairs(candidate: EvalReport, baseline: EvalReport) -> list[Pair]:
    tables = [table_of(report) for report in (candidate, baseline)]
    rows = [[] if table is None else [ItemResult.from_row(row) for row in table.to_pylist()] for table in tables]
    return pairs_of(*rows)
