"""Random access to texts in Parquet files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

_OPEN_FILES = 16


class Texts:
    """The column `text` of some files by number over all of them; only where row groups begin is held in memory."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._groups: list[tuple[Path, int]] = []
        self._starts: list[int] = []
        total = 0
        for file in files:
            metadata = pq.read_metadata(file)
            for group in range(metadata.num_row_groups):
                self._groups.append((file, group))
                self._starts.append(total)
                total += metadata.row_group(group).num_rows
        self._opened = lru_cache(_OPEN_FILES)(pq.ParquetFile)

    def text(self, number: int) -> str:
        place = bisect_right(self._starts, number) - 1
        file, group = self._groups[place]
        column = self._opened(file).read_row_group(group, columns=["text"]).column(0)
        return str(column[number - self._starts[place]].as_py())
