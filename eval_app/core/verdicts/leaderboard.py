"""Arms by the end of their interval that speaks least for them (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from eval_app.core.verdicts.verdict import Comparison, Verdict


@dataclass(frozen=True)
class Leader:
    """One row. `rank` is None for arms that had another budget; `least` is the pessimistic end of the difference. The
    baseline differs from itself by nothing."""

    rank: int | None
    arm: str
    mean: float | None
    comparison: Comparison | None  # None: the baseline
    least: float | None


def leaderboard(verdict: Verdict) -> list[Leader]:
    """All arms: the best at the pessimistic end of its interval first, those without an interval last."""
    means = {arm.name: arm.mean for arm in verdict.arms}
    sign = 1 if verdict.better == "lower" else -1
    rows = [Leader(None, each.arm, means.get(each.arm), each, _least(each, sign)) for each in verdict.comparisons]
    rows.append(Leader(None, verdict.baseline, means.get(verdict.baseline), None, 0.0))
    rows.sort(key=lambda row: (row.least is None, sign * (row.least or 0.0)))
    ranked, place = [], 0
    for row in rows:
        rival = row.comparison is None or row.comparison.matched
        place += rival
        ranked.append(Leader(place if rival else None, row.arm, row.mean, row.comparison, row.least))
    return ranked


def _least(comparison: Comparison, sign: int) -> float | None:
    if comparison.interval is None:
        return None
    return comparison.interval.high if sign > 0 else comparison.interval.low
