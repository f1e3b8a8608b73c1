"""A planted corpus with known truth: exact and near copies, across sources, chains; both keep policies; shards."""

import random
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera.context import LocalContext
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.dedup.components import Link, one_per_component
from curriculum_app.core.dedup.config import Engine, NearDuplicateConfig
from curriculum_app.core.dedup.measured import BINS, histogram, jaccard_matrix, measure_bands, sample_of
from curriculum_app.core.dedup.near_duplicates import (
    Duplicate,
    cross_source_matrix,
    find_duplicates,
)
from curriculum_app.core.dedup.shingles import jaccard, shingle_numbers
from curriculum_app.core.dedup.sketches import Sketch, Sketcher, Sketches, Sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate

DIRECT, COMPONENT = NearDuplicateConfig(), NearDuplicateConfig(keep="component")
DOMAINS = ("web", "books", "code")


def letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=count))


def pair_of(rng: random.Random, similarity: float, shared: int = 800) -> tuple[str, str]:
    """Two texts with a common part and ends of their own, so that their Jaccard similarity is about the given one."""
    common, own = letters(rng, shared), round(shared * (1 - similarity) / (2 * similarity))
    return common + letters(rng, own + 1), common + letters(rng, own)


def chain(rng: random.Random, length: int = 4) -> list[str]:
    """Windows over one long text: neighbours are 0.83 similar, the ends are not."""
    text = letters(rng, 2000)
    return [text[start : start + 1100] for start in range(0, length * 100, 100)]


def planted(seed: int, pairs: int) -> list[Document]:
    """Pairs at 0.70 ... 0.95, exact copies, chains and texts of their own, in three sources."""
    rng = random.Random(seed)
    texts: list[tuple[str, str]] = []
    for number in range(pairs):
        a, b = pair_of(rng, 0.7 + 0.25 * number / pairs)
        texts += [(f"near-{number}-a", a), (f"near-{number}-b", b)]
    for number in range(max(1, pairs // 10)):
        text = letters(rng, 500)
        texts += [
            (f"exact-{number}-a", text),
            (f"exact-{number}-b", text.upper() + "!"),
            (f"own-{number}", letters(rng, 500)),
        ]
    for number in range(max(1, pairs // 40)):
        texts += [(f"chain-{number}-{place}", text) for place, text in enumerate(chain(rng))]
    return [Document(name, text, rng.choice(DOMAINS)) for name, text in texts]


def sketches_of(documents: list[Document], config: NearDuplicateConfig) -> Sketches:
    return Sketches.of(map(Sketcher(Sketching(config)).sketch, documents), config.num_perm)


def measured_of(documents: list[Document], config: NearDuplicateConfig) -> dict[str, Any]:
    sketches = sketches_of(documents, config)
    return measure_bands(sketches, lambda n: documents[n].text, config, sketches.visiting_order(config.priority))


def similarity(a: str, b: str) -> float:
    return jaccard(shingle_numbers(a), shingle_numbers(b))


def removed_from(documents: list[Document], config: NearDuplicateConfig) -> list[Duplicate]:
    return find_duplicates(sketches_of(documents, config), lambda number: documents[number].text, config)


def similar_pairs(documents: list[Document]) -> set[tuple[str, str]]:
    """The truth by comparing each document with each other one of its family (others share nothing)."""
    families: dict[str, list[Document]] = {}
    for document in documents:
        families.setdefault("-".join(document.id.split("-")[:2]), []).append(document)
    return {
        (a.id, b.id)
        for family in families.values()
        for a, b in combinations(family, 2)
        if similarity(a.text, b.text) >= 0.8
    }


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    return planted(seed=5, pairs=400)


def test_of_the_pairs_from_08_on_98_percent_are_found_and_none_below(corpus: list[Document]) -> None:
    truth = {pair for pair in similar_pairs(corpus) if not pair[0].startswith("chain")}
    found = {tuple(sorted((corpus[d.removed].id, corpus[d.kept].id))) for d in removed_from(corpus, DIRECT)}
    pairs = {pair for pair in found if not pair[0].startswith("chain")}
    assert len(truth) > 200 and pairs <= truth
    assert len(pairs) / len(truth) >= 0.98
    assert {pair for pair in truth if pair[0].startswith("exact")} <= pairs


def test_direct_removes_nothing_below_the_threshold_to_the_one_kept(corpus: list[Document]) -> None:
    found = removed_from(corpus, DIRECT)
    gone = {duplicate.removed for duplicate in found}
    for duplicate in found:
        a, b = corpus[duplicate.removed], corpus[duplicate.kept]
        assert duplicate.kept not in gone
        assert duplicate.jaccard == similarity(a.text, b.text) >= 0.8
        assert (duplicate.edge, duplicate.edge_jaccard) == (duplicate.kept, duplicate.jaccard)
    assert len({(corpus[d.removed].domain, corpus[d.kept].domain) for d in found}) == len(DOMAINS) ** 2


def test_a_chain_leaves_every_other_link_or_one_document() -> None:
    documents = [Document(f"c{place}", text, "web") for place, text in enumerate(chain(random.Random(2)))]
    direct = {(documents[d.removed].id, documents[d.kept].id) for d in removed_from(documents, DIRECT)}
    assert direct == {("c1", "c0"), ("c3", "c2")}
    component = removed_from(documents, COMPONENT)
    assert [(d.removed, d.kept, d.edge) for d in component] == [(1, 0, 0), (2, 0, 1), (3, 0, 2)]
    for duplicate in component:
        removed, kept, edge = (
            shingle_numbers(documents[n].text) for n in (duplicate.removed, duplicate.kept, duplicate.edge)
        )
        assert duplicate.jaccard == jaccard(removed, kept)
        assert duplicate.edge_jaccard == jaccard(removed, edge) >= 0.8
    assert component[1].jaccard < 0.8 and component[2].jaccard < component[1].jaccard


@pytest.mark.parametrize("keep", ["direct", "component"])
def test_every_engine_gives_the_same_verified_pairs(corpus: list[Document], keep: str) -> None:
    results = []
    for engine in get_args(Engine):
        config = NearDuplicateConfig.model_validate({"engine": engine, "keep": keep})
        results.append(removed_from(corpus, config))
    assert len(results[0]) > 200 and all(result == results[0] for result in results)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["direct", "component"]))
def test_every_engine_agrees_on_texts_with_large_buckets(seed: int, keep: str) -> None:
    rng = random.Random(seed)
    base = letters(rng, 120)
    texts = [base[: rng.randint(60, 120)] + letters(rng, rng.choice([0, 5, 40])) for _ in range(30)]
    documents = [Document(str(number), text, rng.choice(DOMAINS)) for number, text in enumerate(texts)]
    first, *others = (
        removed_from(documents, NearDuplicateConfig.model_validate({"engine": engine, "keep": keep}))
        for engine in get_args(Engine)
    )
    assert all(other == first for other in others)


def test_component_keeps_one_document_of_every_component(corpus: list[Document]) -> None:
    documents = corpus[:60] + corpus[-20:]
    found = removed_from(documents, COMPONENT)
    kept = {duplicate.kept for duplicate in found}
    assert not kept & {duplicate.removed for duplicate in found}
    assert {d.removed for d in removed_from(documents, DIRECT)} <= {d.removed for d in found}


def test_the_worked_components_keep_the_first_by_priority_then_the_longest() -> None:
    rows = [("a", "web", 900), ("b", "web", 400), ("c", "code", 900), ("d", "books", 850), ("e", "web", 500)]
    signature = np.zeros(128, np.uint32)
    sketches = Sketches.of(
        (Sketch(name, domain, n, n, 1, bytes(16), bytes(32), signature) for name, domain, n in rows), 128
    )
    visit = sketches.visiting_order(["books", "code", "web"]).tolist()
    links = [Link(0, 2, 0.9), Link(2, 3, 0.85), Link(1, 4, 0.95)]
    found = sorted(one_per_component(links, visit), key=lambda item: item[0])
    assert found == [(0, 3, Link(0, 2, 0.9)), (1, 4, Link(1, 4, 0.95)), (2, 3, Link(2, 3, 0.85))]
    matrix = cross_source_matrix([(gone, kept) for gone, kept, _ in found], sketches)
    counts = {(kept, gone): cell["documents"] for kept, row in matrix.items() for gone, cell in row.items()}
    assert counts == {("books", "web"): 1, ("books", "code"): 1, ("web", "web"): 1}


def curated(
    documents: list[Document], config: NearDuplicateConfig, row_group: int, folder: Path
) -> set[tuple[object, ...]]:
    """What a curation job over shards of `row_group` documents says of each document."""
    ctx = LocalContext(folder)
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"op": "test"}, row_group_rows=row_group) as writer:
            for document in documents:
                writer.add(document)
        ctx.artefacts["dataset-1"] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    said = {"name": "c", "datasets": ["dataset-1"], "workers": 1, "final_filters": [], "recipes": {"*": []}}
    settings_ = CurateConfig.model_validate({**said, "near_duplicates": config.as_json()})
    version = DatasetVersion.open(curate.run(settings_, ctx).stored)
    report = version.manifest["duplicates"]
    facts = (report["removed"], str(report["measured"]), str(report["similarities"]), str(report["matrix"]))
    kept = {(document.id,) for document in version.iter_documents()}
    gone = version.dropped(limit=10_000)
    return kept | {(d.document.id, d.kept_id, d.jaccard, d.edge_id, d.statistic) for d in gone} | {facts}


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40), st.sampled_from([DIRECT, COMPONENT]))
def test_neither_the_order_of_the_input_nor_the_shards_change_anything(
    seed: int, row_group: int, config: NearDuplicateConfig
) -> None:
    documents = planted(seed, pairs=8)
    shuffled = random.Random(seed).sample(documents, len(documents))
    with tempfile.TemporaryDirectory() as folder:
        first = curated(documents, config, 1000, Path(folder) / "a")
        assert curated(shuffled, config, row_group, Path(folder) / "b") == first
    assert len(first) == len(documents) + 1


def test_the_stored_statistic_is_the_one_recomputed_from_the_texts(tmp_path: Path) -> None:
    documents = planted(seed=3, pairs=60)
    text = {document.id: document.text for document in documents}
    rows = [row for row in curated(documents, COMPONENT, 50, tmp_path) if len(row) == 5]
    assert len(rows) > 30
    for gone, kept, stored, edge, statistic in rows:
        assert stored == similarity(text[str(gone)], text[str(kept)])
        assert statistic == similarity(text[str(gone)], text[str(edge)]) >= 0.8


def test_measured_recall_is_that_of_all_pairs_and_every_similar_pair_is_in_the_sample(corpus: list[Document]) -> None:
    documents = corpus[-300:]
    measured = measured_of(documents, DIRECT)
    assert measured["documents"] == 300 and measured["pairs"] == 300 * 299 // 2
    assert measured["similar"] == len(similar_pairs(documents))
    assert measured["recall"] == measured["found"] / measured["similar"] >= 0.98
    assert measured["precision"] == measured["found"] / measured["proposed"] <= 1
    assert sum(item["pairs"] for item in measured["bins"]) == measured["pairs"]
    assert sum(item["proposed"] for item in measured["bins"]) == measured["proposed"]
    assert measured["sampled_at_threshold"] > 0.999999


def test_bands_that_miss_are_measured_as_missing(corpus: list[Document]) -> None:
    strict = NearDuplicateConfig(bands=9, rows=13)
    documents = corpus[300:700]
    measured = measured_of(documents, strict)
    assert measured["similar"] > 50 and measured["recall"] < 0.9


def test_the_sample_holds_similar_pairs_of_a_corpus_that_has_few_and_is_bounded() -> None:
    rng = random.Random(0)
    documents = [Document(f"own-{n}", letters(rng, 60), "web") for n in range(1500)]
    a, b = pair_of(rng, 0.85)
    documents += [Document("near-a", a, "web"), Document("near-b", b, "web"), Document("short", "too short", "web")]
    sketches = sketches_of(documents, DIRECT)
    chosen = sample_of(sketches, DIRECT, sketches.visiting_order([]))
    assert len(chosen) == len(set(chosen)) == 400
    assert {1500, 1501} <= set(chosen) and 1502 not in chosen


def test_a_corpus_without_pairs_has_nothing_to_measure() -> None:
    for documents in ([], [Document("a", "too short", "x")], [Document("a", letters(random.Random(1), 90), "x")]):
        measured = measured_of(documents, DIRECT)
        assert measured["pairs"] == 0 and measured["recall"] is None and measured["precision"] is None


@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=6))
def test_the_matrix_of_similarities_is_exact(sets: list[set[int]]) -> None:
    matrix = jaccard_matrix(np.array(sorted(numbers), np.uint64) for numbers in sets)
    assert matrix.tolist() == [[len(a & b) / len(a | b) if a | b else 0 for b in sets] for a in sets]


def test_a_similarity_of_one_is_counted_in_the_last_bin() -> None:
    assert histogram([1.0, 0.951, 0.0]) == [1] + [0] * (BINS - 2) + [2]
