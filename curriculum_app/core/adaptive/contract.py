"""What an adaptive policy is asked during a run, what it answers, and what it is told afterwards (pure).

The order of calls is `decide, observe, decide, observe, ...`: one pair a step. The same calls on a fresh chooser with
the same seed give the same decisions, bit for bit: that is how a run is proven.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import write_json

Rows = NDArray[np.void]  # of dtype schedule.ROW
Array = NDArray[Any]
Exhausted = Literal["renormalise", "repeat", "stop"]


@dataclass(frozen=True)
class Progress:
    """Where the run stands when a decision is due.

    `rows` is how many rows the step holds, `tokens` how many tokens were shown before it (those before a fork too).
    """

    rows: int
    tokens: int
    budget_tokens: int

    @property
    def share(self) -> float:
        """Of the budget, in [0, 1)."""
        return self.tokens / self.budget_tokens


@dataclass(frozen=True)
class Happening:
    """Something every chart of the run draws: an episode began, an arm is exhausted."""

    kind: str
    message: str


@dataclass(frozen=True)
class Decision:
    """The rows of one step with their weights, and why these.

    `scalars` are named numbers of the step (a temperature, an ε) for its objective and its charts, `per_row` numbers of
    each row, shape (rows,), for the page of the batch. `reason` is JSON and best equal from step to step: equal ones
    are stored once. With `last` the run ends after this step, which alone may hold fewer rows than were asked for.
    """

    rows: Rows
    scalars: Mapping[str, float] = field(default_factory=dict)
    per_row: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    reason: Mapping[str, Any] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()
    last: bool = False


@dataclass(frozen=True)
class Feedback:
    """What a step has shown: the loss of each row (float32, mean nats per target, from the step's own forward pass).

    Losses may be NaN or infinite: that step moved no weight. `correct` says of each row whether its answer was right,
    where answers can be checked. `held_out` is bits per byte by group where the step was evaluated.
    """

    rows: Rows
    losses: NDArray[np.float32]
    correct: NDArray[np.bool_] | None = None
    held_out: Mapping[str, float] | None = None


@dataclass(frozen=True)
class State:
    """All that something remembers: arrays, and JSON for the rest."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path, name: str) -> None:
        """Write `<name>.npz` and `<name>.json`."""
        np.savez(folder / f"{name}.npz", allow_pickle=False, **self.arrays)
        write_json(folder / f"{name}.json", dict(self.facts))

    @classmethod
    def read(cls, folder: Path, name: str) -> State:
        """What `save` wrote.

        Raises:
            FileNotFoundError: nothing was saved under this name.
        """
        facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            return cls({key: file[key] for key in file.files}, facts)


@dataclass(frozen=True)
class Standing:
    """What a chooser holds of every candidate, for a page.

    `candidates`, `values` and `shown` (times) have shape (n,). `counts`, shape (moments, bins), is the histogram of the
    values at each of `rows_at` (rows shown by then), `edges` the bins + 1 limits of its bins.
    """

    title: str
    candidates: NDArray[np.int64]
    values: NDArray[np.float64]
    shown: NDArray[np.int64]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    rows_at: NDArray[np.int64]


class Chooser(ABC):
    """An adaptive policy at work on one pool. Its randomness is a numpy `Generator` of its own, part of its state.

    `when_exhausted` declares what it does when something it draws from is empty, in an event at that moment: share the
    rows among what is left ("renormalise": nothing is ever shown twice), show again ("repeat"), or end the run ("stop",
    nothing twice either). The journal holds it to that.
    """

    when_exhausted: Exhausted

    @abstractmethod
    def decide(self, progress: Progress) -> Decision:
        """Choose `progress.rows` whole candidates for the next step."""

    @abstractmethod
    def observe(self, feedback: Feedback) -> None:
        """Learn from the step that was decided last."""

    @abstractmethod
    def state(self) -> State:
        """Everything that `load` needs to go on as if nothing had happened, between an `observe` and a `decide`."""

    @abstractmethod
    def load(self, state: State) -> None:
        """Go on from a state of an equal chooser."""

    def metrics(self) -> dict[str, float]:
        """Numbers for the live charts after the last `observe`; what is costly may be left out of most steps."""
        return {}

    def standing(self) -> Standing | None:
        """What it holds of every candidate, if it holds something."""
        return None


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """As JSON."""
    return dict(rng.bit_generator.state)


def generator_of(state: Mapping[str, Any]) -> np.random.Generator:
    """The generator that `generator_state` was asked of."""
    rng = np.random.default_rng()
    rng.bit_generator.state = dict(state)
    return rng
