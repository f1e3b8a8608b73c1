"""Shares of groups as a user writes them: checked on their own, then against the sequences there are (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from chimera.errors import InputError, Problem
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.sequences import Grouping, SequenceTable

TOLERANCE = 1e-6  # of a sum of shares


def _sums_to_one(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if shares and abs(total - 1) > TOLERANCE:
        off = f"{abs(total - 1):.6g} too {'much' if total > 1 else 'little'}"
        raise ValueError(f"the shares add up to {total:.6g}, not to 1: {off}")
    return shares


Shares = Annotated[dict[str, Annotated[float, Field(ge=0.0, le=1.0)]], AfterValidator(_sums_to_one)]
"""Group to share; they sum to 1, and groups left out have none."""

WRITTEN = {"key_title": "Group", "value_title": "Share"}  # what a form calls the two sides of `Shares`


def chosen_grouping(table: SequenceTable, name: str, field: str) -> Grouping:
    """The grouping called `name`.

    Raises:
        InputError: the sequences are not counted by it; offers the nearest.
    """
    if name in table.grouping_names:
        return table.grouping(name)
    hint = _nearest(name, table.grouping_names)
    raise InputError(Problem(f"the sequences have no grouping {name!r}", field=field, hint=hint))


def require_known(grouping: Grouping, names: Iterable[str], field: str) -> None:
    """All of `names` are groups.

    Raises:
        InputError: one is not; offers the nearest.
    """
    unknown = next((name for name in names if name not in grouping.names), None)
    if unknown is not None:
        hint = _nearest(unknown, grouping.names)
        raise InputError(Problem(f"there is no group {unknown!r}", field=field, hint=hint))


def share_row(grouping: Grouping, shares: Mapping[str, float], field: str) -> Float:
    """Shape (K,): the shares in the order of the groups.

    Raises:
        InputError: a group that the grouping does not have, or one with a share and without a token.
    """
    require_known(grouping, shares, field)
    row = np.array([shares.get(name, 0.0) for name in grouping.names])
    empty = np.flatnonzero((row > 0) & (grouping.totals() == 0))
    if len(empty):
        hint = "take its share away, or group a dataset that has some"
        raise InputError(Problem(f"the group {grouping.names[empty[0]]!r} has no tokens", field=field, hint=hint))
    return np.asarray(row / row.sum(), dtype=np.float64)


def require_tokens(names: Sequence[str], owed: Float, available: Int, budget: int, unit: int) -> None:
    """The corpus holds what the whole budget asks of every group.

    Args:
        owed, available: shape (K,), tokens. unit: what a budget is a multiple of, in tokens.

    Raises:
        InputError: names every group that is short, by how much, and the largest budget at which none is. What is
            owed is taken to grow in proportion to the budget.
    """
    lacking = owed - available
    short = [(name, int(np.ceil(by))) for name, by in zip(names, lacking, strict=True) if by > unit]
    if not short:
        return
    largest = int(min(budget * available[lacking > 0] / owed[lacking > 0])) // unit * unit
    said = ", ".join(f"{name!r} is {by:,} tokens short" for name, by in short)
    hint = f"at most {largest} for this mixture" if largest else "this mixture cannot be given at any budget"
    raise InputError(Problem(f"the corpus cannot give this mixture: {said}", field="budget_tokens", hint=hint))


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known[:20])}"
