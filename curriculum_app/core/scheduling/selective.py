"""Selective repetition: phases that each show the best fraction of what there is (pure).

Source: PCMind-2.1-Kaiyuan-2B (arXiv 2512.07612). With q in [0, 1) the quality rank of a sequence (0 is best), a phase
of fraction f holds it if and only if q < f.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from chimera.typed import Config
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int

TIE = 1e-9  # passes that differ by less are equal


class RepetitionPhase(Config):
    """One stretch of the run: the best `fraction` of the pool, each shown `pass_fraction` times."""

    name: str = Field("", title="Name", max_length=60)
    fraction: float = Field(1.0, title="Best fraction", description="1 is everything.", gt=0.0, le=1.0)
    pass_fraction: float = Field(
        1.0,
        title="Passes",
        description="0.5 shows half of it; the next phase goes on with the other half.",
        gt=0.0,
        le=20.0,
    )


def expected_passes(quality: ArrayLike, phases: Sequence[RepetitionPhase]) -> Float:
    """Passes over a sequence of quality rank q, in all: sum of the pass fractions of the phases with q < f."""
    rank = np.asarray(quality, dtype=np.float64)
    return np.asarray(sum(phase.pass_fraction * (rank < phase.fraction) for phase in phases), dtype=np.float64)


def epochs(phases: Sequence[RepetitionPhase]) -> float:
    """How many times the tokens of the pool are shown in all."""
    return math.fsum(phase.pass_fraction * phase.fraction for phase in phases)


def quality_ranks(scores: Float, lengths: Int, rng: np.random.Generator) -> Float:
    """Shape (n,), in [0, 1): share of the tokens that are better. The highest score is best; ties in random order."""
    order = np.lexsort((rng.random(len(scores)), -scores))
    ends = np.cumsum(lengths[order])
    ranks = np.empty(len(scores))
    ranks[order] = (ends - lengths[order]) / max(int(ends[-1]), 1) if len(ends) else 0.0
    return ranks


def rows_shown(members: int, phases: Sequence[RepetitionPhase]) -> int:
    """Rows that the phases show of so many sequences of equal length, as `phase_rows` draws them."""
    cuts = sorted({phase.fraction for phase in phases})
    ends = np.array([_before(members, cut) for cut in cuts])
    sizes = np.diff(ends, prepend=0)
    passes = expected_passes(np.array([0.0, *cuts[:-1]]), phases)
    return int(np.floor(sizes * (passes + TIE) + 0.5).sum())


def _before(members: int, fraction: float) -> int:
    """How many of the ranks i / members are below the fraction."""
    near = max(int(fraction * members) - 1, 0)
    return min(next(i for i in range(near, near + 4) if i >= members or i / members >= fraction), members)


def members_for(rows: int, phases: Sequence[RepetitionPhase], limit: int) -> int:
    """The most sequences, up to `limit`, of which the phases show no more than `rows`; 0 if one is too much."""
    members = min(limit, int(rows / epochs(phases)) + len(phases) + 1)
    while members and rows_shown(members, phases) > rows:
        members -= 1
    return members


def phase_rows(ranks: Float, phases: Sequence[RepetitionPhase], rng: np.random.Generator) -> list[Int]:
    """Indices of the sequences that each phase shows, in random order.

    A pass that is not whole goes on where the phases before it stopped: two phases of 0.5 are together one pass. Who
    comes first is drawn within each class of sequences that the same phases hold.
    """
    cuts = np.array(sorted({phase.fraction for phase in phases}))
    start = _spread(np.searchsorted(cuts, ranks, side="right"), rng) + TIE
    done = np.zeros(len(ranks))
    shown = []
    for phase in phases:
        after = done + phase.pass_fraction * (ranks < phase.fraction)
        times = (np.floor(after + start) - np.floor(done + start)).astype(np.int64)
        shown.append(rng.permutation(np.repeat(np.arange(len(ranks)), times)))
        done = after
    return shown


def _spread(classes: Int, rng: np.random.Generator) -> Float:
    """Shape (n,): within each class of size c the numbers (i + 1/2) / c in random order."""
    order = np.lexsort((rng.random(len(classes)), classes))
    sizes = np.bincount(classes)
    place = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    spread = np.empty(len(classes))
    spread[order] = (place + 0.5) / np.repeat(sizes, sizes)
    return spread
