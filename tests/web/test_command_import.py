"""`chimera run import` on every format of the form, from the file to the row of the version."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from chimera.projects.access import Actor
from curriculum_app.core.configs import Format
from curriculum_app.models import DatasetVersion
from tests.core.curriculum.test_import_folders import save
from tests.core.curriculum.test_media_folders import MP4, PNG, WAV, tree
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.test_command import call, worker, written  # noqa: F401

pytestmark = pytest.mark.django_db

ROWS = [{"text": "One."}, {"text": "Two."}]
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
    files = {f"{n}.{ending}": data for n in (1, 2)} | {"1.txt": "One.", "2.txt": "Two."}
    return lambda folder: tree(folder, files)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "auto": file("a.jsonl.zst", zstandard.compress(LINES)),
    "jsonl": file("a.jsonl.gz", gzip.compress(LINES)),
    "parquet": parquet,
    "csv": file("a.csv", b"text\nOne.\nTwo.\n"),
    "tsv": file("a.tsv", b"text\tn\nOne.\t1\nTwo.\t2\n"),
    "html": lambda folder: tree(folder, {"1.html": "One.", "sub/2.htm": "Two."}),
    "text": lambda folder: tree(folder, {"1.txt": "One.", "sub/2.md": "Two."}),
    "warc": warc,
    "arrow": lambda folder: save(folder, [ROWS]),
    "image_text": pair("png", PNG),
    "audio_text": pair("wav", WAV),
    "video_text": pair("mp4", MP4),
}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", get_args(Format))
def test_every_format_is_imported(kind: str, owner: Actor, tmp_path: Path) -> None:
    path = SOURCES[kind](tmp_path / "in")
    config = written(tmp_path / "c.json", {"name": kind, "path": str(path), "format": kind})
    code, result, _ = call("run", "import", "--config", config, "--wait", "--json")
    assert (code, result["status"], result["summary"]["documents"]) == (0, "succeeded", 2), result
    assert DatasetVersion.objects.get().uid == result["artifacts"]["dataset"]
