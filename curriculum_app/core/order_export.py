"""A schedule for other trainers: which sequence is shown when, as plain text, and a manifest (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from curriculum_app.core.schedule import ROW, Schedule
from curriculum_app.core.sequences import SequenceTable

FORMAT = "chimera-order/1"
COLUMNS = ("sequence", "start", "length", "documents")
_ROWS = 2048  # lines made at a time


def manifest(schedule: Schedule, table: SequenceTable) -> dict[str, Any]:
    """What the files of an export hold, with the hashes by which they are known here."""
    facts = schedule.manifest
    return {
        "format": FORMAT,
        "rows": int(facts["num_rows"]),
        "tokens": int(facts["num_tokens"]),
        "order_digest": schedule.order_digest,
        "multiset_digest": schedule.multiset_digest,
        "policy": facts["policy"],
        "seed": facts["seed"],
        "pool": facts["pool"],
        "tracks": facts.get("tracks", {}),
        "sequences": {
            "digest": table.digest,
            "sequences": table.num_sequences,
            "tokens": table.num_tokens,
            "sequence_length": table.sequence_length,
            "vocab_size": table.vocab_size,
            "eos_id": table.eos_id,
            "form": table.form,
        },
        "files": {
            "index.txt": {"columns": list(COLUMNS), "separator": "tab", "documents": "JSON list of document ids"},
            "rows.npy": {"dtype": [[name, str(ROW[name])] for name in ROW.names or ()]},
            "tokens.npy": {"dtype": str(table.tokens.dtype), "shape": [table.num_tokens]},
            "offsets.npy": {"dtype": "int64", "shape": [table.num_sequences + 1]},
            "tokenizer.json": {"library": "tokenizers"},
        },
    }


def index_lines(schedule: Schedule, table: SequenceTable) -> Iterator[bytes]:
    """`sequence, start, length, documents` of each row, tab by tab, in delivery order; a few thousand lines a piece.

    A row that is part of a sequence names the documents that lie in that part.
    """
    rows, names = schedule.rows, table.documents.column("id").to_pylist()
    for first in range(0, len(rows), _ROWS):
        lines = [_line(table, row, names) for row in rows[first : first + _ROWS]]
        yield "".join(lines).encode()


def _line(table: SequenceTable, row: Any, names: list[str]) -> str:
    sequence, start, length = int(row["sequence"]), int(row["start"]), int(row["length"])
    pieces = table.pieces
    span = slice(int(pieces.offsets[sequence]), int(pieces.offsets[sequence + 1]))
    ends = np.cumsum(pieces.lengths[span])
    inside = (ends > start) & (ends - pieces.lengths[span] < start + length)
    documents = [names[number] for number in pieces.documents[span][inside]]
    return f"{sequence}\t{start}\t{length}\t{json.dumps(documents, ensure_ascii=False)}\n"
