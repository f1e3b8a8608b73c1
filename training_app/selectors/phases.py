"""The phases of a run as its charts show them: of its learning rate, and of its curriculum's planned mixture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from curriculum_app.core.mixture_curve import MixtureCurve
from training_app.core.configs import TrainConfig
from training_app.models import TrainingRun

PLACES = 240  # at which the planned mixture is asked, evenly in log tokens


@dataclass(frozen=True)
class PhaseBand:
    """A stretch [lo, hi) of tokens seen. `place` numbers the groups of a mixture, for their colours."""

    kind: Literal["rate", "mixture"]
    name: str
    lo: float
    hi: float
    place: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def phase_bands(run: TrainingRun) -> list[PhaseBand]:
    """The one source of phases: whatever draws them asks here. Empty where config and schedule tell of none."""
    budget = run.budget_tokens or run.tokens
    if not budget:
        return []
    return [*_of_rate(run, budget), *_of_mixture(run, budget)]


def _of_rate(run: TrainingRun, budget: int) -> Iterator[PhaseBand]:
    """As the schedule of the learning rate names its own stretches; a run of another trainer has none here."""
    if run.schedule is None:
        return
    chosen = TrainConfig.model_validate(run.job.config).learning_rate
    for name, lo, hi in chosen.build().phases():
        yield PhaseBand("rate", name, lo * budget, hi * budget, 0)


def _of_mixture(run: TrainingRun, budget: int) -> Iterator[PhaseBand]:
    """Stretches in which the plan asks most for the same group; none for a plan that never changes its mind."""
    stored = run.schedule.manifest.get("curve") if run.schedule is not None else None
    if not stored or len(stored.get("knots", ())) < 2:
        return
    curve = MixtureCurve.from_json(stored)
    tokens = np.geomspace(min(float(curve.knots[0]), budget / 2), budget, PLACES)
    most = curve.at(tokens).argmax(axis=1)
    changes = [0, *(np.flatnonzero(np.diff(most)) + 1).tolist(), PLACES]
    if len(changes) == 2:
        return
    places = {group: place for place, group in enumerate(dict.fromkeys(most.tolist()))}
    for first, end in itertools.pairwise(changes):
        lo = 0.0 if first == 0 else float(tokens[first])
        hi = float(budget) if end == PLACES else float(tokens[end])
        group = int(most[first])
        yield PhaseBand("mixture", f"mostly {curve.names[group]}", lo, hi, places[group])
