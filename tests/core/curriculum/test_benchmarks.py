"""Benchmarks as artefacts: items kept whole, bad ones named by file and line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from chimera.artefacts import ArtefactStore
from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.jobs import register_benchmark
from curriculum_app.starter import recipes
from curriculum_app.starter.benchmarks import BUNDLED, FOLDER, build

MMLU = {"id": "m-1", "task": "mmlu", "question": "Which?", "choices": ["this one", "that one"], "answer": 1}


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "items.jsonl"
    path.write_bytes(b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines))
    return path


def registered(folder: Path, *lines: Any, **settings: Any) -> Benchmark:
    config = BenchmarkConfig(name="exam", path=str(written(folder, *lines)), **settings)
    return Benchmark.open(register_benchmark.run(config, LocalContext(folder)).stored)


def test_an_item_keeps_its_record_whole_and_its_text_is_what_the_keys_name(tmp_path: Path) -> None:
    benchmark = registered(tmp_path, MMLU, {"question": "How?", "answer": "so"}, license="MIT")
    first, second = benchmark.items()
    assert (first.id, first.task, first.text, first.license) == ("m-1", "mmlu", "Which?\nthis one\nthat one", "MIT")
    assert first.record == MMLU
    assert (second.id, second.task, second.text) == ("items.jsonl#2", "exam", "How?\nso")
    assert benchmark.find("m-1") == first and benchmark.find("m-2") is None
    assert benchmark.manifest["tasks"] == {"exam": 1, "mmlu": 1} and benchmark.manifest["licenses"] == {"MIT": 2}
    assert list(benchmark.iter_parts()) == [(item.id, list(item.parts)) for item in benchmark.iter_items()]


def test_the_digest_is_that_of_the_items_and_not_of_the_files_packing(tmp_path: Path) -> None:
    plain = registered(tmp_path, MMLU)
    packed = tmp_path / "items.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "items.jsonl").read_bytes()))
    store = ArtefactStore(tmp_path / "other")
    again = register_benchmark.register(BenchmarkConfig(name="exam", path=str(packed)), store)
    assert again.digest == plain.digest
    assert registered(tmp_path, MMLU | {"answer": 0}).digest != plain.digest, "the record counts, not only the text"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "items.jsonl:2: not JSON"),
        (b'{"question": "\xff"}', "items.jsonl:2: not UTF-8"),
        ({"other": "text"}, "items.jsonl:2: keys: has no text under .* keys in the record: other"),
        ({"question": " ", "answer": 3}, "items.jsonl:2: keys: has no text"),
        (b'{"question": "\\ud800"}', "items.jsonl:2: cannot be written as JSON"),
        ({"question": "a\0b"}, "items.jsonl:2: holds a NUL"),
        (MMLU | {"question": "Another?"}, "items.jsonl:2: id_key: id 'm-1' occurs before, at items.jsonl#1"),
        (MMLU | {"id": "m-2"}, "items.jsonl:2: repeats the item at items.jsonl#1"),
    ],
)
def test_a_bad_item_refuses_the_file_by_name_or_is_left_out_and_listed(tmp_path: Path, line: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registered(tmp_path, MMLU, line)
    benchmark = registered(tmp_path, MMLU, line, max_bad_fraction=0.5)
    assert benchmark.num_items == 1
    assert [item["line"] for item in benchmark.manifest["left_out"]] == [2]


def test_a_file_without_a_single_good_item_is_refused_whatever_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 of 1 items are bad"):
        registered(tmp_path, {"x": 1}, max_bad_fraction=1.0)
    with pytest.raises(InputError, match="no such file"):
        register_benchmark.run(BenchmarkConfig(name="x", path=str(tmp_path / "none.jsonl")), LocalContext(tmp_path))


def test_the_bundled_benchmarks_are_small_permissively_licensed_and_clean(tmp_path: Path) -> None:
    terms = (Path(recipes.CORPUS).parent / "LICENSES.md").read_text(encoding="utf-8")
    store = ArtefactStore(tmp_path)
    for config in BUNDLED:
        benchmark = Benchmark.open(register_benchmark.register(config, store))
        assert benchmark.manifest["left_out"] == [] and benchmark.manifest["licenses"].keys() <= build.LICENSES
        assert f"| {config.name} |" in terms
        assert all(item.source and "license_verified" not in item.record for item in benchmark.items(limit=5))
    assert sum(path.stat().st_size for path in FOLDER.glob("*.gz")) <= build.MAX_BYTES
    assert {path.name for path in FOLDER.glob("*.gz")} == {Path(config.path).name for config in BUNDLED}
