"""Parquet tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.base import Bad, Raw, too_long_field

_BATCH_ROWS = 64
_BUFFER = 1 << 20  # bytes of a column read ahead; by default a row group is read as a whole, however large


def read_parquet(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a row, `line` being the row number from 1. `max_bytes` bounds any one string of a record.

    Raises:
        InputError: not a Parquet file, or a damaged one; the problem names the row reached.
    """
    row = 0
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    row += 1
                    long = too_long_field(values, max_bytes)
                    yield Raw(row, values) if long is None else Bad(row, f"longer than {max_bytes} bytes", long)
    except (pa.ArrowException, OSError) as error:
        reached = f" after row {row}" if row else ""
        message = f"cannot be read as Parquet{reached}: {str(error).splitlines()[0]}"
        hint = "is it complete, and what its name says?"
        raise InputError(Problem(message, "path", str(path), row or None, hint)) from error
