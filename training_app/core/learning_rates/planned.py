"""The learning rate that the curriculum itself brings."""

from __future__ import annotations

import itertools

from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from curriculum_app.core.tracks import RateTrack, Tracks
from training_app.core.learning_rates.base import LEARNING_RATES, LearningRate

JUMP = 1e-6  # of the tokens: between knots as close as this the rate jumps


@LEARNING_RATES.register("planned")
class Planned(LearningRate):
    """Follows the learning rate drawn into the schedule's curriculum, over shares of its tokens, times a factor.

    Chimera's own: data and rate are one plan here, as in curricula that anneal on better data (CMA, arXiv 2511.18903).
    """

    title = "As the curriculum plans"
    level = "factor"

    class Config(BaseConfig):
        factor: float = Field(1.0, gt=0, le=1000, title="Factor", description="times the curriculum's rate")

    config: Config

    def __init__(self, config: Config, track: RateTrack | None = None) -> None:
        super().__init__(config)
        self.track = track

    def bound(self, tracks: Tracks) -> Planned:
        if tracks.learning_rate is None:
            hint = "choose another learning rate here, or draw one into the curriculum and schedule it again"
            raise InputError(
                Problem("the curriculum of this schedule brings no learning rate", field="learning_rate.key", hint=hint)
            )
        return Planned(self.config, tracks.learning_rate)

    def at(self, tokens: int, total: int) -> float:
        if self.track is None:
            raise RuntimeError("a planned learning rate is known once it is bound to a schedule")
        return self.config.factor * self.track.at(min(tokens / total, 1.0))

    def phases(self) -> list[tuple[str, float, float]]:
        """Stretches between the knots, those of one direction together; none before there is a schedule."""
        if self.track is None:
            return []
        knots = self.track.knots
        places = [0.0, *(knot.at for knot in knots), 1.0]
        rates = [knots[0].rate, *(knot.rate for knot in knots), knots[-1].rate]
        names = [self._name(*pair, at) for at, pair in zip(places, itertools.pairwise(rates), strict=False)]
        pieces = [piece for piece in zip(names, places, places[1:], strict=False) if piece[2] - piece[1] > JUMP]
        runs = [list(run) for _, run in itertools.groupby(pieces, key=lambda piece: piece[0])]
        return [(run[0][0], run[0][1], run[-1][2]) for run in runs]

    def _name(self, before: float, after: float, at: float) -> str:
        if before == after or (self.track and self.track.between == "step"):
            return "stable"
        if after < before:
            return "decay"
        return "warm-up" if at == 0 else "rise"
