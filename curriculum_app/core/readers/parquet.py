"""Parquet tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.base import Bad, Raw, too_long_field

_BATCH_ROWS = 64
_BATCH_BYTES = 256 << 20
_BUFFER = 1 << 20  # bytes of a column read ahead; by default a row group is read as a whole, however large


def read_parquet(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a row, `line` being the row number from 1. `max_bytes` bounds any one string of a record.

    Raises:
        InputError: not a Parquet file, or a damaged one; the problem names the row reached.
    """
    row = 0
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                rows = _rows_at_once(file.metadata.row_group(group))
                for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                    for values in batch.to_pylist():
                        row += 1
                        long = too_long_field(values, max_bytes)
                        yield Raw(row, values) if long is None else Bad(row, f"longer than {max_bytes} bytes", long)
    except (pa.ArrowException, OSError) as error:
        reached = f" after row {row}" if row else ""
        message = f"cannot be read as Parquet{reached}: {str(error).splitlines()[0]}"
        hint = "is it complete, and what its name says?"
        raise InputError(Problem(message, "path", str(path), row or None, hint)) from error


def _rows_at_once(group: Any) -> int:
    """So few rows that they fit into 256 MiB even if each repeats the one value of a column's dictionary.

    A dictionary holds a value once however many rows have it, so a small file can hold rows of any size.
    """
    chunks = (group.column(number) for number in range(group.num_columns))
    largest = max((chunk.total_uncompressed_size for chunk in chunks if chunk.has_dictionary_page), default=0)
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(largest, 1)))
