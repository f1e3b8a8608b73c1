"""Records that are well-formed and still cannot be used: NUL, lone surrogates, no text; and tables that swell."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_
from curriculum_app.core.readers import parquet
from curriculum_app.core.readers.base import Raw
from curriculum_app.core.readers.parquet import read_parquet
from curriculum_app.core.readers.saved_dataset import read_saved_dataset

FIELDS = ("id", "text", "domain", "source", "license", "url", "title", "stars")
GOOD = {name: f"a good {name}" for name in FIELDS}


def run(tmp_path: Path, records: list[dict[str, Any]], **settings: Any) -> DatasetVersion:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    raw = {"name": "x", "path": str(path), "max_bad_fraction": 0.9, "mapping": {name: name for name in FIELDS}}
    config = ImportConfig.model_validate(raw | settings)
    return DatasetVersion.open(import_.run(config, LocalContext(tmp_path / "work")).stored)


def reasons(version: DatasetVersion) -> list[tuple[int, str]]:
    return [(record.line, record.reason) for record in version.quarantine()]


@pytest.mark.parametrize("name", FIELDS)
def test_nul_in_any_field_goes_to_quarantine_by_the_name_of_the_field(tmp_path: Path, name: str) -> None:
    version = run(tmp_path, [GOOD, GOOD | {name: "a\0b", "id" if name != "id" else "title": "other"}])
    assert reasons(version) == [(2, f"{name} holds a NUL character")]


def test_nul_deep_in_a_meta_value_is_found_and_its_escape_in_a_text_is_none(tmp_path: Path) -> None:
    records = [{"text": "one", "tags": [{"a": "x\0"}]}, {"text": "two", "tags": [{"a\0": 1}]}, {"text": "\\u0000"}]
    version = run(tmp_path, records, mapping={"text": "text", "tags": "tags"})
    assert reasons(version) == [(1, "tags holds a NUL character"), (2, "tags holds a NUL character")]
    assert [document.text for document in version.iter_documents()] == ["\\u0000"]


@pytest.mark.parametrize("name", FIELDS)
def test_lone_surrogates_in_any_field_go_to_quarantine_by_the_name_of_the_field(tmp_path: Path, name: str) -> None:
    version = run(tmp_path, [GOOD, GOOD | {"id": "other"} | {name: "half \ud800"}])
    assert reasons(version) == [(2, f"{name} is not valid Unicode (lone surrogate)")]


def test_a_mapping_that_yields_no_text_is_refused_with_the_field_and_the_keys_of_the_file(tmp_path: Path) -> None:
    records = [{"id": str(n), "text": "words", "summary": " "} for n in range(20)]
    for key, said in (("summary", "text is empty"), ("body", "no key 'body'")):
        with pytest.raises(InputError) as caught:
            run(tmp_path, records, mapping={"text": key})
        reason = caught.value.problems[1]
        assert said in reason.message and (reason.field, reason.line) == ("mapping.text", 1)
        assert reason.hint == "keys in the file: id, text, summary"


BIG = "z" * (1 << 20)


def peak_of(rows: Any) -> int:
    tracemalloc.start()
    assert [row.values["id"] for row in rows if isinstance(row, Raw)] == list(range(48))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_parquet_dictionary_that_repeats_one_huge_value_is_read_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 4 << 20)
    table = pa.table({"id": range(48), "text": [BIG] * 48})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=True, dictionary_pagesize_limit=1 << 30)
    assert (tmp_path / "a.parquet").stat().st_size < 2 << 20
    assert peak_of(read_parquet(tmp_path / "a.parquet", 1 << 30)) <= 10 << 20


def test_a_saved_dataset_with_a_dictionary_is_read_row_by_row(tmp_path: Path) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 48, pa.int32()), [BIG])
    table = pa.table({"id": range(48), "text": text})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "a.arrow"}]}))
    assert peak_of(read_saved_dataset(tmp_path, 1 << 30)) <= 5 << 20
