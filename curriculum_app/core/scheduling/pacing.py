"""Pacing: how much of the data, counted from the easiest, may be shown by when, and the order that follows (pure).

One pass: every sequence is shown exactly once, so the hardest are late and never lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int

Form = Literal["linear", "root", "step", "competence"]


@dataclass(frozen=True)
class Pacing:
    """c(t), the share of the sequences, from the easiest, that may be shown once the share t of the tokens was shown.

    With r = t / until, at most 1:
    linear: start + (1 − start) · r; root: start + (1 − start) · r^(1/power); step: (⌊stages · r⌋ + 1) / stages;
    competence (Platanios et al., NAACL 2019): (r · (1 − start^power) + start^power)^(1/power).
    """

    form: Form
    start: float
    until: float = 1.0
    power: float = 2.0
    stages: int = 5

    def at(self, progress: float) -> float:
        """c in (0, 1] at `progress` in [0, 1]."""
        way, start, power = min(progress / self.until, 1.0), self.start, self.power
        if self.form == "step":
            return min((int(self.stages * way) + 1) / self.stages, 1.0)
        if self.form == "competence":
            return min(math.pow(way * (1 - start**power) + start**power, 1 / power), 1.0)
        return start + (1 - start) * (math.pow(way, 1 / power) if self.form == "root" else way)


def paced_order(difficulty: Float, lengths: Int, pacing: Pacing, rng: np.random.Generator) -> Int:
    """Indices 0 … n − 1 once each: at every moment one, drawn evenly, of those allowed and not yet shown.

    Args:
        difficulty: (n,), lower is easier. Those as difficult as the last that is allowed are allowed with it.
        lengths: (n,), tokens; progress is the share of all tokens shown before.
    """
    count, total = len(difficulty), int(lengths.sum())
    ranked = rng.permutation(count)
    ranked = ranked[np.argsort(difficulty[ranked], kind="stable")]
    cut = np.searchsorted(difficulty[ranked], difficulty[ranked], side="right").tolist()  # with ties, of every rank
    easiest, sizes = ranked.tolist(), lengths.tolist()
    waiting: list[int] = []
    order: list[int] = []
    allowed = shown = 0
    for draw in rng.random(count).tolist():
        wanted = max(math.ceil(pacing.at(shown / total) * count), allowed + (not waiting))
        if wanted > allowed:
            waiting += easiest[allowed : cut[wanted - 1]]
            allowed = cut[wanted - 1]
        place = int(draw * len(waiting))
        waiting[place], waiting[-1] = waiting[-1], waiting[place]
        order.append(waiting.pop())
        shown += sizes[order[-1]]
    return np.array(order, dtype=np.int64)
