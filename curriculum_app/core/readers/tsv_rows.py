"""Tab-separated values with a header line, plain or compressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.csv_rows import read_csv


def read_tsv(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """As CSV with a tab for the comma, quotes included (what spreadsheets write).

    Raises:
        InputError: the header itself is unreadable.
    """
    return read_csv(path, max_bytes, delimiter="\t")
