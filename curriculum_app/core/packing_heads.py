"""Packing documents under heads of tokens that are only context: metadata before a text (pure, numpy only)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curriculum_app.core.packing import Int, Mask, Packed, Tokens, empty_packing, pieces_of


def pack_under(
    heads: Sequence[Tokens], documents: Sequence[Tokens], rows: Int, eos_id: int, sequence_length: int
) -> tuple[Packed, Mask]:
    """Pack every document under its head; only its own tokens and the end of text after them are targets.

    A head is always followed by a token of its document. A document that goes on in the next sequence goes on there
    under its head again; where head and one token do not fit, end-of-text tokens that are no targets fill the sequence
    up. At the start of a sequence an end of text stands before the head, as that of another document does elsewhere.

    Args:
        heads, documents: token ids in delivery order; a head has at most `sequence_length` - 2 tokens, or none.
        rows: shape (D,), the document-index row of each.

    Returns:
        The sequences, and of each of their tokens whether it is a target.
    """
    if not len(documents):
        return empty_packing(), np.zeros(0, dtype=np.uint8)
    end: Tokens = np.array([eos_id], dtype=documents[0].dtype)  # type: ignore[assignment]
    stream = _Stream(end, sequence_length)
    for head, tokens, row in zip(heads, documents, rows.tolist(), strict=True):
        body, done = stream.ended(tokens), 0
        while done < max(len(tokens), 1):  # an end of text alone is not carried over
            stream.make_room_for(head)
            done += stream.put(head, body[done:], row)
    return stream.packed()


class _Stream:
    """Tokens laid end to end, with the document and the part in the loss of each run of them."""

    def __init__(self, end: Tokens, sequence_length: int) -> None:
        self._end, self._length = end, sequence_length
        self._parts: list[Tokens] = []
        self._learnt: list[bool] = []
        self._ends: list[int] = []
        self._rows: list[int] = []
        self._used = 0

    def ended(self, tokens: Tokens) -> Tokens:
        """The tokens and an end of text."""
        both: Tokens = np.concatenate([tokens, self._end])
        return both

    def make_room_for(self, head: Tokens) -> None:
        """Begin a new sequence where the head and one token more do not fit; the document before owns what fills up."""
        room = -self._used % self._length
        if 0 < room <= len(head):
            self._add(np.repeat(self._end, room), learnt=False)  # type: ignore[arg-type]
            self._ends[-1] = self._used

    def put(self, head: Tokens, body: Tokens, row: int) -> int:
        """Lay the head and what fits of the body; gives how many tokens of the body."""
        if len(head) and self._used % self._length == 0:
            self._add(self._end, learnt=False)
        self._add(head, learnt=False)
        taken = body[: self._length - self._used % self._length]
        self._add(taken, learnt=True)
        self._ends.append(self._used)
        self._rows.append(row)
        return len(taken)

    def _add(self, tokens: Tokens, *, learnt: bool) -> None:
        self._parts.append(tokens)
        self._learnt.append(learnt)
        self._used += len(tokens)

    def packed(self) -> tuple[Packed, Mask]:
        """The full sequences and their mask; a tail that fills none is dropped."""
        offsets = np.arange(self._used // self._length + 1, dtype=np.int64) * self._length
        kept = int(offsets[-1])
        tokens: Tokens = np.concatenate(self._parts)  # type: ignore[assignment]
        mask = np.repeat(np.array(self._learnt, dtype=np.uint8), [len(part) for part in self._parts])[:kept]
        pieces = pieces_of(np.array(self._ends, dtype=np.int64), np.array(self._rows, dtype=np.int64), offsets)
        return Packed(tokens[:kept], offsets, pieces, self._used - kept), mask
