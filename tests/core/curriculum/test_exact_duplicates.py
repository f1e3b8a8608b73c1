"""Exact duplicates before near ones, and a new set against versions that exist."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.earlier import SKETCHES_FILE
from curriculum_app.core.dedup.exact_duplicates import exact_copies
from curriculum_app.core.dedup.groups import GROUPS_FILE
from curriculum_app.core.dedup.sketches import Sketcher, Sketches, Sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate

WORDS = "harbour master wrote ships that waited since dawn and asked the captain for papers of his voyage"


def text(number: int, changed: int = 0) -> str:
    """A text of its own for each number; each change replaces one word of it."""
    rng = np.random.default_rng(number)
    known = WORDS.split()
    words = [f"{known[place]}{rng.integers(100)}" for place in rng.integers(0, len(known), 80)]
    return " ".join(["other"] * changed + words[changed:])


def curated(ctx: LocalContext, name: str, documents: list[Document], **settings: object) -> DatasetVersion:
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"op": "test", "name": name}) as writer:
            for document in documents:
                writer.add(document)
        ctx.artefacts["dataset-1"] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    said = {"name": name, "datasets": ["dataset-1"], "recipes": {"*": []}, "workers": 1, **settings}
    return DatasetVersion.open(curate.run(CurateConfig.model_validate(said), ctx).stored)


def fates(version: DatasetVersion) -> dict[str, tuple[str, str | None, float | None, str | None]]:
    return {item.document.id: (item.stage, item.kept_id, item.jaccard, item.kept_in) for item in version.dropped()}


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path)


def test_equal_texts_go_first_and_the_best_of_them_stays(ctx: LocalContext) -> None:
    documents = [
        Document("b", text(1), "web"),
        Document("a", text(1), "web"),
        Document("c", text(1), "books"),
        Document("shouted", text(1).upper(), "web"),
        Document("short", "No.", "web"),
        Document("short again", "No.", "web"),
        Document("own", text(2), "web"),
    ]
    version = curated(ctx, "new", documents, near_duplicates={"priority": ["books"]})
    assert fates(version) == {
        "a": ("exact_duplicates", "c", 1.0, None),
        "b": ("exact_duplicates", "c", 1.0, None),
        "short again": ("exact_duplicates", "short", 1.0, None),
        "shouted": ("near_duplicates", "c", 1.0, None),
    }
    stages = {stage["stage"]: stage for stage in version.manifest["funnel"]["web"]}
    assert stages["exact_duplicates"]["reasons"] == {"exact_duplicate": 3}
    assert stages["exact_duplicates"]["out"] == stages["near_duplicates"]["in"] == 3
    facts = version.manifest["exact_duplicates"]
    assert facts["removed"] == 3 and facts["matrix"]["books"]["web"]["documents"] == 2


@pytest.mark.parametrize("of, gone", [("text", {"twice"}), ("cleaned", {"twice", "shouted"}), ("off", set())])
def test_texts_are_equal_as_they_are_or_cleaned(ctx: LocalContext, of: str, gone: set[str]) -> None:
    names = {"once": text(1), "twice": text(1), "shouted": text(1).upper() + " !"}
    documents = [Document(name, found, "web") for name, found in names.items()]
    version = curated(ctx, of, documents, exact_duplicates=of, near_duplicates={"enabled": False, "priority": []})
    kept = {document.id for document in version.iter_documents()}
    assert len(kept) == 3 - len(gone) and set(fates(version)) | kept == set(names)
    assert {len(group["domains"]) for group in groups(version)} <= {1}


def groups(version: DatasetVersion) -> list[dict]:
    return pq.read_table(version.stored.path / GROUPS_FILE).to_pylist()


def test_the_copy_of_a_document_that_goes_names_the_one_that_stays(ctx: LocalContext) -> None:
    documents = [
        Document("copy", text(1, 1), "web"),
        Document("near", text(1, 1), "web"),
        Document("stays", text(1) + " and more", "web"),
    ]
    version = curated(ctx, "chain", documents)
    found = fates(version)
    assert set(found) == {"copy", "near"} and {fate[1] for fate in found.values()} == {"stays"}
    assert len({fate[2] for fate in found.values()}) == 1
    rows = {item.document.id: item for item in version.dropped()}
    assert rows["near"].edge_id == "copy" and rows["near"].statistic == 1.0
    assert [(row["kept_id"], row["documents"], row["exact"]) for row in groups(version)] == [("stays", 2, 1)]


def test_exact_copies_do_not_depend_on_the_order_of_the_input() -> None:
    sketcher = Sketcher(Sketching(NearDuplicateConfig()))
    documents = [Document(str(number), text(number % 7), "web") for number in range(30)]
    expected = None
    for seed in range(4):
        shuffled = [documents[place] for place in np.random.default_rng(seed).permutation(30)]
        sketches = Sketches.of(map(sketcher.sketch, shuffled), 128)
        copies = exact_copies(sketches, sketches.visiting_order([]))
        named = {(sketches.id(gone), sketches.id(kept)) for gone, kept in copies.items()}
        assert len(named) == 23 and expected in (None, named)
        expected = named


@pytest.mark.parametrize("keep", ["direct", "component"])
def test_what_an_earlier_version_has_does_not_come_again(ctx: LocalContext, keep: str) -> None:
    old = [Document("old-1", text(1), "web"), Document("old-2", text(2), "web"), Document("old-2b", text(2, 6), "web")]
    earlier = curated(ctx, "old", old, near_duplicates={"enabled": False})
    ctx.artefacts["dataset-9"] = earlier
    new = [
        Document("same", text(1), "books"),
        Document("near", text(2, 1) + " longer than the one that stays", "books"),
        Document("fresh", text(3), "books"),
        Document("fresh near", text(3, 1), "books"),
    ]
    settings = {"against": ["dataset-9"], "near_duplicates": {"keep": keep, "priority": ["books"]}}
    version = curated(ctx, "new", new, **settings)
    found = fates(version)
    assert found["same"] == ("exact_duplicates", "old-1", 1.0, earlier.digest)
    assert found["near"][0:2] == ("near_duplicates", "old-2") and found["near"][3] == earlier.digest
    assert found["fresh near"][3] is None or found["fresh"][3] is None
    assert len(found) == 3 and len(list(version.iter_documents())) == 1
    assert version.manifest["recipe"]["params"]["against"] == [earlier.digest]
    assert {row["kept_in"] for row in groups(version)} == {"", earlier.digest}


def test_old_texts_are_sketched_once_and_again_only_for_other_settings(ctx: LocalContext) -> None:
    old = [Document("old", text(1) + " write to someone@port.example.org now", "web")]
    earlier = curated(ctx, "old", old)
    ctx.artefacts["dataset-9"] = earlier
    stored = Sketches.read([earlier.stored.path / SKETCHES_FILE], 128)
    published = next(earlier.iter_documents())
    assert "email@example.com" in published.text
    again = Sketcher(Sketching(NearDuplicateConfig())).sketch(published)
    assert (stored.signatures[0] == again.signature).all() and stored.id(0) == "old"
    new = [Document("near", text(1, 1), "web"), Document("fresh", text(3), "web")]
    assert set(fates(curated(ctx, "new", new, against=["dataset-9"]))) == {"near"} and not ctx.lines
    words = {"shingle_unit": "word", "threshold": 0.6}
    assert set(fates(curated(ctx, "words", new, against=["dataset-9"], near_duplicates=words))) == {"near"}
    assert "sketched with other settings" in ctx.lines[0]
    raw = ctx.artefacts["dataset-9"] = ctx.artefacts["dataset-1"]
    assert not (raw.stored.path / SKETCHES_FILE).exists()
    assert set(fates(curated(ctx, "raw", [*new, Document("z", text(9), "web")], against=["dataset-9"]))) == {
        "near",
        "fresh",
    }
    assert "has no sketches" in ctx.lines[-1]
