"""Dataset versions whose shards were written before documents could have media: every way of reading them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DROPPED_FILE, DatasetVersion, DatasetWriter
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.earlier import sketches_of_version
from curriculum_app.core.dedup.sketches import Sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate
from curriculum_app.core.version_difference import make_difference
from curriculum_app.core.version_export import EXPORTS

DOCUMENTS = [Document(f"d{n}", f"Words of the document number {n}. " * 9, ("web", "code")[n % 2]) for n in range(12)]
SHORT = Document("short", "No.", "web")


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    ctx = LocalContext(tmp_path)
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {}, documents_per_file=5) as writer:
            for document in [*DOCUMENTS, SHORT]:
                writer.add(document)
        ctx.artefacts["dataset-1"] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    return ctx


def aged(version: DatasetVersion) -> DatasetVersion:
    for path in [*version.files, *version.stored.path.glob(DROPPED_FILE)]:
        pq.write_table(pq.read_table(path).drop_columns(["media"]), path)
    return version


def curated(ctx: LocalContext, name: str = "clean", **settings: object) -> DatasetVersion:
    said = {"name": name, "datasets": ["dataset-1"], "recipes": {"*": [{"key": "min_length"}]}, "workers": 1}
    return DatasetVersion.open(curate.run(CurateConfig.model_validate(said | settings), ctx).stored)


def test_documents_are_read_paged_found_and_filtered(ctx: LocalContext) -> None:
    old = aged(ctx.artefacts["dataset-1"])
    everything = [*DOCUMENTS, SHORT]
    assert list(old.iter_documents()) == old.documents() == old.documents_at(range(13)) == everything
    assert old.documents(domain="code", offset=1, limit=2) == [DOCUMENTS[3], DOCUMENTS[5]]
    assert (old.find("short"), old.numbers_of({"d3"})) == (SHORT, [3])
    assert old.documents(modality="text") == everything
    assert old.documents(modality="image_text") == old.documents(modality="interleaved") == []


def test_they_are_curated_to_the_same_version_and_what_was_dropped_is_read(ctx: LocalContext, tmp_path: Path) -> None:
    new = curated(ctx)
    aged(ctx.artefacts["dataset-1"])
    again = LocalContext(tmp_path / "again", artefacts=ctx.artefacts)
    assert curated(again).digest == new.digest
    (dropped,) = aged(new).dropped()
    assert (dropped.document, new.find("short")) == (SHORT, dropped)
    assert [item.document for item in new.dropped(domain="web")] == [SHORT]


def test_they_are_compared_exported_and_sketched(ctx: LocalContext) -> None:
    old, new = ctx.artefacts["dataset-1"], curated(ctx)
    whole = {name: b"".join(EXPORTS[name](new)) for name in EXPORTS}
    aged(old), aged(new)
    difference = make_difference(ctx.store, old, new)
    assert difference.ids("removed") == [("short", "web")] and difference.total.changed.documents == 0
    assert {name: b"".join(EXPORTS[name](new)) for name in EXPORTS} == whole
    assert pq.read_metadata(sketches_of_version(old, Sketching(NearDuplicateConfig()), ctx)).num_rows == 13
