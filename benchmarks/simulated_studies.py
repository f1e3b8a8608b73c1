"""Simulated studies: how often verdicts err, with the noise of real runs (pure).

The noise of a run is what is left of its scores when the mean over the runs of its seed is taken away; the effect of
the seed is what was taken. A simulated study draws both, with replacement, from the runs that were measured; its arms
differ by what is planted and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval_app.core.verdicts.evidence import ArmEvidence, StudyEvidence
from eval_app.core.verdicts.outcome import HELD_OUT
from eval_app.core.verdicts.stopping import EarlyStop

Float = NDArray[np.float64]

UNREACHED = 100.0  # bits per byte: all simulated models count as trained


@dataclass(frozen=True)
class SeedNoise:
    """`seeds`: shape (S, D), effects of seeds on D domains. `residuals`: shape (R, D), of single runs; both mean 0."""

    domains: tuple[str, ...]
    level: Float
    seeds: Float
    residuals: Float

    @classmethod
    def of(cls, scores: Sequence[Sequence[Mapping[str, float]]]) -> SeedNoise:
        """From `scores[order][seed][domain]` of runs that differ in their order alone.

        Residuals are enlarged by √(K/(K−1)) for the mean over K orders that was taken away; of the spread between seeds
        that part is taken off which the mean over orders still has of the runs' own.
        """
        domains = tuple(scores[0][0])
        values = np.array([[[run[domain] for domain in domains] for run in order] for order in scores])
        orders = len(values)
        of_seed = values.mean(axis=0)
        residuals = ((values - of_seed) * math.sqrt(orders / (orders - 1))).reshape(-1, len(domains))
        residuals = residuals - residuals.mean(axis=0)
        level = of_seed.mean(axis=0)
        macro = (of_seed - level).mean(axis=1).var(ddof=1)
        own = residuals.mean(axis=1).var() / orders
        shrink = math.sqrt(max(0.0, 1 - own / macro))
        return cls(domains, level, (of_seed - level) * shrink, residuals)

    @property
    def paired_sd(self) -> float:
        """Standard deviation of a paired difference of macro means."""
        return float(math.sqrt(2) * self.residuals.mean(axis=1).std())


def simulate(
    noise: SeedNoise, rng: np.random.Generator, num_seeds: int, effects: Sequence[float], early: EarlyStop | None = None
) -> StudyEvidence:
    """A study of one arm per effect, the first being the baseline's; effects are in bits per byte on every domain."""
    seeds = list(range(1, num_seeds + 1))
    shared = noise.level + noise.seeds[rng.integers(0, len(noise.seeds), num_seeds)]
    arms = [_arm(noise, rng, number, shared + effect) for number, effect in enumerate(effects)]
    unigram = dict.fromkeys(noise.domains, UNREACHED)
    return StudyEvidence(seeds=seeds, arms=arms, baseline="arm 0", unigram=unigram, early_stop=early)


def _arm(noise: SeedNoise, rng: np.random.Generator, number: int, expected: Float) -> ArmEvidence:
    drawn = expected + noise.residuals[rng.integers(0, len(noise.residuals), len(expected))]
    keys = [HELD_OUT + domain for domain in noise.domains]
    scores: dict[int, Any] = {
        seed: dict(zip(keys, row, strict=True)) for seed, row in enumerate(drawn.tolist(), start=1)
    }
    return ArmEvidence(name=f"arm {number}", multisets={}, scores=scores)
