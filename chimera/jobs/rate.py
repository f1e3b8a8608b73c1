"""How fast a job goes: units a second over the last half minute of one stage of its work (pure)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 30.0
LEAST_SECONDS = 2.0  # below that a rate says nothing
APART_SECONDS = 0.1  # between two reports that are remembered


class Rate:
    """Fed with every progress report. A new unit or total, or a count that falls, begins another stage."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: tuple[str, int | None] = ("", None)
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, done: int, total: int | None, unit: str) -> float | None:
        """Take a report; units a second, None while too little is known."""
        now = self._clock()
        if (unit, total) != self._stage or (self._seen and done < self._seen[-1][1]):
            self._stage = (unit, total)
            self._seen.clear()
        if not self._seen or now - self._seen[-1][0] >= APART_SECONDS:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        start, first = self._seen[0]
        return (done - first) / (now - start) if now - start >= LEAST_SECONDS and done > first else None
