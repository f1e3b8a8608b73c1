"""Import of web archives: which records are kept, how pages are unpacked and decoded, and damage."""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest

from chimera.context import LocalContext
from chimera.errors import InputError, Problem
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path / "work")


def record(number: int, block: bytes, kind: str = "response", more: str = "") -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Date: 2024-01-0{number}T00:00:00Z\r\n"
        f"WARC-Target-URI: https://x.org/{number}\r\nContent-Type: application/http; msgtype=response\r\n{more}"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def http(body: bytes, mime: str = "text/html", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {mime}\r\n{more}\r\n".encode() + body


def archive(path: Path, *records: bytes) -> Path:
    pack = gzip.compress if path.suffix == ".gz" else bytes
    path.write_bytes(b"".join(pack(item) for item in records))
    return path


def run(ctx: LocalContext, path: Path, **settings: object) -> DatasetVersion:
    config = ImportConfig.model_validate({"name": "x", "path": str(path), **settings})
    return DatasetVersion.open(import_.run(config, ctx).stored)


def problem(ctx: LocalContext, path: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        run(ctx, path)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_pages_and_texts_that_were_fetched_with_success_are_kept(ctx: LocalContext, tmp_path: Path, name: str) -> None:
    path = archive(
        tmp_path / name,
        record(1, b"software: x\r\n", "warcinfo"),
        record(2, http(b"<title>T</title>page"), "request"),
        record(3, http(b"<title>T</title>page")),
        record(4, http(b"gone", status="404 Not Found")),
        record(5, http(b"\x89PNG", "image/png")),
        record(6, http(b"caf\xe9", 'text/plain; Charset="ISO-8859-1"')),
        record(7, b"20240101 1.2.3.4", more="X: dns\r\n"),
    )
    version = run(ctx, path, mapping={"text": "text", "date": "date"})
    found = [(d.id, d.url, d.title, d.content, d.text, d.meta["date"]) for d in version.iter_documents()]
    assert found == [
        ("urn:uuid:3", "https://x.org/3", "T", "html", "<title>T</title>page", "2024-01-03T00:00:00Z"),
        ("urn:uuid:6", "https://x.org/6", "", "text", "caf\u00e9", "2024-01-06T00:00:00Z"),
    ]


RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    "headers, body",
    [
        ("Transfer-Encoding: chunked\r\n", b"3\r\npag\r\n1;x=y\r\ne\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"page"),
        ("Content-Encoding: gzip\r\n", gzip.compress(b"page")),
        ("Content-Encoding: gzip\r\n", b"page"),
        ("Content-Encoding: deflate\r\n", zlib.compress(b"page")),
        ("Content-Encoding: deflate\r\n", RAW_DEFLATE.compress(b"page") + RAW_DEFLATE.flush()),
        ("Content-Encoding: identity\r\n", b"page"),
    ],
)
def test_the_page_is_taken_out_of_its_transfer(ctx: LocalContext, tmp_path: Path, headers: str, body: bytes) -> None:
    (document,) = run(ctx, archive(tmp_path / "a.warc", record(1, http(body, more=headers)))).iter_documents()
    assert document.text == "page"


def test_pages_that_cannot_be_read_are_quarantined_with_the_number_of_their_record(
    ctx: LocalContext, tmp_path: Path
) -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    path = archive(
        tmp_path / "a.warc.gz",
        record(1, http(b"fine")),
        record(2, http(b"caf\xe9")),
        record(3, http(b"a\0b")),
        record(4, http(b"y" * 100_000)),
        record(5, http(bomb, more="Content-Encoding: gzip\r\n")),
        record(6, http(b"..", more="Content-Encoding: br\r\n")),
        record(7, http(b"9\r\nshort", more="Transfer-Encoding: chunked\r\n")),
        record(8, http(gzip.compress(b"page" * 99)[:-12], more="Content-Encoding: gzip\r\n")),
        record(9, http(b"part"), more="WARC-Segment-Number: 1\r\n"),
        record(1, http(b"again")),
    )
    version = run(ctx, path, max_bad_fraction=1, max_record_bytes=20_000)
    assert [d.text for d in version.iter_documents()] == ["fine"]
    assert [(item.line, item.reason) for item in version.quarantine()] == [
        (2, "not UTF-8"),
        (3, "holds NUL, as binary files do"),
        (4, "longer than 20000 bytes"),
        (5, "longer than 20000 bytes"),
        (6, "packed as 'br', which cannot be read"),
        (7, "its HTTP chunks are damaged"),
        (8, "its packed content ends too early"),
        (9, "a segment of a page that is spread over several records"),
        (10, "its id occurs before"),
    ]
    assert version.quarantine()[0].excerpt.startswith("https://x.org/2 at byte 3")


def test_a_page_that_the_crawler_cut_is_kept_as_far_as_it_goes(ctx: LocalContext, tmp_path: Path) -> None:
    block = http(b"9\r\nshort", more="Transfer-Encoding: chunked\r\n")
    path = archive(tmp_path / "a.warc", record(1, block, more="WARC-Truncated: length\r\n"))
    assert run(ctx, path).documents(limit=1)[0].text == "short"


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_an_archive_that_ends_too_early_names_the_record(ctx: LocalContext, tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / name, record(1, http(b"one")), record(2, http(b"two" * 100)))
    path.write_bytes(path.read_bytes()[:-40])
    found = problem(ctx, path)
    assert "ends too early, after record" in found.message
    assert found.file == str(path) and found.line in (1, 2) and found.hint


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"plain words\n" * 9, "begins with WARC/"),
        (b"WARC/1.0\r\nContent-Length: -5\r\n\r\n", "Content-Length is '-5'"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "Content-Length is ''"),
        (b"WARC/1.0\r\n" + b"a: b\r\n" * 2000 + b"\r\n", "more than 1000 headers"),
        (b"WARC/1.0\r\na: " + b"b" * 100_000, "a header is longer"),
    ],
)
def test_a_file_that_is_no_archive_is_named(ctx: LocalContext, tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(raw)
    found = problem(ctx, path)
    assert words in found.message and found.file == str(path) and found.hint


def test_a_gzip_name_on_a_plain_archive_is_named(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(record(1, http(b"x")))
    assert "cannot be read after record 0" in problem(ctx, path).message


def test_a_bomb_in_a_record_that_is_not_kept_takes_no_memory(ctx: LocalContext, tmp_path: Path) -> None:
    bomb = record(1, http(bytes(60_000_000), "image/png")), record(2, http(bytes(60_000_000))), record(3, http(b"fine"))
    path = archive(tmp_path / "a.warc.gz", *bomb)
    del bomb
    tracemalloc.start()
    version = run(ctx, path, max_bad_fraction=0.5, max_record_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [d.text for d in version.iter_documents()] == ["fine"]
    assert path.stat().st_size < 1_000_000 and peak < 8_000_000
