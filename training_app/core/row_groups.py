"""Which groups the rows of a schedule belong to, by tokens (torch-free)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable

if TYPE_CHECKING:
    from training_app.core.order import Rows


class RowGroups:
    """One grouping of a table's sequences, applied to rows.

    Raises:
        InputError: the sequences have no such grouping; says which they have.
    """

    def __init__(self, table: SequenceTable, name: str) -> None:
        if name not in table.grouping_names:
            hint = f"one of {', '.join(table.grouping_names)}"
            raise InputError(Problem(f"the sequences have no grouping {name!r}", field="probes", hint=hint))
        grouping = table.grouping(name)
        self.names, self._counts, self._lengths = grouping.names, grouping.counts, table.lengths

    def tokens(self, rows: Rows) -> NDArray[np.float64]:
        """Shape (rows, K): tokens of each group in each row; a part of a sequence has that share of each."""
        shares = rows["length"] / self._lengths[rows["sequence"]]
        counts: NDArray[np.float64] = self._counts[rows["sequence"]].toarray() * shares[:, None]
        return counts

    def largest(self, rows: Rows) -> NDArray[np.int64]:
        """Shape (rows,): the number of the group that has most tokens in each row."""
        found: NDArray[np.int64] = self.tokens(rows).argmax(axis=1)
        return found
