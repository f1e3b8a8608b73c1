"""The preview of an import: its bounds, the keys it finds, the guess, and what a mapping makes of the records."""

import datetime
import gzip
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs import ImportConfig, PreviewConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import preview
from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.guess import guess, guess_content
from curriculum_app.core.readers.preview import Opaque, Outcomes, Sample, keys_of, outcomes, sample_of


def jsonl(path: Path, records: list[Any]) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records))
    return path


def through_json(sample: Sample) -> Sample:
    return Sample.from_text(sample.to_text())


def with_mapping(sample: Sample, mapping: dict[str, Any]) -> Outcomes:
    return outcomes(sample, ImportConfig.model_validate({"name": "x", "path": "y", "mapping": mapping}))


def test_twenty_records_are_read_and_no_more(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": f"number {n}"} for n in range(50)])
    sample = preview.run(PreviewConfig(path=str(path)), LocalContext(tmp_path / "work"))
    assert [record.line for record in sample.records] == list(range(1, 21))
    assert (sample.format, sample.problem) == ("jsonl", None)
    assert through_json(sample) == sample


def test_a_large_packed_file_is_not_read_beyond_its_beginning(tmp_path: Path) -> None:
    line = json.dumps({"text": "words " * 200}).encode() + b"\n"
    path = tmp_path / "large.jsonl.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as packed:
        for _ in range(200):
            packed.write(line * 500)  # 120 MB of text
    began = time.perf_counter()
    assert len(sample_of(path, "auto").records) == 20
    assert time.perf_counter() - began < 1


def test_a_folder_gives_records_with_the_names_of_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    jsonl(folder / "a.jsonl", [{"text": "one"}])
    jsonl(folder / "b.jsonl", [{"text": "two"}])
    found = with_mapping(sample_of(folder, "auto"), {"text": "text"})
    assert [result.id for _, result in found.results if isinstance(result, Document)] == ["a.jsonl#1", "b.jsonl#1"]


def test_what_cannot_be_read_at_all_is_said_and_what_breaks_off_later_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        sample_of(tmp_path / "none.jsonl", "auto")
    with pytest.raises(InputError, match="no records in it"):
        sample_of(jsonl(tmp_path / "blank.jsonl", [b"", b" "]), "auto")
    packed = gzip.compress(b"".join(json.dumps({"text": f"number {n}"}).encode() + b"\n" for n in range(5)))
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[:-8])
    sample = sample_of(tmp_path / "cut.jsonl.gz", "auto")
    assert len(sample.records) == 5
    assert sample.problem is not None and "ends too early" in sample.problem.message
    assert through_json(sample).problem == sample.problem


def test_an_archive_is_looked_into_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/b.jsonl", '{"text": "packed"}\n')
    ctx = LocalContext(tmp_path / "work")
    sample = preview.run(PreviewConfig(path=str(tmp_path / "a.zip")), ctx)
    assert [record.values for record in sample.records if isinstance(record, Raw)] == [{"text": "packed"}]
    assert not list(ctx.scratch.iterdir())


def test_a_long_record_is_not_kept_whole(tmp_path: Path) -> None:
    records = [{"text": "x" * 500_000, "n": n} for n in range(20)]
    sample = sample_of(jsonl(tmp_path / "a.jsonl", [*records[:19], {"text": "y" * (1 << 20)}]), "auto")
    assert len(sample.to_text()) < 200_000
    again = through_json(sample)
    assert isinstance(again.records[-1], Bad) and "longer than 1048576 bytes" in again.records[-1].reason
    assert with_mapping(again, {"text": "text"}).documents == 19


def test_of_records_with_very_many_parts_fewer_are_kept(tmp_path: Path) -> None:
    wide = {f"group {n}": {f"key {m}": m for m in range(100)} for n in range(20)}
    sample = sample_of(jsonl(tmp_path / "a.jsonl", [wide] * 20), "auto")
    assert len(sample.to_text()) <= 200_000 and 0 < len(through_json(sample).records) < 20


def test_keys_are_flattened_with_types_shares_and_examples(tmp_path: Path) -> None:
    records: list[Any] = [
        {"id": 1, "about": {"url": "https://x/1", "tags": ["a"]}, "text": "one"},
        {"id": 2, "about": {"url": None}, "text": ""},
    ]
    keys = {key.name: key for key in keys_of(through_json(sample_of(jsonl(tmp_path / "a.jsonl", records), "auto")))}
    assert list(keys) == ["id", "about.url", "about.tags", "text"]
    assert (keys["about.url"].share, keys["about.url"].examples) == (0.5, ("https://x/1",))
    assert (keys["about.tags"].types, keys["id"].types, keys["text"].share) == (("list",), ("number",), 0.5)
    assert keys["id"].distinct and not keys["text"].distinct


@pytest.mark.parametrize(
    ("record", "guessed"),
    [
        ({"id": "1", "text": "a", "lang": "en"}, {"text": "text", "id": "id", "language": "lang"}),
        ({"raw_content": "a", "meta": {"title": "t"}}, {"text": "raw_content", "title": "meta.title"}),
        ({"Content": "a", "published": 5}, {"text": "Content", "date": "published"}),
        ({"code": "x = 1", "id": [1]}, {"text": "code"}),
        ({"what": "a long story", "who": "me"}, {"text": "what"}),
        ({"n": 5}, {}),
    ],
)  # fmt: skip
def test_the_guess_goes_by_names_and_values(tmp_path: Path, record: dict[str, Any], guessed: dict[str, str]) -> None:
    sample = sample_of(jsonl(tmp_path / "a.jsonl", [record]), "auto")
    assert guess(sample) == guessed


def test_the_content_is_guessed_from_name_and_beginning(tmp_path: Path) -> None:
    sample = sample_of(jsonl(tmp_path / "a.jsonl", [{"text": " <!DOCTYPE html><p>", "code": "x"}]), "auto")
    assert [guess_content(sample, key) for key in ("text", "code", "page_html", "")] == ["html", "code", "html", "text"]


def test_what_the_format_knows_is_not_guessed(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("<title>One</title><p>text")
    sample = through_json(sample_of(folder, "auto"))
    assert sample.format == "html" and guess(sample) == {"text": "text"}
    ((_, document),) = with_mapping(sample, {"text": "text"}).results
    assert isinstance(document, Document) and (document.id, document.title) == ("a.html", "One")


def test_outcomes_are_those_of_the_import(tmp_path: Path) -> None:
    records = [{"id": "a", "body": "x"}, {"id": "a", "body": "y"}, b"{", {"id": "b", "body": " "}, {"id": "c"}]
    sample = through_json(sample_of(jsonl(tmp_path / "a.jsonl", records), "auto"))
    found = with_mapping(sample, {"text": "body", "id": "id", "title": "head"})
    reasons = [result.reason if isinstance(result, Bad) else result.text for _, result in found.results]
    assert reasons == ["x", "its id occurs before", "not JSON", "text is empty", "no key 'body'"]
    assert (found.documents, found.unmatched) == (1, ["title"])


def test_what_json_cannot_hold_survives_the_way_through_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a\\u0000b", "half": "\\ud800"}\n')
    sample = sample_of(tmp_path / "a.jsonl", "auto")
    assert sample.to_text().isascii()
    assert through_json(sample) == sample
    pq.write_table(pa.Table.from_pylist([{"text": "x", "day": datetime.date(2024, 5, 1)}]), tmp_path / "a.parquet")
    table = through_json(sample_of(tmp_path / "a.parquet", "auto"))
    (day,) = [key for key in keys_of(table) if key.name == "day"]
    assert day.types == ("date",)
    plain = with_mapping(table, {"text": "text", "day": "day"}).results[0][1]
    assert isinstance(plain, Bad) and "no JSON form" in plain.reason
    cast = with_mapping(table, {"text": "text", "day": {"from": "day", "cast": "str"}}).results[0][1]
    assert isinstance(cast, Document) and cast.meta == {"day": "2024-05-01"}
    assert isinstance(table.records[0].values["day"], Opaque)  # type: ignore[union-attr]
