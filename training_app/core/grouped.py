"""Runs of a group as one curve: mean and band at places that every run has logged, else means of bins (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from training_app.core.series import Floats

Band = Literal["range", "interval"]
BINS = 100
ENOUGH = 0.5  # share of the sparsest member's points that must be common to all to join exactly


@dataclass(frozen=True)
class Member:
    """One run of a group: finite values `y` at `x` in units of the drawn axis."""

    x: Floats
    y: Floats


@dataclass(frozen=True)
class Grouped:
    """The group's curve. `binned`: a place is the mean of a bin, so no run need have logged exactly there."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    binned: bool


def grouped(members: Sequence[Member], band: Band, *, exact: bool, log_x: bool = False) -> Grouped | None:
    """Mean over the members with its band; None when they share nothing.

    Args:
        band: `range` is lowest to highest member; `interval` is mean ± t(0.975, n - 1) · s / √n, the 95 % interval of
            the mean under normality.
        exact: join at equal `x` where the members have enough of them (steps, tokens); False always bins (time).
    """
    if len(members) < 2 or any(not len(member.x) for member in members):
        return None
    shared = _shared(members) if exact else np.zeros(0)
    if len(shared) >= max(1, ENOUGH * min(len(member.x) for member in members)):
        values = np.stack([_at(member, shared) for member in members])
        return Grouped(shared, values.mean(axis=0), *_borders(values, band), binned=False)
    return _binned(members, band, log_x)


def _shared(members: Sequence[Member]) -> Floats:
    shared = np.unique(members[0].x)
    for member in members[1:]:
        shared = np.intersect1d(shared, member.x)
    return shared


def _at(member: Member, x: Floats) -> Floats:
    """The member's last value at each of `x`, all of which it has."""
    order = np.argsort(member.x, kind="stable")
    return member.y[order][np.searchsorted(member.x[order], x, side="right") - 1]


def _borders(values: Floats, band: Band) -> tuple[Floats, Floats]:
    """`values` is (members, places)."""
    if band == "range":
        return values.min(axis=0), values.max(axis=0)
    count = len(values)
    half = float(stdtrit(count - 1, 0.975)) * values.std(axis=0, ddof=1) / np.sqrt(count)
    mean = values.mean(axis=0)
    return mean - half, mean + half


def _binned(members: Sequence[Member], band: Band, log_x: bool) -> Grouped | None:
    """Bins of equal width on the drawn axis; one that some member did not log in is left out."""
    scaled = [np.log(member.x[member.x > 0]) if log_x else member.x for member in members]
    values = [member.y[member.x > 0] if log_x else member.y for member in members]
    if any(not len(x) for x in scaled):
        return None
    edges = np.linspace(min(x.min() for x in scaled), max(x.max() for x in scaled), BINS + 1)[1:-1]
    bins = [np.searchsorted(edges, x, side="right") for x in scaled]
    counts = np.stack([np.bincount(place, minlength=BINS) for place in bins])
    full = np.all(counts > 0, axis=0)
    if not full.any():
        return None
    xs = _means(bins, [np.exp(x) if log_x else x for x in scaled], counts, full)
    ys = _means(bins, values, counts, full)
    return Grouped(xs.mean(axis=0), ys.mean(axis=0), *_borders(ys, band), binned=True)


def _means(
    bins: Sequence[NDArray[np.intp]], values: Sequence[Floats], counts: NDArray[np.intp], full: NDArray[np.bool_]
) -> Floats:
    """Shape (members, full bins): each member's mean in each bin."""
    sums = np.stack([np.bincount(place, value, BINS) for place, value in zip(bins, values, strict=True)])
    means: Floats = sums[:, full] / counts[:, full]
    return means
