"""What the runs table knows of a run while it trains: latest and best values, a sparkline, the pace (pure)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from training_app.core.metric_keys import describe

SPARKLINE_KEY = "loss"
SPARKLINE_POINTS = 60
PACE_SECONDS = 60.0

Stored = float | str


def stored_number(value: float) -> Stored:
    """A float as JSON can hold it: NaN and infinities become the strings "NaN", "Infinity" and "-Infinity"."""
    value = float(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


class Sparkline:
    """Means over stretches of equal length whose number never exceeds `SPARKLINE_POINTS`: when full, pairs merge."""

    def __init__(self) -> None:
        self._means: list[float] = []
        self._stretch = 1
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        if not math.isfinite(value):
            return
        self._sum += value
        self._count += 1
        if self._count == self._stretch:
            self._means.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
        if len(self._means) == SPARKLINE_POINTS:
            self._means = [a / 2 + b / 2 for a, b in zip(self._means[::2], self._means[1::2], strict=True)]
            self._stretch *= 2

    def values(self) -> list[float]:
        """Finished stretches and the one under way, five significant digits each."""
        under_way = [self._sum / self._count] if self._count else []
        shown = (float(f"{value:.5g}") for value in self._means + under_way)
        return [value for value in shown if math.isfinite(value)]  # sums of huge values overflow


class Tally:
    """Fold of all points of a run. Replaying the kept points after a rewind gives the same tally (tested)."""

    def __init__(self) -> None:
        self.step = 0
        self.tokens = 0
        self.best: dict[str, float] = {}
        self._latest: dict[str, float] = {}
        self._sparkline = Sparkline()
        self._pace: deque[tuple[float, int]] = deque()
        self._known: set[str] = set()
        self._better: dict[str, Callable[[float, float], float]] = {}  # of the keys that have a direction

    @property
    def keys(self) -> Iterable[str]:
        """Of all series so far."""
        return self._latest.keys()

    @property
    def latest(self) -> dict[str, Stored]:
        """The newest value of every series, as JSON can hold it."""
        return {key: stored_number(value) for key, value in self._latest.items()}

    def add(self, step: int, tokens: int, time: float, values: Mapping[str, float]) -> None:
        """Count the points of one step; `time` in seconds."""
        self.reached(step, tokens, time)
        self._latest.update(values)
        if len(self._latest) != len(self._known):
            self._meet(values)
        for key, better in self._better.items():
            value = values.get(key)
            if value is not None and math.isfinite(value):
                self.best[key] = better(self.best.get(key, value), value)
        if SPARKLINE_KEY in values:
            self._sparkline.add(values[SPARKLINE_KEY])

    def reached(self, step: int, tokens: int, time: float) -> None:
        """Move step, tokens and pace. A clock that was set back begins a new minute."""
        self.step, self.tokens = step, tokens
        if self._pace and time < self._pace[-1][0]:
            self._pace.clear()
        self._pace.append((time, tokens))
        while time - self._pace[0][0] > PACE_SECONDS:
            self._pace.popleft()

    def recall(self, key: str, latest: float, lowest: float | None, highest: float | None) -> None:
        """Know a series by its newest value and by the extremes of its finite values, without its points."""
        self._latest[key] = latest
        self._meet([key])
        better = self._better.get(key)
        extreme = lowest if better is min else highest
        if better is not None and extreme is not None:
            self.best[key] = better(self.best.get(key, extreme), extreme)

    def recall_line(self, values: Iterable[float]) -> None:
        """Draw the sparkline through older values of its series."""
        for value in values:
            self._sparkline.add(value)

    def _meet(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key not in self._known:
                self._known.add(key)
                direction = describe(key).direction
                if direction != "none":
                    self._better[key] = min if direction == "lower" else max

    def sparkline(self) -> list[float]:
        return self._sparkline.values()

    def pace(self) -> float | None:
        """Tokens a second of wall clock over the last minute, evaluations included; None before two points."""
        if len(self._pace) < 2:
            return None
        (first_time, first), (last_time, last) = self._pace[0], self._pace[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else None
