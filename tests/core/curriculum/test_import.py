"""Import: what every format yields, what goes to quarantine, and what makes the job fail with which words."""

import csv
import gzip
import json
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pydantic import ValidationError

from chimera.context import LocalContext
from chimera.errors import InputError, Problem
from curriculum_app.core.configs import Format, ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_
from curriculum_app.core.readers.choice import READERS

GOOD = [{"id": n, "body": f"text number {n}", "about": {"url": f"https://x/{n}"}} for n in range(300)]
MAPPING = {"id": "id", "text": "body", "url": "about.url"}


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path / "work")


def lines(records: list[object]) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def run(ctx: LocalContext, path: Path, **settings: object) -> DatasetVersion:
    config = ImportConfig.model_validate({"name": "x", "path": str(path), "mapping": MAPPING, **settings})
    return DatasetVersion.open(import_.run(config, ctx).stored)


def problems(ctx: LocalContext, path: Path, **settings: object) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        run(ctx, path, **settings)
    assert not list((ctx.store.root / "dataset").glob("*")), "a failed job left something behind"
    return caught.value.problems


def test_jsonl_gzip_zstandard_and_parquet_give_the_same_version(ctx: LocalContext, tmp_path: Path) -> None:
    raw = lines(GOOD)
    (tmp_path / "a.jsonl").write_bytes(raw)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(raw))
    pq.write_table(pa.Table.from_pylist(GOOD), tmp_path / "a.parquet")
    names = ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet")
    versions = [run(ctx, tmp_path / name) for name in names]
    assert len({version.digest for version in versions}) == 1
    first = versions[0].documents(limit=1)[0]
    assert (first.id, first.text, first.url, first.domain) == ("0", "text number 0", "https://x/0", "text")
    assert versions[0].manifest["counts"]["documents"] == 300


def test_csv_with_a_quoted_line_break_is_one_record(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfid,body\n7,"a,b\nc"\n')
    version = run(ctx, path, mapping={"id": "id", "text": "body"})
    assert [(d.id, d.text) for d in version.iter_documents()] == [("7", "a,b\nc")]


def test_a_folder_is_read_by_name_and_unmapped_ids_name_file_and_line(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.jsonl").write_bytes(lines([{"body": "second"}]))
    (folder / "a.csv").write_text("body\nfirst\n")
    (folder / "notes.txt").write_text("not data")
    version = run(ctx, folder, mapping={"text": "body"}, domain="web", source="s", license="MIT", content="html")
    found = [(d.id, d.text, d.domain, d.source, d.license, d.content) for d in version.iter_documents()]
    assert found == [
        ("a.csv#2", "first", "web", "s", "MIT", "html"),
        ("b.jsonl#1", "second", "web", "s", "MIT", "html"),
    ]


def test_other_targets_go_to_meta_and_records_override_the_config(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([{"t": "x", "l": "MIT", "stars": 3}, {"t": "y"}]))
    version = run(ctx, path, mapping={"text": "t", "license": "l", "stars": "stars"}, license="CC0-1.0")
    assert [(d.license, d.meta) for d in version.iter_documents()] == [("MIT", {"stars": 3}), ("CC0-1.0", {})]


def test_bad_records_go_to_quarantine_with_line_and_reason(ctx: LocalContext, tmp_path: Path) -> None:
    bad: list[object] = [
        b'{"body": "cut of',
        b'{"body": "\xff\xfe"}',
        b"[1, 2]",
        {"other": 1},
        {"body": 5},
        {"body": "  "},
        {"body": "x", "id": [1]},
        b'{"body": "' + b"y" * 5000 + b'"}',
        b'{"body": "half \\ud800"}',
        b"[" * 4000,
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([*GOOD[:2], *bad, *GOOD[2:]]))
    version = run(ctx, path, max_bad_fraction=0.05, max_record_bytes=4096)
    found = [(record.line, record.reason) for record in version.quarantine()]
    assert found == [
        (3, "not JSON"),
        (4, "not UTF-8"),
        (5, "not a JSON object"),
        (6, "no key 'body'"),
        (7, "text is a number, not a string"),
        (8, "text is empty"),
        (9, "id is a list, not a string"),
        (10, "longer than 4096 bytes"),
        (11, "text is not valid Unicode (lone surrogate)"),
        (12, "not JSON"),
    ]
    assert version.quarantine()[3].excerpt == '{"other": 1}'
    assert version.quarantine()[0].file == "a.jsonl"
    assert version.manifest["counts"]["documents"] == 300
    assert version.manifest["quarantine"]["records"] == 10
    assert "10 of 310" in ctx.lines[-1]


def test_too_many_bad_records_fail_naming_file_line_and_field(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([*GOOD[:90], *[{"body": 1.5, "id": 1}] * 10]))
    overall, reason = problems(ctx, path)
    assert overall.field == "max_bad_fraction" and "10 of 100 records are bad (10.0%" in overall.message
    assert (reason.field, reason.line, reason.file) == ("mapping.text", 91, str(path))
    assert "text is a number" in reason.message


def test_a_mapping_that_matches_nothing_lists_the_keys_of_the_file(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(GOOD))
    found = problems(ctx, path, mapping={"text": "contents"})
    assert found[1].field == "mapping.text" and found[1].line == 1
    assert found[1].hint == "keys in the file: id, body, about"
    (url,) = problems(ctx, path, mapping={"text": "body", "url": "link"})
    assert url.field == "mapping.url" and "no record has a key 'link'" in url.message and "body" in url.hint


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.csv"])
def test_an_empty_file_is_named(ctx: LocalContext, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (problem,) = problems(ctx, tmp_path / name)
    assert problem.message == "the file is empty (0 bytes)" and problem.file.endswith(name) and problem.field == "path"


@pytest.mark.parametrize("suffix, pack", [("gz", gzip.compress), ("zst", zstandard.compress)])
def test_a_truncated_archive_names_the_line_reached(ctx: LocalContext, tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"a.jsonl.{suffix}"
    packed = pack(lines([{"body": hash_of(n)} for n in range(20_000)]))
    path.write_bytes(packed[: len(packed) // 2])
    (problem,) = problems(ctx, path, mapping={"text": "body"})
    assert "ends too early, after line" in problem.message
    assert problem.line is not None and 5_000 < problem.line < 15_000


def hash_of(number: int) -> str:
    import hashlib

    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_wrong_extension_is_named(ctx: LocalContext, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"these are plain words, nothing else\n" * 20)
    (problem,) = problems(ctx, tmp_path / name)
    assert "cannot be read" in problem.message and problem.file.endswith(name) and problem.hint


def test_a_truncated_parquet_file_is_named(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(GOOD), path)
    path.write_bytes(path.read_bytes()[:-100])
    (problem,) = problems(ctx, path)
    assert "cannot be read as Parquet" in problem.message


def test_missing_files_and_unknown_formats_are_named(ctx: LocalContext, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"x")
    (missing,) = problems(ctx, tmp_path / "none.jsonl")
    (unknown,) = problems(ctx, tmp_path / "a.docx")
    assert "no such file" in missing.message and missing.field == "path"
    assert unknown.field == "format" and ".jsonl.gz" in unknown.hint


def test_a_file_of_blank_lines_holds_no_records(ctx: LocalContext, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n\n \n")
    (problem,) = problems(ctx, tmp_path / "a.jsonl")
    assert problem.message == "no records in it"


def test_bad_csv_rows_go_to_quarantine(ctx: LocalContext, tmp_path: Path) -> None:
    rows = [b"id,body", b"1,good", b"2,too,many", b"3,\xff", b"4," + b"z" * 5000, b"5,also good"]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows))
    version = run(
        ctx, tmp_path / "a.csv", mapping={"id": "id", "text": "body"}, max_bad_fraction=0.9, max_record_bytes=4096
    )
    assert [d.id for d in version.iter_documents()] == ["1", "5"]
    reasons = [(record.line, record.reason) for record in version.quarantine()]
    assert reasons == [(3, "3 columns where the header has 2"), (4, "not UTF-8"), (5, "longer than 4096 bytes")]
    assert csv.field_size_limit() >= 4096


def test_the_name_is_not_part_of_the_id_but_the_licence_is(ctx: LocalContext, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD))
    one, two, three = (
        run(ctx, tmp_path / "a.jsonl", **settings) for settings in ({"name": "a"}, {"name": "b"}, {"license": "MIT"})
    )
    assert one.digest == two.digest != three.digest


def test_max_documents_stops_early(ctx: LocalContext, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD))
    assert run(ctx, tmp_path / "a.jsonl", max_documents=7).num_documents == 7


@pytest.mark.parametrize(
    "mapping", [{}, {"id": "id"}, {"text": ""}, {"text": "t", "url": ""}, {"text": "t", "meta": "m"}]
)
def test_impossible_mappings_are_refused_before_the_job_starts(mapping: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ImportConfig(name="x", path="y", mapping=mapping)


@pytest.mark.parametrize("suffix, pack", [("", bytes), (".gz", gzip.compress), (".zst", zstandard.compress)])
def test_tsv_with_a_quoted_tab_is_one_field(ctx: LocalContext, tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"a.tsv{suffix}"
    path.write_bytes(pack(b'\xef\xbb\xbfid\tbody\n7\t"a\tb\nc, d"\n8\ttoo\tmany\n'))
    version = run(ctx, path, mapping={"id": "id", "text": "body"}, max_bad_fraction=0.5)
    assert [(d.id, d.text) for d in version.iter_documents()] == [("7", "a\tb\nc, d")]
    assert [(r.line, r.reason) for r in version.quarantine()] == [(4, "3 columns where the header has 2")]


def test_tabs_under_the_name_of_csv_show_the_keys_that_were_read(ctx: LocalContext, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\tbody\n7\tx\n")
    assert problems(ctx, tmp_path / "a.csv")[1].hint == "keys in the file: id\tbody"


def test_of_records_with_duplicate_ids_the_first_is_kept_and_the_second_quarantined(
    ctx: LocalContext, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(lines(GOOD))
    (folder / "b.jsonl").write_bytes(lines([{"id": "seven", "body": "x"}, {"id": "7", "body": "y"}]))
    mapping = {"id": "id", "text": "body"}
    version = run(ctx, folder, mapping=mapping)
    assert version.num_documents == 301
    (record,) = version.quarantine()
    assert (record.file, record.line, record.reason) == ("b.jsonl", 2, "its id occurs before")
    assert record.excerpt == "'7' is the id of a.jsonl#8"
    (folder / "b.jsonl").write_bytes(lines(GOOD))
    _, reason = problems(LocalContext(tmp_path / "more"), folder, mapping=mapping)
    assert reason.field == "mapping.id" and "keys in the file: id, body" in reason.hint


def test_every_format_of_the_form_has_a_reader() -> None:
    assert {"auto", *READERS} == set(get_args(Format))
