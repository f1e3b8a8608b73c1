"""Points that are not written yet, and their shape in a stored row (pure).

A training loop waits for `add`, so it only takes the values over; `points` does the work, once per row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from training_app.core.tally import Stored, stored_number

Pairs = list[tuple[int, Stored]]


class Buffer:
    """Lines of points in the order they were logged."""

    def __init__(self) -> None:
        self.step: list[int] = []
        self.tokens: list[int] = []
        self.time: list[float] = []
        self._values: list[dict[str, float]] = []

    def __bool__(self) -> bool:
        return bool(self.step)

    def add(self, step: int, tokens: int, at: float, values: Mapping[str, float]) -> None:
        self.step.append(int(step))
        self.tokens.append(int(tokens))
        self.time.append(at)
        self._values.append(dict(values))

    def drop(self, count: int) -> None:
        """Forget the first lines."""
        for column in (self.step, self.tokens, self.time, self._values):
            del column[:count]

    def points(self) -> dict[str, Any]:
        """What was added, in the shape of `MetricRow.points`."""
        return {"step": self.step, "tokens": self.tokens, "time": self.time, "values": self._columns()}

    def _columns(self) -> dict[str, Pairs]:
        """Lines with the same keys are turned into columns together."""
        alike: dict[tuple[str, ...], list[int]] = {}
        for index, values in enumerate(self._values):
            alike.setdefault(tuple(values), []).append(index)
        columns: dict[str, Pairs] = {}
        for keys, lines in alike.items():
            for key, column in zip(keys, zip(*(self._values[i].values() for i in lines), strict=True), strict=True):
                columns.setdefault(key, []).extend(zip(lines, stored_column(column), strict=True))
        if len(alike) > 1:
            for pairs in columns.values():
                pairs.sort(key=lambda pair: pair[0])
        return columns


def stored_column(values: Iterable[float]) -> list[Stored]:
    """Floats as a stored row holds them. PostgreSQL's JSON knows no −0, so it is the string "-0.0"."""
    floats = list(map(float, values))
    if all(map(math.isfinite, floats)) and 0.0 not in floats:
        return floats  # type: ignore[return-value]  # a list of floats is not changed here
    return ["-0.0" if value == 0 and math.copysign(1, value) < 0 else stored_number(value) for value in floats]
