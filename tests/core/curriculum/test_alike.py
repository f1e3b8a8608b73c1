"""Documents that go together stay together, and on one side, in every version that came from one import."""

import numpy as np
import pytest

from chimera.context import LocalContext
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.alike import Alike, alike_in, least_of_sets, origins_of, ranks_of
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate, group
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.sequence_factory import DOMAINS, make_text
from tests.core.curriculum.test_group_job import store_dataset


def corpus(count: int = 200) -> list[Document]:
    """Every tenth document has a near-duplicate in another domain, every twentieth an exact copy."""
    rng = np.random.default_rng(3)
    made: list[Document] = []
    for number in range(count):
        domain = DOMAINS[number % 2]
        text = f"{number} {make_text(domain, rng, int(rng.integers(60, 160)))}  Cafe\u0301."
        made.append(Document(f"{number}", text, domain, "made-up"))
        if number % 10 == 0:
            made.append(Document(f"{number}-near", text + " So.", DOMAINS[(number + 1) % 2], "made-up"))
        if number % 20 == 0:
            made.append(Document(f"{number}-copy", text, domain, "elsewhere"))
    return made


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """An import, and what curation makes of it: white space rewritten, near-duplicates removed."""
    ctx = LocalContext(tmp_path_factory.mktemp("alike"))
    raw = ctx.artefacts["dataset-1"] = store_dataset(ctx, corpus())
    recipes = {"*": [{"key": "normalise"}, {"key": "min_length", "config": {"min_chars": 350}}]}
    config = CurateConfig.model_validate({"name": "c", "datasets": ["dataset-1"], "recipes": recipes})
    clean = ctx.artefacts["dataset-2"] = DatasetVersion.open(curate.run(config, ctx).stored)
    return ctx, raw, clean


def test_near_duplicates_and_copies_are_one_set(versions):
    ctx, raw, _ = versions
    ids = [document.id for document in raw.iter_documents()]
    together = dict(zip(ids, alike_in(raw, ctx).together.tolist(), strict=True))
    assert together["20"] == together["20-near"] == together["20-copy"] != together["40"]
    assert len(set(together.values())) == 200
    exact = dict(zip(ids, alike_in(raw, ctx, near=False).together.tolist(), strict=True))
    assert exact["20"] == exact["20-copy"] != exact["20-near"]


def test_a_curated_document_keeps_the_set_it_had_when_it_was_imported(versions):
    ctx, raw, clean = versions
    assert 20 < clean.num_documents < raw.num_documents
    assert [origin.digest for origin in origins_of(clean, ctx)] == [raw.digest]
    before = dict(zip((d.id for d in raw.iter_documents()), alike_in(raw, ctx).together.tolist(), strict=True))
    after = dict(zip((d.id for d in clean.iter_documents()), alike_in(clean, ctx).together.tolist(), strict=True))
    assert all(before[name] == key for name, key in after.items())
    texts = {document.id: document.text for document in raw.iter_documents()}
    assert any(document.text != texts[document.id] for document in clean.iter_documents())


def test_what_one_version_holds_out_no_other_trains_on(versions):
    ctx, _, _ = versions
    tables = {}
    for dataset, vocabulary in (("dataset-1", 300), ("dataset-1", 500), ("dataset-2", 400)):
        config = GroupConfig(
            name="g", dataset=dataset, vocab_size=vocabulary, sequence_length=32, held_out_tokens=256,
            held_out_share=0.4,
        )  # fmt: skip
        tables[dataset, vocabulary] = SequenceTable.open(group.run(config, ctx).stored)
    for table in tables.values():
        assert all(facts["beyond_share_documents"] == 0 for facts in table.manifest["domains"].values())
        held = set(table.documents.filter(table.documents["held_out"]).column("together").to_pylist())
        for other in tables.values():
            trained = other.documents.take(np.unique(other.pieces.documents)).column("together").to_pylist()
            assert held and not held & set(trained)


def test_ranks_are_even_and_follow_from_key_and_seed():
    keys = Alike.alone(20_000).together
    ranks = ranks_of(keys, 1)
    assert abs(ranks.mean() - 0.5) < 0.01 and abs((ranks < 0.05).mean() - 0.05) < 0.005
    assert np.array_equal(ranks, ranks_of(keys, 1))
    assert abs(np.corrcoef(ranks, ranks_of(keys, 2))[0, 1]) < 0.03


def test_the_least_key_of_a_set():
    sets, keys = np.array([7, 7, 9, 7], dtype=np.uint64), np.array([3, 2, 8, 5], dtype=np.uint64)
    assert least_of_sets(sets, keys).tolist() == [2, 2, 8, 2]


def test_sets_are_found_once(versions, monkeypatch):
    ctx, raw, _ = versions
    first = alike_in(raw, ctx)
    monkeypatch.setattr("curriculum_app.core.dedup.alike._found", None)
    assert np.array_equal(alike_in(raw, ctx).together, first.together)
