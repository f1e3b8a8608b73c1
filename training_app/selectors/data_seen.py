"""What a run was really shown: shares of groups, and whether that is what its schedule planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training_app.core.metric_keys import describe
from training_app.models import TrainingRun

Word = Literal["equal", "different", "pending"]


@dataclass(frozen=True)
class OrderVerdict:
    """Delivered against planned order: equal digests mean the same rows in the same order."""

    word: Word
    planned: str
    delivered: str


def verdict_on_order(run: TrainingRun) -> OrderVerdict:
    """The check of every run: pending until it has ended."""
    if not run.delivered_digest:
        word: Word = "pending"
    else:
        word = "equal" if run.delivered_digest == run.planned_digest else "different"
    return OrderVerdict(word, run.planned_digest, run.delivered_digest)


@dataclass(frozen=True)
class GroupShare:
    """Share of all tokens so far of one group; `planned` is None where no plan speaks of it."""

    group: str
    delivered: float
    planned: float | None
    tokens: float


def delivered_shares(run: TrainingRun) -> list[tuple[str, list[GroupShare]]]:
    """Tables by grouping (difficulty, domain) from the newest mixture points; empty before the first step."""
    tables = []
    for title, middle in (("By domain", "domain/"), ("By difficulty", "")):
        pattern = f"mixture/delivered/{middle}*"
        keys = sorted(key for key in run.latest if describe(key).pattern == pattern)
        rows = [_share(run, key, pattern, middle) for key in keys]
        if rows:
            tables.append((title, rows))
    return tables


def _share(run: TrainingRun, key: str, pattern: str, middle: str) -> GroupShare:
    group = key.removeprefix(pattern[:-1])
    delivered = float(run.latest[key])
    planned = run.latest.get(f"mixture/planned/{middle}{group}")
    return GroupShare(group, delivered, None if planned is None else float(planned), delivered * run.tokens)
