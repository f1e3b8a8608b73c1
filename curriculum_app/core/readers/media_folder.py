"""Folders of images, sounds or films with a text for each: a metadata file, or a file of the same name beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from chimera.errors import InputError, Problem
from curriculum_app.core.documents import MediaType
from curriculum_app.core.media_types import Blob, WrongType, blob_of, kind_of_name, suffixes_of
from curriculum_app.core.readers.base import Bad, Raw, Reader, excerpt
from curriculum_app.core.readers.csv_rows import read_csv
from curriculum_app.core.readers.decoding import NotText, decode
from curriculum_app.core.readers.folder import Found, documents_in, found_in, read_whole, walk
from curriculum_app.core.readers.jsonl import read_jsonl
from curriculum_app.core.readers.seen_ids import SeenIds

METADATA = {"metadata.jsonl": read_jsonl, "metadata.csv": read_csv}
_CAPTIONS = (".txt", ".json")


def kinds_in(folder: Path) -> set[MediaType]:
    """The kinds of media in the folder that have texts: below a metadata file, or beside a file of the same name."""
    found: set[MediaType] = set()
    described = False
    for _, _, names in walk(folder):
        present = set(names)
        described = described or not present.isdisjoint(METADATA)
        for name in names:
            kind = kind_of_name(name)
            if kind and (described or any(name.rpartition(".")[0] + ending in present for ending in _CAPTIONS)):
                found.add(kind)
    return found


def read_media_folder(path: Path, max_bytes: int, kind: MediaType) -> Iterator[Raw | Bad]:
    """One record for each row of a `metadata.jsonl` or `metadata.csv` (as Hugging Face's image folders have them: key
    `file_name`, relative to the file), then one for each other file of this kind with its `.txt` or `.json` caption.

    The id is the path of the media file in the folder; further rows about the same file add `#line`. `max_bytes`
    bounds a media file as well as a text.

    Raises:
        InputError: `path` is no folder.
    """
    if not path.is_dir():
        hint = "name the folder that holds the files and their texts"
        raise InputError(Problem(f"not a folder of {kind} files", "path", str(path), hint=hint))
    with closing(SeenIds()) as named:
        for found in documents_in(path, tuple(METADATA)):
            if found.path.name in METADATA:
                yield from _rows(path, found, max_bytes, kind, named)
        for found in documents_in(path, suffixes_of(kind)):
            if named.first_place(found.relative, "") is None:
                yield _captioned(found, max_bytes)


def _rows(root: Path, metadata: Found, max_bytes: int, kind: MediaType, named: SeenIds) -> Iterator[Raw | Bad]:
    if metadata.problem:
        yield Bad(1, metadata.problem, file=metadata.relative)
        return
    for row in METADATA[metadata.path.name](metadata.path, max_bytes):
        if isinstance(row, Bad):
            yield Bad(row.line, row.reason, row.excerpt, row.field, metadata.relative)
        else:
            yield _row(root, metadata, row, max_bytes, kind, named)


def _row(root: Path, metadata: Found, row: Raw, max_bytes: int, kind: MediaType, named: SeenIds) -> Raw | Bad:
    name = row.values.get("file_name")
    problem = _name_problem(name, kind)
    if problem:
        return Bad(row.line, problem, excerpt(str(name)), file=metadata.relative)
    path = metadata.path.parent / str(name)
    if not os.path.lexists(path):
        return Bad(row.line, "the media file is not there", excerpt(str(name)), file=metadata.relative)
    media = found_in(root, path)
    first = named.first_place(media.relative, "") is None
    blob = _blob(media, max_bytes)
    if isinstance(blob, Bad):
        return Bad(row.line, blob.reason, excerpt(f"{name}: {blob.excerpt}"), file=metadata.relative)
    identity = media.relative if first else f"{media.relative}#{row.line}"
    return Raw(row.line, row.values, _known(media, identity), metadata.relative, (blob,))


def _name_problem(name: Any, kind: MediaType) -> str:
    if not isinstance(name, str) or not name:
        return "no key 'file_name'"
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        return "file_name leads out of the folder"
    return "" if kind_of_name(name) == kind else f"file_name is no {kind} file"


def _captioned(found: Found, max_bytes: int) -> Raw | Bad:
    blob = _blob(found, max_bytes)
    if isinstance(blob, Bad):
        return blob
    for ending in _CAPTIONS:
        caption = found.path.with_suffix(ending)
        if caption.is_file():
            beside = Found(caption, f"{found.relative.rpartition('.')[0]}{ending}")
            values = _values(beside, found.relative, max_bytes)
            known = _known(found, found.relative)
            return values if isinstance(values, Bad) else Raw(1, values, known, beside.relative, (blob,))
    return Bad(1, "no text belongs to it: neither a metadata file nor a .txt or .json of its name", file=found.relative)


def _values(caption: Found, file_name: str, max_bytes: int) -> dict[str, Any] | Bad:
    raw = read_whole(found_in(caption.path.parent, caption.path), max_bytes)
    if isinstance(raw, Bad):
        return Bad(raw.line, raw.reason, raw.excerpt, file=caption.relative)
    try:
        text = decode(raw)
        said = {"text": text} if caption.path.suffix == ".txt" else json.loads(text)
    except NotText as problem:
        return Bad(problem.line, problem.reason, problem.excerpt, file=caption.relative)
    except (ValueError, RecursionError) as error:
        return Bad(1, "not JSON", f"{error}: {excerpt(text)}", file=caption.relative)
    if not isinstance(said, dict):
        return Bad(1, "not a JSON object", excerpt(text), file=caption.relative)
    return {"file_name": file_name, **said}


def _blob(media: Found, max_bytes: int) -> Blob | Bad:
    data = read_whole(media, max_bytes)
    if isinstance(data, Bad):
        return data
    if not data:
        return Bad(1, "the media file is empty (0 bytes)", media.relative, file=media.relative)
    try:
        return blob_of(media.relative, data)
    except WrongType as problem:
        return Bad(1, "the media file is not what its name says", str(problem), file=media.relative)


def _known(media: Found, identity: str) -> dict[str, str]:
    return {"id": identity, "title": PurePosixPath(media.relative).name}


MEDIA_READERS: dict[str, Reader] = {
    f"{kind}_text": partial(read_media_folder, kind=kind) for kind in get_args(MediaType)
}
