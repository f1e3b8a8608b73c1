"""The windows a checkpoint is scored on: those that are stored, or the same text cut anew (torch-free)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from chimera.artefacts import ArtefactStore, file_facts
from curriculum_app.core.held_out_text import Recut, document_of_window, recut, words_by_window
from curriculum_app.core.packing import HeldOut
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class ScoredWindows:
    """Held-out windows by domain in the tokens of `tokenizer`; `how` is None where they are those that are stored."""

    parts: dict[str, HeldOut]
    tokenizer: Tokenizer
    eos_id: int
    how: Recut | None = None

    def with_text(self, scores: pa.Table, seen: NDArray[np.bool_] | None) -> pa.Table:
        """Scores by window with `words`, `document` (number, or row of the index) and whether that was `seen`.

        Args:
            scores: one row per window, domain after domain. seen: (documents of the index,), None if unknown.
        """
        words = [words_by_window(part, self.tokenizer, self.eos_id) for part in self.parts.values()]
        owners = [
            document_of_window(part, self.eos_id) if part.documents is None else part.documents
            for part in self.parts.values()
        ]
        known = [
            np.zeros(part.num_sequences, dtype=bool) if seen is None or part.documents is None else seen[part.documents]
            for part in self.parts.values()
        ]
        for name, columns in (("words", words), ("document", owners), ("seen", known)):
            scores = scores.append_column(name, pa.array(np.concatenate(columns)))
        return scores

    @cached_property
    def facts(self) -> dict[str, object]:
        """What the manifest says of how text was cut."""
        if self.how is None:
            return {"windows": "stored"}
        return {"windows": "rolling", "tokens": self.how.max_len, "context": self.how.context_len}


def windows_for(
    checkpoint: Checkpoint, table: SequenceTable, eos_id: int, window_tokens: int | None, context_tokens: int
) -> ScoredWindows:
    """The stored windows where the tokenizer is the same and nothing else is asked for; else rolling ones.

    Args:
        eos_id: the token that ends a text for the checkpoint. window_tokens: None: as many as the stored windows have.

    Raises:
        InputError: the text cannot be cut exactly by the checkpoint's tokenizer.
    """
    parts = {domain: part for domain, part in table.held_out().items() if part.num_sequences}
    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    same = file_facts(checkpoint.tokenizer_path) == file_facts(table.tokenizer_path)
    if same and window_tokens is None and context_tokens == 1:
        return ScoredWindows(parts, tokenizer, table.eos_id)
    most = int(checkpoint.manifest["context_length"])
    max_len = min(most, window_tokens or table.sequence_length - 1)
    how = Recut.of_file(checkpoint.tokenizer_path, eos_id, max_len, min(context_tokens, max_len))
    return ScoredWindows(recut(parts, tokenizer, table.eos_id, how), how.tokenizer, eos_id, how)


def trained_on(checkpoint: Checkpoint, table: SequenceTable, store: ArtefactStore) -> NDArray[np.bool_] | None:
    """Shape (documents of the table's index,): whether the checkpoint, or one it was trained from, was trained on the
    document, an equal one or a near-duplicate known when the sequences were made. None where that is not known.
    """
    trained: set[int] = set()
    mine = table.documents
    at: Checkpoint | None = checkpoint
    while at is not None and "together" in mine.column_names:
        digest = at.manifest.get("sequences")
        if not digest or not store.has("sequences", digest):
            return None
        other = SequenceTable.open(store.load("sequences", digest))
        if "together" not in other.documents.column_names:
            return None
        shown = other.documents.take(np.unique(other.pieces.documents))
        trained |= {*shown.column("together").to_pylist(), *shown.column("content").to_pylist()}
        base = at.manifest.get("base")
        at = Checkpoint.open(store.load("checkpoint", base)) if base and store.has("checkpoint", base) else None
    if "together" not in mine.column_names:
        return None
    keys = np.fromiter(trained, np.uint64, len(trained))
    return np.isin(mine.column("together").to_numpy(), keys) | np.isin(mine.column("content").to_numpy(), keys)
