"""Folders written by `save_to_disk` of Hugging Face's datasets, a single one or a dictionary of splits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.base import Bad, Raw, too_long_field
from curriculum_app.core.readers.folder import printable

_DICTIONARY, _STATE = "dataset_dict.json", "state.json"
_ROWS_AT_ONCE = 64  # one where a dictionary may stand for a value that all rows repeat
_SAVE_AGAIN = "is the folder complete? save it again with save_to_disk"


def is_saved_dataset(folder: Path) -> bool:
    """Whether the folder's files say so."""
    return (folder / _DICTIONARY).is_file() or (folder / _STATE).is_file()


def read_saved_dataset(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a row, `line` being the row's number in its split from 1, the id `split/row`.

    The shards are read batch by batch, as they were written. `max_bytes` bounds any one string of a record.

    Raises:
        InputError: not such a folder, or a damaged one; the problem names the file and the row reached.
    """
    if not is_saved_dataset(path):
        message = f"not a folder written by save_to_disk: there is no {_STATE} and no {_DICTIONARY}"
        raise InputError(Problem(message, "path", str(path), hint="name the folder that was given to save_to_disk"))
    if not (path / _DICTIONARY).is_file():
        state = _json(path / _STATE)
        yield from _rows(path, str(state.get("_split") or printable(path.name)), max_bytes)
        return
    for split in _names(_json(path / _DICTIONARY).get("splits"), path / _DICTIONARY, "splits"):
        yield from _rows(path / split, split, max_bytes)


def _rows(folder: Path, split: str, max_bytes: int) -> Iterator[Raw | Bad]:
    row = 0
    for shard in _shards(folder):
        try:
            with pa.OSFile(str(shard)) as file, pa.ipc.open_stream(file) as stream:
                at_once = 1 if any(map(pa.types.is_dictionary, stream.schema.types)) else _ROWS_AT_ONCE
                for batch in stream:
                    for start in range(0, batch.num_rows, at_once):
                        for values in batch.slice(start, at_once).to_pylist():
                            row += 1
                            yield _record(split, row, values, max_bytes)
        except (pa.ArrowException, OSError) as error:
            reached = f" after row {row} of {split}" if row else ""
            message = f"cannot be read as an Arrow stream{reached}: {str(error).splitlines()[0]}"
            raise InputError(Problem(message, "path", str(shard), row or None, _SAVE_AGAIN)) from error


def _record(split: str, row: int, values: dict[str, Any], max_bytes: int) -> Raw | Bad:
    long = too_long_field(values, max_bytes)
    if long is not None:
        return Bad(row, f"longer than {max_bytes} bytes", long, file=split)
    return Raw(row, values, {"id": f"{split}/{row}"}, split)


def _shards(folder: Path) -> list[Path]:
    """The shards in the order of the state file: their names need not sort that way."""
    state_file = folder / _STATE
    state = _json(state_file)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        message = "the rows are chosen by an index file, as old versions of datasets wrote it"
        raise InputError(Problem(message, "_indices_files", str(state_file), hint="load it and save it again"))
    listed = state.get("_data_files")
    entries = listed if isinstance(listed, list) else [None]
    names = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    return [folder / name for name in _names(names, state_file, "_data_files")]


def _names(value: Any, file: Path, field: str) -> list[str]:
    """Names directly in the folder: a path in them could lead anywhere."""
    listed = value if isinstance(value, list) else [None]
    names = [name for name in listed if isinstance(name, str) and _is_plain(name)]
    if len(names) == len(listed):
        return names
    raise InputError(Problem("does not list plain file names", field, str(file), hint=_SAVE_AGAIN))


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not set("/\\\0") & set(name)


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(Problem(f"cannot be read: {error}", "path", str(file), hint=_SAVE_AGAIN)) from error
    if not isinstance(value, dict):
        raise InputError(Problem("not a JSON object", "path", str(file), hint=_SAVE_AGAIN))
    return value
