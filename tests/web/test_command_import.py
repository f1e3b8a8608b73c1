"""`chimera run import`, `curate` and `group` on every format, from the file to sequences."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curriculum_app.core.configs import Format
from curriculum_app.models import DatasetVersion, SequenceSet
from tests.core.curriculum.test_import_folders import save
from tests.core.curriculum.test_media_folders import MP4, PNG, WAV, tree
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.test_command import call, worker, written  # noqa: F401

pytestmark = pytest.mark.django_db

ONE, TWO = (
    f"{number}. " + " ".join(f"{word} {n} ships wait." for n in range(150))
    for number, word in (("One", "Grey"), ("Two", "Long"))
)  # enough to hold some out and fill sequences
ROWS = [{"text": ONE}, {"text": TWO}]
PAGE = "<html><body><article><p>{}</p></article></body></html>"
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    return lambda folder: tree(folder, {name: content}) / name


def parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), tree(folder, {".keep": b""}) / "a.parquet")
    return folder / "a.parquet"


def warc(folder: Path) -> Path:
    records = b""
    for number, row in enumerate(ROWS):
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + row["text"].encode()
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{number}>\r\nContent-Length: {len(block)}\r\n"
        records += head.encode() + b"\r\n" + block + b"\r\n\r\n"
    return file("a.warc.gz", gzip.compress(records))(folder)


def pair(ending: str, data: bytes) -> Callable[[Path], Path]:
    files = {f"{n}.{ending}": data for n in (1, 2)} | {"1.txt": ONE, "2.txt": TWO}
    return lambda folder: tree(folder, files)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "auto": file("a.jsonl.zst", zstandard.compress(LINES)),
    "jsonl": file("a.jsonl.gz", gzip.compress(LINES)),
    "parquet": parquet,
    "csv": file("a.csv", f"text\n{ONE}\n{TWO}\n".encode()),
    "tsv": file("a.tsv", f"text\tn\n{ONE}\t1\n{TWO}\t2\n".encode()),
    "html": lambda folder: tree(folder, {"1.html": PAGE.format(ONE), "sub/2.htm": PAGE.format(TWO)}),
    "text": lambda folder: tree(folder, {"1.txt": ONE, "sub/2.md": TWO}),
    "warc": warc,
    "arrow": lambda folder: save(folder, [ROWS]),
    "image_text": pair("png", PNG),
    "audio_text": pair("wav", WAV),
    "video_text": pair("mp4", MP4),
}


def zipped(folder: Path) -> Path:
    path = tree(folder, {".keep": b""}) / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", LINES)
    return path


PACKED: dict[str, Callable[[Path], Path]] = {
    "plain": file("a.jsonl", LINES),
    "csv.gz": file("a.csv.gz", gzip.compress(f"text\n{ONE}\n{TWO}\n".encode())),
    "zip": zipped,
}


def job(kind: str, config: dict[str, object], folder: Path) -> dict[str, Any]:
    """The JSON line of a job that succeeds."""
    path = written(folder / f"{kind}.json", {"name": kind, **config})
    code, result, _ = call("run", kind, "--config", path, "--wait", "--json")
    assert (code, result["status"]) == (0, "succeeded"), result
    found: dict[str, Any] = result
    return found


@pytest.mark.usefixtures("worker", "owner")
@pytest.mark.parametrize("kind", [*get_args(Format), *PACKED])
def test_every_format_is_imported_curated_and_grouped(kind: str, tmp_path: Path) -> None:
    path = {**SOURCES, **PACKED}[kind](tmp_path / "in")
    said = "auto" if kind in PACKED else kind
    raw = job("import", {"path": str(path), "format": said}, tmp_path)
    assert raw["summary"]["documents"] == 2
    recipes = {"*": [{"key": key} for key in ("extract", "normalise", "min_length")]}
    clean = job("curate", {"datasets": [raw["artifacts"]["dataset"]], "recipes": recipes}, tmp_path)
    assert DatasetVersion.objects.get(stage="curated").documents == 2
    sizes = {"vocab_size": 300, "sequence_length": 16, "held_out_tokens": 256}
    grouped = job("group", {"dataset": clean["artifacts"]["dataset"], **sizes}, tmp_path)
    assert SequenceSet.objects.get().uid == grouped["artifacts"]["sequences"]
