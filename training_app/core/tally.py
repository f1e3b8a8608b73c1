"""What the runs table knows of a run while it trains: latest and best values, a sparkline, the pace (pure)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

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
            self._means = [(a + b) / 2 for a, b in zip(self._means[::2], self._means[1::2], strict=True)]
            self._stretch *= 2

    def values(self) -> list[float]:
        """Finished stretches and the one under way, five significant digits each."""
        under_way = [self._sum / self._count] if self._count else []
        return [float(f"{value:.5g}") for value in self._means + under_way]


class Tally:
    """Fold of all points of a run. Replaying the kept points after a rewind gives the same tally (tested)."""

    def __init__(self) -> None:
        self.step = 0
        self.tokens = 0
        self.latest: dict[str, Stored] = {}
        self.best: dict[str, float] = {}
        self._sparkline = Sparkline()
        self._pace: deque[tuple[float, int]] = deque()
        self._directions: dict[str, str] = {}

    def add(self, step: int, tokens: int, time: float, values: Mapping[str, float]) -> None:
        """Count the points of one step; `time` in seconds."""
        self.step, self.tokens = step, tokens
        self._pace.append((time, tokens))
        while time - self._pace[0][0] > PACE_SECONDS:
            self._pace.popleft()
        for key, value in values.items():
            self.latest[key] = stored_number(value)
            self._keep_best(key, value)
        if SPARKLINE_KEY in values:
            self._sparkline.add(values[SPARKLINE_KEY])

    def _keep_best(self, key: str, value: float) -> None:
        if key not in self._directions:
            self._directions[key] = describe(key).direction
        direction = self._directions[key]
        if direction == "none" or not math.isfinite(value):
            return
        better = min if direction == "lower" else max
        self.best[key] = better(self.best.get(key, value), value)

    def sparkline(self) -> list[float]:
        return self._sparkline.values()

    def pace(self) -> float | None:
        """Tokens a second of wall clock over the last minute, evaluations included; None before two points."""
        if len(self._pace) < 2:
            return None
        (first_time, first), (last_time, last) = self._pace[0], self._pace[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else None
