"""The phases of a run as its charts show them: of its curriculum, its learning rate and its planned mixture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from chimera.errors import InputError
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.tracks import Tracks
from training_app.core.configs import TrainConfig
from training_app.core.learning_rates.base import LearningRate
from training_app.models import TrainingRun

PLACES = 240  # at which the planned mixture is asked, evenly in log tokens


@dataclass(frozen=True)
class PhaseBand:
    """A stretch [lo, hi) of tokens seen. `place` numbers phases, or the groups of a mixture: their colours."""

    kind: Literal["curriculum", "rate", "mixture"]
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
    return [*_of_curriculum(run, budget), *_of_rate(run, budget), *_of_mixture(run, budget)]


def _of_curriculum(run: TrainingRun, budget: int) -> Iterator[PhaseBand]:
    """As the curriculum names its own stretches."""
    for place, phase in enumerate(_tracks(run).phases):
        yield PhaseBand("curriculum", phase.name, phase.start * budget, phase.end * budget, place)


def _of_rate(run: TrainingRun, budget: int) -> Iterator[PhaseBand]:
    """As the learning rate names its own stretches; a run of another trainer has none here."""
    if run.schedule is None:
        return
    rate: LearningRate = TrainConfig.model_validate(run.job.config).learning_rate.build()
    try:
        rate = rate.bound(_tracks(run))
    except InputError:  # such a run has failed for that very reason
        return
    for name, lo, hi in rate.phases():
        yield PhaseBand("rate", name, lo * budget, hi * budget, 0)


def _tracks(run: TrainingRun) -> Tracks:
    stored = run.schedule.manifest.get("tracks", {}) if run.schedule is not None else {}
    return Tracks.model_validate(stored)


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
