"""Which reader reads what: by the format that is named, or by the names of the file or of the folder's files."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from chimera.errors import InputError, Problem
from curriculum_app.core.documents import MediaType
from curriculum_app.core.media_types import suffixes_of
from curriculum_app.core.readers import html_pages, text_files
from curriculum_app.core.readers.base import Reader
from curriculum_app.core.readers.csv_rows import read_csv
from curriculum_app.core.readers.folder import holds
from curriculum_app.core.readers.jsonl import read_jsonl
from curriculum_app.core.readers.media_folder import MEDIA_READERS, kinds_in
from curriculum_app.core.readers.parquet import read_parquet
from curriculum_app.core.readers.saved_dataset import is_saved_dataset, read_saved_dataset
from curriculum_app.core.readers.tsv_rows import read_tsv
from curriculum_app.core.readers.warc import read_warc

READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "csv": read_csv,
    "tsv": read_tsv,
    "warc": read_warc,
    "html": html_pages.read_html,
    "text": text_files.read_text,
    "arrow": read_saved_dataset,
    **MEDIA_READERS,
}
_PACKED = {kind: [f".{kind}{packing}" for packing in ("", ".gz", ".zst")] for kind in ("jsonl", "csv", "tsv")}
RECORD_SUFFIXES = {suffix: kind for kind, suffixes in _PACKED.items() for suffix in suffixes} | {
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".warc": "warc",
    ".warc.gz": "warc",
}
DOCUMENT_SUFFIXES = {"html": html_pages.SUFFIXES, "text": text_files.SUFFIXES}
_FOLDER_SUFFIXES = DOCUMENT_SUFFIXES | {f"{kind}_text": suffixes_of(kind) for kind in get_args(MediaType)}
_SINGLE = {suffix: kind for kind, suffixes in DOCUMENT_SUFFIXES.items() for suffix in suffixes}
_READABLE = (
    f"readable are {', '.join(RECORD_SUFFIXES | _SINGLE)}, folders written by save_to_disk "
    "and folders of images, sounds or films with texts"
)


def record_format(path: Path) -> str | None:
    """The format of a file of records as its name says it, None if it says none."""
    name = path.name.lower()
    return next((kind for suffix, kind in RECORD_SUFFIXES.items() if name.endswith(suffix)), None)


def reader_of(path: Path, kind: str) -> Reader:
    """The reader of `kind`; for `auto` that of the name of the file, or of what the folder holds.

    Raises:
        InputError: the names say no format.
    """
    chosen: str | None = kind
    if kind == "auto":
        named = record_format(path) or _SINGLE.get(path.suffix.lower())
        chosen = folder_format(path) if path.is_dir() else named
    if chosen is None:
        hint = f"name the format; {_READABLE}"
        raise InputError(Problem("its name does not say the format", field="format", file=str(path), hint=hint))
    return READERS[chosen]


def files_of(path: Path, kind: str) -> list[Path]:
    """The file itself; the files of records directly in the folder, by name; or the folder, if it is read as a whole.

    Raises:
        InputError: nothing there, a file of records without a byte, or a folder whose format the names leave open.
    """
    files = _in_folder(path, kind) if path.is_dir() else [path] if path.exists() else []
    if not files:
        what = "the folder holds no readable file" if path.is_dir() else "there is no such file on this worker"
        raise InputError(Problem(what, field="path", file=str(path), hint=_READABLE))
    empty = [
        Problem("the file is empty (0 bytes)", "path", str(file), hint="export it again")
        for file in files
        if file.is_file() and not file.stat().st_size
    ]
    if empty:
        raise InputError(empty)
    return files


def folder_format(path: Path) -> str | None:
    """The format of a folder that is read as a whole, None for one that holds files of records, or nothing readable.

    Raises:
        InputError: it holds pages as well as texts, or media of several kinds.
    """
    if is_saved_dataset(path):
        return "arrow"
    media = sorted(f"{kind}_text" for kind in kinds_in(path))
    if media:
        return _only(media, path, "media of several kinds")
    if any(record_format(file) for file in path.iterdir() if file.is_file()):
        return None
    found = [kind for kind, suffixes in DOCUMENT_SUFFIXES.items() if holds(path, suffixes)]
    return _only(found, path, "HTML and text files") if found else None


def _only(found: list[str], path: Path, held: str) -> str:
    if len(found) > 1:
        hint = f"name the format, {' or '.join(found)}, and import the folder again for each that is wanted"
        raise InputError(Problem(f"the folder holds {held}", "format", str(path), hint=hint))
    return found[0]


def _in_folder(path: Path, kind: str) -> list[Path]:
    if kind == "arrow" or (kind == "auto" and folder_format(path)):
        return [path]
    if kind in _FOLDER_SUFFIXES:
        return [path] if holds(path, _FOLDER_SUFFIXES[kind]) else []
    files = sorted(file for file in path.iterdir() if file.is_file())
    if kind == "auto":
        return [file for file in files if record_format(file)]
    return [file for file in files if record_format(file) in (kind, None) and not file.name.startswith(".")]
