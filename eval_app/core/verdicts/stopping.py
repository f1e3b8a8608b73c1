"""Looks before the last seed, declared in advance, that leave the error of the whole study below alpha (pure).

A look spends a part of alpha, by the spending functions of Lan and DeMets (Biometrika 1983). A look's own level is what
it spends and no more: however the looks hang together, the chance that any of them errs is at most the sum (Bonferroni
over looks, Holm over the arms still open). docs/adr/009 tells why no sharper boundary is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from scipy import special

from chimera.typed import Config
from eval_app.core.statistics import holm

CARRIES_A_VERDICT = 3  # pairs

Spending = Literal["obrien_fleming", "pocock"]


class EarlyStop(Config):
    """When the differences are looked at before the last seed, and what each look may spend of alpha."""

    looks: list[int] = Field(
        title="Looks",
        description="After how many seeds; an arm whose difference is clear by then gets no further ones",
        min_length=1,
        max_length=20,
    )
    spending: Spending = Field(
        "obrien_fleming",
        title="Spending",
        description="obrien_fleming: early looks ask for overwhelming differences. pocock: about alike at every look.",
    )


@dataclass(frozen=True)
class Look:
    """The first `seeds` seeds of the study, tested at `level`."""

    seeds: int
    level: float


def spent(fraction: float, alpha: float, spending: Spending) -> float:
    """Alpha spent once this fraction of the seeds is there (Lan & DeMets 1983, α₁* and α₂*); alpha at 1."""
    if spending == "pocock":
        return alpha * math.log1p((math.e - 1) * fraction)
    return 2 * float(special.ndtr(special.ndtri(alpha / 2) / math.sqrt(fraction)))


def looks_of(num_seeds: int, alpha: float, rule: EarlyStop | None) -> list[Look]:
    """All looks in order; the last is at all seeds. Their levels sum to alpha."""
    if rule is None:
        return [Look(num_seeds, alpha)]
    ends = [*(look for look in rule.looks if look < num_seeds), num_seeds]
    totals = [0.0, *(spent(end / num_seeds, alpha, rule.spending) for end in ends[:-1]), alpha]
    return [Look(end, after - before) for end, before, after in zip(ends, totals, totals[1:], strict=False)]


def adjusted(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm's adjustment over the arms that have a test."""
    known = [name for name, p in p_values.items() if p is not None]
    values = iter(holm([p for p in p_values.values() if p is not None]))
    found = {name: next(values) for name in known}
    return {name: found.get(name) for name in p_values}
