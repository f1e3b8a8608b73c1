"""Rows cut to a length that changes with the tokens shown so far: sequence-length warm-up by truncation (pure).

Source: Li, Zhang & He, arXiv 2108.06084. Lengths and budget are counted in tokens, never in steps: short rows make
small steps, and two runs are equal only if they were shown as many tokens.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chimera.errors import InputError, Problem
from curriculum_app.core.schedule import ROW
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import LengthTrack

SHORTEST = 2  # tokens of a row: one to see and one to predict
Remainder = Literal["drop", "reshape"]


def shortened(
    rows: NDArray[np.void], table: SequenceTable, track: LengthTrack, *, remainder: Remainder, budget: int = 0
) -> NDArray[np.void]:
    """The rows in their order, cut to the track's length at the tokens shown before each of them.

    Args:
        rows: dtype `ROW`, in delivery order, of a table of packed text.
        track: lengths over shares of the budget.
        remainder: of a row that is cut, `drop` shows its beginning only, so that more rows are needed for as many
            tokens; `reshape` shows the rest right after, as rows that are cut in their turn, so that exactly the same
            tokens are shown.
        budget: tokens to show; 0 means as many as the rows have (with `drop`, cut rows rarely have as many).

    Returns:
        Rows of dtype `ROW`, each of at least 2 tokens, that sum to the budget (to one token less if rows of 2 tokens
        do not divide it). A token that would be left alone of a row stays with the piece before it.

    Raises:
        InputError: the sequences are no packed text, or the rows run out before the budget is met.
    """
    require_text(table)
    total = budget or int(rows["length"].sum())
    which, skipped, lengths = array("q"), array("i"), array("i")
    for index, start, length in _cut(rows["length"].tolist(), track, total, remainder):
        which.append(index)
        skipped.append(start)
        lengths.append(length)
    shown = rows[np.frombuffer(which, dtype=np.int64)].astype(ROW)
    shown["start"] += np.frombuffer(skipped, dtype=np.int32)
    shown["length"] = np.frombuffer(lengths, dtype=np.int32)
    _require_budget(int(shown["length"].sum()), total)
    return shown


def require_text(table: SequenceTable) -> None:
    """Raises:
    InputError: the sequences are conversations or pairs.
    """
    if table.form != "text":
        message = f"sequences of the form {table.form} cannot be cut: their answers would go"
        raise InputError(Problem(message, field="sequences", hint="group the dataset as text"))


def rows_needed(budget: int, length: int, track: LengthTrack, *, remainder: Remainder) -> int:
    """How many rows of `length` tokens `shortened` takes to show `budget` tokens."""
    count = 0
    for index, _, _ in _cut(itertools.repeat(length), track, budget, remainder):
        count = index + 1
    return count


def _cut(
    lengths: Iterable[int], track: LengthTrack, budget: int, remainder: Remainder
) -> Iterator[tuple[int, int, int]]:
    """(row, where its piece starts, tokens of the piece) until the budget is met."""
    shown = 0
    for index, length in enumerate(lengths):
        start = 0
        while length - start >= SHORTEST and budget - shown >= SHORTEST:
            piece = _piece(track.at(shown / budget), length - start, budget - shown, remainder)
            yield index, start, piece
            start += piece
            shown += piece
            if remainder == "drop":
                break
        if budget - shown < SHORTEST:
            return


def _piece(wanted: int, row: int, budget: int, remainder: Remainder) -> int:
    """Tokens of a piece: as many as wanted, but no single token is left of a row that goes on, or of the budget."""
    whole = remainder == "reshape" and row == wanted + 1
    piece = min(row if whole else wanted, row, budget)
    if budget - piece == 1:
        return piece + 1 if piece < row else max(piece - 1, SHORTEST)
    return piece


def _require_budget(shown: int, budget: int) -> None:
    if budget - shown < SHORTEST:
        return
    message = f"cut to their lengths, the sequences give {shown:,} tokens of the budget of {budget:,}"
    hint = f"ask for at most {shown}, start with a greater length, or show the remainder as rows of its own"
    raise InputError(Problem(message, field="budget_tokens", hint=hint))
