"""What waits to be sent: in order, up to a bound, and never lost between being taken and being acknowledged."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_VALUES = 1_000_000  # of all waiting points, some 100 MB; a run with 20 series logs 50,000 steps before it is full
BATCH_POINTS = 1_000
BATCH_BYTES = 1_000_000
BATCH_EVENTS = 100


@dataclass
class Batch:
    """What is sent in one call, and again under the same number until it has arrived."""

    seq: int
    points: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Lost:
    """Points that found no room, by the steps between which they lay."""

    points: int = 0
    first: int = 0
    last: int = 0

    def add(self, step: int) -> None:
        self.first = self.first if self.points else step
        self.points, self.last = self.points + 1, step


class Buffer:
    """Filled by the training's thread, emptied by the sender's."""

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self._max_values = max_values
        self._lock = threading.Lock()
        self._points: deque[dict[str, Any]] = deque()
        self._events: deque[dict[str, Any]] = deque()
        self._values = 0
        self._flight: Batch | None = None
        self._seq = 0
        self.lost = Lost()

    def __len__(self) -> int:
        """Points and events that have not arrived."""
        with self._lock:
            flight = self._flight
            return len(self._points) + len(self._events) + (len(flight.points) + len(flight.events) if flight else 0)

    def add_point(self, point: dict[str, Any]) -> bool:
        """False if it found no room; then it is counted as lost."""
        with self._lock:
            if self._values + len(point["values"]) > self._max_values:
                self.lost.add(point["step"])
                return False
            self._points.append(point)
            self._values += len(point["values"])
            return True

    def add_event(self, event: dict[str, Any]) -> None:
        with self._lock:
            if len(self._events) < 10_000:
                self._events.append(event)

    def flight(self) -> Batch | None:
        """The batch under way, or the next one; None when nothing waits."""
        with self._lock:
            if self._flight is None and (self._points or self._events):
                self._seq += 1
                self._flight = Batch(self._seq, self._take_points(), self._take_events())
            return self._flight

    def _take_points(self) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        size = 0
        while self._points and len(taken) < BATCH_POINTS:
            size += _bytes(self._points[0])
            if taken and size > BATCH_BYTES:
                break
            taken.append(self._points.popleft())
        return taken

    def _take_events(self) -> list[dict[str, Any]]:
        return [self._events.popleft() for _ in range(min(len(self._events), BATCH_EVENTS))]

    def landed(self) -> None:
        """The batch under way has arrived, or never will."""
        with self._lock:
            if self._flight is not None:
                self._values -= sum(len(point["values"]) for point in self._flight.points)
            self._flight = None

    def batches(self) -> Iterator[Batch]:
        """All that has not arrived, as it would be sent: the batch under way, which may have arrived, first."""
        while (batch := self.flight()) is not None:
            yield batch
            self.landed()


def _bytes(point: dict[str, Any]) -> int:
    """About what it takes as JSON."""
    return 100 + sum(4 * len(key) + 30 for key in point["values"])
