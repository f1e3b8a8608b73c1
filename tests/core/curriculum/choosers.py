"""Five small adaptive policies, one of each shape that the contract has to fit. None of them is a method of Chimera."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chimera.registry import Entry
from chimera.typed import Config as BaseConfig
from curriculum_app.core.adaptive.contract import (
    Chooser,
    Decision,
    Exhausted,
    Feedback,
    Happening,
    Progress,
    State,
    generator_of,
    generator_state,
)  # fmt: skip
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import rows_of


class Small(Chooser):
    """What the five share: a table, candidates, a generator, arrays by name, numbers by name."""

    arrays: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    when_exhausted: Exhausted = "stop"

    def __init__(self, table: Any, candidates: Any, seed: int, config: Any) -> None:
        self.table, self.candidates, self.config = table, candidates, config
        self.rng = np.random.default_rng(seed)
        self.free = np.ones(len(candidates), dtype=bool)
        domains = table.grouping("domain")
        self.arm = domains.dense(candidates).argmax(axis=1)
        self.names = domains.names
        self.begin()

    def begin(self) -> None: ...

    def rows(self, places: Any) -> Any:
        self.free[places] = False
        return rows_of(self.table, self.candidates[np.asarray(places, dtype=np.int64)])

    def in_turn(self, count: int) -> Any:
        return self.rows(np.flatnonzero(self.free)[:count])

    def places(self, rows: Any) -> Any:
        return np.searchsorted(self.candidates, rows["sequence"])

    def observe(self, feedback: Feedback) -> None: ...

    def state(self) -> State:
        arrays = {name: getattr(self, name).copy() for name in ("free", *self.arrays)}
        return State(arrays, {"rng": generator_state(self.rng), **{name: getattr(self, name) for name in self.numbers}})

    def load(self, state: State) -> None:
        for name in ("free", *self.arrays):
            setattr(self, name, state.arrays[name].copy())
        for name in self.numbers:
            setattr(self, name, state.facts[name])
        self.rng = generator_of(state.facts["rng"])


class Bandit(Small):
    """Arms are domains, one drawn per row by softmax(Q); a row is drawn from its arm without replacement."""

    arrays = ("q",)

    def begin(self) -> None:
        self.q = np.zeros(len(self.names))
        self.when_exhausted = self.config.exhausted

    def decide(self, progress: Progress) -> Decision:
        chosen: list[int] = []
        said: list[Happening] = []
        left = self.free.copy()
        while len(chosen) < progress.rows and left.any():
            p = np.exp(self.q - self.q.max())
            if self.when_exhausted == "renormalise":
                p *= np.bincount(self.arm[left], minlength=len(p)) > 0
            arm = int(self.rng.choice(len(p), p=p / p.sum()))
            mine = np.flatnonzero(left & (self.arm == arm))
            if not len(mine) and self.when_exhausted == "stop":
                break
            if not len(mine):
                said.append(Happening("exhausted", f"{self.names[arm]} is shown again from its first sequence on"))
                left |= self.arm == arm
                mine = np.flatnonzero(self.arm == arm)
            chosen.append(int(self.rng.choice(mine)))
            left[chosen[-1]] = False
            if not (left & (self.arm == arm)).any() and self.when_exhausted != "repeat":
                said.append(Happening("exhausted", f"{self.names[arm]} is exhausted: {self.when_exhausted}"))
        self.free = left
        rows = rows_of(self.table, self.candidates[chosen])
        ends = len(chosen) < progress.rows or (not left.any() and self.when_exhausted != "repeat")
        return Decision(rows, reason={"q": self.q.round(6).tolist()}, happenings=tuple(said), last=ends)

    def observe(self, feedback: Feedback) -> None:
        places = self.places(feedback.rows)
        for place, loss in zip(places, feedback.losses, strict=True):
            self.q[self.arm[place]] += 0.5 * (float(loss) - self.q[self.arm[place]])

    def metrics(self) -> dict[str, float]:
        return {f"q/{name}": float(value) for name, value in zip(self.names, self.q, strict=True)}


class PerExample(Small):
    """Of what is left, the sequences nearest in difficulty to a target that follows the loss."""

    numbers = ("target",)

    def begin(self) -> None:
        self.target = 0.0

    def decide(self, progress: Progress) -> Decision:
        away = np.abs(self.table.difficulty[self.candidates] - self.target) + 1e-9 * self.rng.random(len(self.free))
        places = np.argsort(np.where(self.free, away, np.inf), kind="stable")[: min(progress.rows, self.free.sum())]
        rows = self.rows(places)
        last = not self.free.any()
        said = (Happening("exhausted", "every candidate was shown: the run ends here"),) if last else ()
        return Decision(rows, per_row={"away": away[places]}, happenings=said, last=last)

    def observe(self, feedback: Feedback) -> None:
        self.target = min(1.0, self.target + 0.1 * float(feedback.losses.mean() < 5))


class LossWeights(Small):
    """Every domain's rows weigh as much as its last loss; what the held-out scores say is remembered too."""

    arrays = ("weight",)
    numbers = ("scored",)

    def begin(self) -> None:
        self.weight, self.scored = np.ones(len(self.names)), 0.0

    def decide(self, progress: Progress) -> Decision:
        rows = self.in_turn(progress.rows)
        rows["weight"] = self.weight[self.arm[self.places(rows)]] / self.weight.max()
        return Decision(rows, reason={"scored": self.scored}, last=not self.free.any())

    def observe(self, feedback: Feedback) -> None:
        self.weight[self.arm[self.places(feedback.rows)]] = feedback.losses
        self.scored = float(np.mean(list((feedback.held_out or {"": self.scored}).values())))


class Epsilon(Small):
    """Data in turn; ε rises with the budget to its largest."""

    def decide(self, progress: Progress) -> Decision:
        scalars = {"epsilon": 0.5 * progress.share}
        return Decision(self.in_turn(progress.rows), scalars, last=not self.free.any())


class Replay(Small):
    """From half of the budget on, half of every step's rows are drawn from what was shown before that."""

    when_exhausted: Exhausted = "repeat"
    numbers = ("begun",)

    def begin(self) -> None:
        self.begun = False

    def decide(self, progress: Progress) -> Decision:
        if progress.share < 0.5:
            return Decision(self.in_turn(progress.rows), reason={"replayed": 0})
        old = np.flatnonzero(~self.free)
        said = () if self.begun else (Happening("replay", f"half of each step is replayed from {len(old)} sequences"),)
        self.begun, count = True, progress.rows // 2
        replayed = rows_of(self.table, self.candidates[self.rng.choice(old, size=count, replace=False)])
        rows = np.concatenate([self.in_turn(progress.rows - count), replayed])
        return Decision(rows, reason={"replayed": count}, happenings=said)


SHAPES = {
    "bandit": Bandit,
    "per_example": PerExample,
    "loss_weights": LossWeights,
    "epsilon": Epsilon,
    "replay": Replay,
}


@contextmanager
def registered(shape: type[Small], key: str = "small") -> Iterator[None]:
    """The shape as a policy among the others, for as long as this lasts."""

    class Policy(AdaptivePolicy):
        title, summary = "Small", "For a test."

        class Config(BaseConfig):
            exhausted: Exhausted = "renormalise"

        def chooser(self, table: Any, candidates: Any, seed: int) -> Chooser:
            return shape(table, candidates, seed, self.config)

    POLICIES._entries[key] = Entry(key, Policy)
    try:
        yield
    finally:
        del POLICIES._entries[key]
