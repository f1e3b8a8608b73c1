"""One column of a set of columns, as a config names it by `columns` and `column`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chimera.errors import InputError, Problem
from chimera.refs import Ref
from curriculum_app.core.columns import Columns
from curriculum_app.core.mixture_curve import Float


@dataclass(frozen=True)
class ChosenColumn:
    """`values`: float64, one per document in order, NaN where nothing was measured. `digest` is that of the set."""

    name: str
    digest: str
    values: Float
    easier: bool  # whether a higher value means an easier text

    @property
    def harder(self) -> Float:
        """The values, negated if need be, so that a higher one means a harder text."""
        return -np.asarray(self.values) if self.easier else np.asarray(self.values)


def choose_column(
    ref: Ref[Columns] | None, name: str, dataset: str, open_: Callable[[Ref[Any]], Any]
) -> ChosenColumn | None:
    """The column that is named, None if none is. `dataset` is the digest of the version whose documents it measures.

    Raises:
        InputError: only one of the two is given, the set is of another version, or it has no such column.
    """
    if ref is None or not name:
        if ref is not None or name:
            raise InputError(Problem("columns and column belong together", "column", hint="give both or neither"))
        return None
    columns: Columns = open_(ref)
    if columns.dataset_digest != dataset:
        message = f"{ref} was measured for another dataset version"
        raise InputError(Problem(message, "columns", hint="run Measure for this version"))
    if name not in columns.names:
        message = f"{ref} has no column {name!r}"
        raise InputError(Problem(message, "column", hint=f"one of {', '.join(columns.names)}"))
    facts = columns.facts[columns.names.index(name)]
    return ChosenColumn(name, columns.digest, columns.column(name), facts.direction == "easier")
