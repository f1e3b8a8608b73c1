"""Documents to sequences: packing, who contributed which tokens, and held-out windows (pure, numpy only)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Int = NDArray[np.int64]
Tokens = NDArray[np.uint16] | NDArray[np.uint32]
Mask = NDArray[np.uint8]  # per token: 1 is a target, 0 only context


def token_dtype(vocab_size: int) -> type[np.uint16] | type[np.uint32]:
    """The narrowest unsigned integer that holds every token id."""
    return np.uint16 if vocab_size <= 1 << 16 else np.uint32


@dataclass(frozen=True)
class Pieces:
    """Which document every run of tokens came from: piece p of sequence i, offsets[i] <= p < offsets[i+1]."""

    offsets: Int  # M+1
    documents: Int  # P, row of the document index
    lengths: Int  # P, tokens; a document's end-of-text token is its own

    def sequences(self) -> Int:
        """Shape (P,): the sequence of each piece."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int64), np.diff(self.offsets))


@dataclass(frozen=True)
class Packed:
    """M sequences of exactly `sequence_length` tokens; `dropped` tokens of the tail did not fill one."""

    tokens: Tokens
    offsets: Int
    pieces: Pieces
    dropped: int


def pack(documents: Sequence[Tokens], rows: Int, eos_id: int, sequence_length: int) -> Packed:
    """Join documents with `eos_id` in the given order and cut the stream every `sequence_length` tokens.

    Args:
        documents: token ids of each document, in delivery order.
        rows: shape (D,), the document-index row of each.
    """
    if not len(documents):
        return empty_packing()
    end = np.array([eos_id], dtype=documents[0].dtype)
    stream = np.concatenate([part for tokens in documents for part in (tokens, end)])
    count = len(stream) // sequence_length
    used = count * sequence_length
    ends = np.cumsum(np.array([len(tokens) + 1 for tokens in documents], dtype=np.int64))
    offsets = np.arange(count + 1, dtype=np.int64) * sequence_length
    pieces = pieces_of(ends, rows, offsets)
    return Packed(stream[:used], offsets, pieces, len(stream) - used)


def joined(packs: Sequence[Packed]) -> Packed:
    """The sequences of several packings, one packing after the other."""
    shifts = np.cumsum([0, *(len(part.tokens) for part in packs)])
    pieces = np.cumsum([0, *(len(part.pieces.lengths) for part in packs)])
    zero = np.zeros(1, dtype=np.int64)
    tokens: Tokens = np.concatenate([part.tokens for part in packs])
    return Packed(
        tokens,
        np.concatenate([zero, *(part.offsets[1:] + at for part, at in zip(packs, shifts, strict=False))]),
        Pieces(
            np.concatenate([zero, *(part.pieces.offsets[1:] + at for part, at in zip(packs, pieces, strict=False))]),
            np.concatenate([part.pieces.documents for part in packs]),
            np.concatenate([part.pieces.lengths for part in packs]),
        ),
        sum(part.dropped for part in packs),
    )


def empty_packing() -> Packed:
    """No sequence."""
    none = np.zeros(0, dtype=np.int64)
    return Packed(
        np.zeros(0, dtype=np.uint16), np.zeros(1, dtype=np.int64), Pieces(np.zeros(1, np.int64), none, none), 0
    )


def pieces_of(ends: Int, rows: Int, offsets: Int) -> Pieces:
    """Cut the stream at every document end and every sequence start; `rows` are the documents of the `ends`."""
    used = offsets[-1]
    cuts = np.unique(np.concatenate([offsets, ends[ends < used]]))
    starts, lengths = cuts[:-1], np.diff(cuts)
    documents = rows[np.searchsorted(ends, starts, side="right")]
    return Pieces(np.searchsorted(starts, offsets).astype(np.int64), documents, lengths)


def count_groups(pieces: Pieces, group_of_document: Int, num_groups: int) -> sparse.csr_array:
    """Tokens of each group in each sequence: CSR of shape (M, K), int64. Row sums are the sequence lengths."""
    columns = group_of_document[pieces.documents]
    shape = (len(pieces.offsets) - 1, num_groups)
    counts = sparse.coo_array((pieces.lengths, (pieces.sequences(), columns)), shape=shape).tocsr()
    counts.sum_duplicates()
    return counts


def mean_over_tokens(pieces: Pieces, value_of_document: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (M,): token-weighted mean of a document value over each sequence."""
    sequences, count = pieces.sequences(), len(pieces.offsets) - 1
    weighted = np.bincount(sequences, pieces.lengths * value_of_document[pieces.documents], count)
    total = np.bincount(sequences, pieces.lengths, count)
    return np.asarray(weighted / np.maximum(total, 1), dtype=np.float64)


@dataclass(frozen=True)
class HeldOut:
    """Evaluation windows of one domain.

    The first token of a window is context only (end-of-text, or the token before the window); every other token of
    it that the mask does not leave out is predicted once, and `n_bytes[i]` counts exactly the UTF-8 bytes those
    predicted tokens decode to. So `sum NLL (nats) / (ln 2 * total_bytes)` is bits per byte of the text itself, of
    conversations of the answers.
    """

    tokens: Tokens
    offsets: Int  # W+1
    n_bytes: Int  # W
    mask: Mask | None = None  # of each token; None: all are predicted
    documents: Int | None = (
        None  # W, which document each window is of: its row of the document index where it is stored
    )

    @property
    def num_sequences(self) -> int:
        return len(self.n_bytes)

    @property
    def predicted_tokens(self) -> int:
        return int(self.is_predicted.sum())

    @property
    def total_bytes(self) -> int:
        return int(self.n_bytes.sum())

    def tokens_of(self, index: int) -> Tokens:
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    @cached_property
    def is_predicted(self) -> NDArray[np.bool_]:
        """Per token: not the first of its window, and a target."""
        keep = np.ones(len(self.tokens), dtype=bool) if self.mask is None else self.mask.astype(bool)
        keep[self.offsets[:-1]] = False
        return keep

    def predicted_of(self, index: int) -> NDArray[np.bool_]:
        """`is_predicted` of one window without its first token."""
        return self.is_predicted[self.offsets[index] + 1 : self.offsets[index + 1]]

    def predicted(self) -> Tokens:
        """All predicted tokens in order."""
        return self.tokens[self.is_predicted]

    def predicted_by_window(self) -> Int:
        """Shape (W,): predicted tokens of each window."""
        return np.add.reduceat(self.is_predicted, self.offsets[:-1], dtype=np.int64)


def held_out_windows(
    documents: Sequence[Tokens], token_bytes: Int, eos_id: int, sequence_length: int, rows: Int | None = None
) -> HeldOut:
    """Cut each document into windows of at most `sequence_length` tokens in which every token is predicted once.

    Args:
        token_bytes: shape (V,), UTF-8 bytes each token decodes to (0 for special tokens).
        rows: shape (D,), the document-index row of each, if there is an index.
    """
    cut = [_windows(tokens, eos_id, sequence_length) for tokens in documents]
    windows = [window for found in cut for window in found]
    offsets = np.cumsum([0, *(len(window) for window in windows)], dtype=np.int64)
    n_bytes = np.array([int(token_bytes[window[1:]].sum()) for window in windows], dtype=np.int64)
    tokens: Tokens = np.concatenate(windows) if windows else np.zeros(0, dtype=np.uint16)  # type: ignore[assignment]
    owners = None if rows is None else np.repeat(rows, [len(found) for found in cut])
    return HeldOut(tokens, offsets, n_bytes, documents=owners)


def _windows(tokens: Tokens, eos_id: int, sequence_length: int) -> list[Tokens]:
    stream = np.concatenate([np.array([eos_id], dtype=tokens.dtype), tokens])
    step = sequence_length - 1
    return [stream[start : start + sequence_length] for start in range(0, len(tokens), step)]
