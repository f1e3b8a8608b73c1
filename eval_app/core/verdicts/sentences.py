"""A verdict in plain words (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from eval_app.core.statistics import LIMIT
from eval_app.core.verdicts.outcome import Outcome
from eval_app.core.verdicts.verdict import ArmSummary, Interval


@dataclass(frozen=True)
class About:
    """What the sentences on one arm speak of."""

    outcome: Outcome
    arm: str
    base: str
    alpha: float
    floor: float | None

    def difference(self, interval: Interval) -> str:
        """The size with its interval: "0.0200 fewer bits per byte on average over 5 seeds (95 % interval …)"."""
        unit = f"{_direction(self.outcome, interval.mean)} {self.outcome.unit}"
        return (
            f"{number(abs(interval.mean))} {unit} on average over {interval.n} seeds "
            f"({percent(1 - self.alpha)} interval of the difference {number(interval.low)} to {number(interval.high)}, "
            f"p = {interval.p_holm:.2g})"
        )

    def cannot_tell(self, interval: Interval, more: int | None) -> str:
        seen = self.difference(interval)
        return f"Cannot tell whether {self.arm} is better or worse than {self.base}: {seen}. {need(more)}"

    def yardstick(self, ratio: float, match: str, interval: Interval | None) -> str:
        """Of an arm that had another budget: never better or worse, whatever it reached."""
        spent = "tokens" if match == "tokens" else "compute"
        seen = "" if interval is None else f" It ended with {self.difference(interval)}."
        return f"{self.arm} had {ratio:.3g} times the {spent} of {self.base}: a yardstick, not a rival.{seen}"

    def too_few(self, pairs: int, weak: list[ArmSummary], more: int | None) -> str:
        seeds = "no seed" if not pairs else f"{pairs} seed" + ("s" if pairs > 1 else "")
        parts = [
            f"Cannot tell: {seeds} cannot carry a verdict on {self.arm} against {self.base}; it takes at least three."
        ]
        parts.append(need(more))
        if weak and pairs:
            parts.append(self.untrained(weak))
        return " ".join(parts)

    def untrained(self, weak: list[ArmSummary]) -> str:
        names = " and ".join(
            f"{arm.name} reaches {arm.mean:.3f}" if self.outcome.is_held_out and arm.mean is not None else arm.name
            for arm in weak
        )
        beyond = "" if self.outcome.is_held_out else " does not beat token frequencies:"
        return (
            f"Not trained enough to compare: {names}{beyond} bits per byte of held-out text, "
            f"and token frequencies alone reach {self.floor or 0:.3f}. Train on more tokens or raise the learning rate."
        )


def failure(outcome: Outcome, arm: str, missing: list[int]) -> str:
    """Which arm gave no number at which seeds; empty if it gave them all."""
    if not missing:
        return ""
    lacks = "a held-out score" if outcome.is_held_out else f"a number of {outcome.metric}"
    plural = "s" if len(missing) > 1 else ""
    return f"arm {arm} failed, without {lacks} at seed{plural} {', '.join(map(str, missing))}"


def need(more: int | None) -> str:
    if more is None:
        return f"More than {LIMIT:,} seeds would be needed if the true difference is the one seen."
    return f"It needs about {more} more seed{'s' if more != 1 else ''} if the true difference is the one seen."


def _direction(outcome: Outcome, mean: float) -> str:
    return ("fewer" if mean < 0 else "more") if outcome.is_held_out else ("lower" if mean < 0 else "higher")


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def number(value: float) -> str:
    """Four decimals, or two significant digits if that shows nothing."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 5e-4 else f"{value:.2g}"
