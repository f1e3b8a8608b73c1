"""Bands in Redis: the tests' own server, several processes, what is left behind, and no server at all."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis
from django.conf import settings

from chimera.capabilities import provide, provider
from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.dedup import shared_index, stage
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.near_duplicates import find_duplicates
from curriculum_app.core.dedup.sketches import SKETCH_SCHEMA, Sketcher, Sketches, Sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.services.band_store import LIFETIME_SECONDS, RedisBands, band_store

CONFIG = NearDuplicateConfig(index="redis")


@pytest.fixture
def keys() -> Iterator[list[bytes]]:
    """The keys of bands that the test left on the server."""
    left: list[bytes] = []
    yield left
    server = redis.Redis.from_url(settings.REDIS_URL)
    left += list(server.scan_iter(f"{settings.REDIS_PREFIX}:bands:*"))
    assert left == []


def documents() -> list[Document]:
    """Sixty texts of their own, each with a near copy, and one too short to have a shingle."""
    rng = random.Random(0)
    found = [Document("short", "too short", "web")]
    for number in range(60):
        words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 8))) for _ in range(120)]
        copy = words[:]
        copy[rng.randrange(120)] = "changed"
        found += [Document(f"{number}a", " ".join(words), "web"), Document(f"{number}b", " ".join(copy), "web")]
    return found


def sketch_files(folder: Path, texts: list[Document], files: int) -> list[Path]:
    sketcher, paths = Sketcher(Sketching(CONFIG)), []
    for number in range(files):
        paths.append(folder / f"{number}.parquet")
        with RowWriter(paths[-1], SKETCH_SCHEMA) as rows:
            for document in texts[number * len(texts) // files : (number + 1) * len(texts) // files]:
                rows.add(sketcher.sketch(document).as_row())
    return paths


@pytest.mark.parametrize("workers", [1, 2])
def test_one_process_and_two_that_fill_the_same_bands_propose_what_memory_does(
    workers: int, tmp_path: Path, keys: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_index, "PER_PIECE", 16)
    texts = documents()
    files = sketch_files(tmp_path, texts, 6)
    sketches = Sketches.read(files, CONFIG.num_perm)
    order = sketches.visiting_order([])
    with shared_index.shared_bands(files, CONFIG, workers, lambda: None) as shared:
        assert shared.parts == 8
        found = shared.buckets(order, len(texts), len(texts) - 1)
    expected = find_duplicates(sketches, lambda n: texts[n].text, CONFIG)
    assert len(expected) > 55
    assert find_duplicates(sketches, lambda n: texts[n].text, CONFIG, buckets=found) == expected


def curated(ctx: LocalContext, near: dict[str, str]) -> str:
    texts = documents()
    with ctx.store.stage("dataset") as staged:
        with DatasetWriter(staged.path, {"op": "test"}, row_group_rows=50) as writer:
            for document in texts:
                writer.add(document)
        ctx.artefacts["dataset-1"] = DatasetVersion.open(staged.seal(writer.digest(), writer.facts()))
    said = {"name": "c", "datasets": ["dataset-1"], "workers": 2, "final_filters": [], "recipes": {"*": []}}
    return curate.run(CurateConfig.model_validate({**said, "near_duplicates": near}), ctx).stored.digest


def test_a_curation_over_redis_makes_the_same_version(
    tmp_path: Path, keys: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "WORTH_PROCESSES", 1)
    first = curated(LocalContext(tmp_path / "a"), {})
    assert curated(LocalContext(tmp_path / "b"), {"index": "redis"}) == first


def test_a_failure_leaves_nothing_behind(tmp_path: Path, keys: list[bytes]) -> None:
    files = sketch_files(tmp_path, documents(), 2)
    with pytest.raises(ZeroDivisionError), shared_index.shared_bands(files, CONFIG, 1, lambda: None) as shared:
        assert len(shared.entries(0, 0, 1)[0]) == 120
        raise ZeroDivisionError


def test_pieces_grow_expire_and_go(keys: list[bytes]) -> None:
    store = band_store()
    store.append({"one": b"ab", "two": b"x"})
    store.append({"one": b"c"})
    assert store.read(["one", "none", "two"]) == [b"abc", b"", b"x"]
    server = redis.Redis.from_url(settings.REDIS_URL)
    assert 0 < server.ttl(f"{settings.REDIS_PREFIX}:bands:one") <= LIFETIME_SECONDS
    store.remove(["one", "two", "none"])
    assert store.read(["one", "two"]) == [b"", b""]


def test_more_pieces_than_one_round_trip_takes(keys: list[bytes]) -> None:
    store, names = band_store(), [f"many:{number}" for number in range(4500)]
    store.append(dict.fromkeys(names, b"x"))
    assert store.read(names) == [b"x"] * 4500
    store.remove(names)


def test_no_server_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(InputError) as raised:
        curated(LocalContext(tmp_path), {"index": "redis"})
    (problem,) = raised.value.problems
    assert problem.field == "near_duplicates.index" and "choose memory" in problem.hint
    assert "127.0.0.1:1" in problem.message and "secret" not in problem.message


def test_a_server_that_refuses_is_said_too() -> None:
    class Full:
        def ping(self) -> None:
            raise redis.ResponseError("OOM command not allowed")

    store = RedisBands(settings.REDIS_URL, "x")
    store._redis = Full()  # type: ignore[assignment]
    with pytest.raises(InputError, match="OOM"):
        store.ping()


def test_another_process_is_told_who_provides_the_store() -> None:
    name = provider("band_store")
    provide("band_store", name)
    assert name == "curriculum_app.services.band_store:band_store"
    with pytest.raises(LookupError, match="nothing_such"):
        provider("nothing_such")
    assert np.dtype(shared_index._ENTRY).itemsize == 12
