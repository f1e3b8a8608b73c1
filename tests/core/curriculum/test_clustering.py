"""Clusters: planted topics are found, equal seeds give equal results, and a stopped job goes on."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from chimera.artefacts import Stored
from chimera.context import Cancelled, LocalContext
from chimera.errors import InputError
from curriculum_app.core.clustering import judging
from curriculum_app.core.clustering.artefact import Clustering
from curriculum_app.core.clustering.config import ClusterConfig, usual_number
from curriculum_app.core.clustering.embedding import sample_rows
from curriculum_app.core.clustering.kmeans import Assignment, assign, find_centres, largest_first
from curriculum_app.core.clustering.naming import ClassTerms, suggested_name
from curriculum_app.core.documents import Document
from curriculum_app.core.encoders.base import unit_rows
from curriculum_app.core.encoders.tfidf_svd import TfidfSvd
from curriculum_app.core.jobs import cluster
from tests.core.curriculum.test_group_job import store_dataset

TOPICS = {
    "sea": ["ship", "sail", "storm", "harbour", "wave", "captain", "anchor"],
    "kitchen": ["flour", "butter", "oven", "sugar", "recipe", "dough", "bake"],
    "court": ["judge", "verdict", "appeal", "witness", "lawyer", "statute", "trial"],
}


def corpus(count=90):
    """Topics in turn, of sizes 45, 30 and 15: every document six words of its own topic and two of all."""
    rng = np.random.default_rng(3)
    sizes = {"sea": count // 2, "kitchen": count // 3, "court": count - count // 2 - count // 3}
    for topic, size in sizes.items():
        for number in range(size):
            words = [*rng.choice(TOPICS[topic], 6), "people", "today"]
            yield Document(f"{topic}/{number}", " ".join(words), topic, "made-up", "CC0-1.0", title=f"{topic} {number}")


def config(**changes) -> ClusterConfig:
    defaults = {"name": "topics", "dataset": "dataset-1", "clusters": 3, "encoder": {"key": "tfidf_svd"}, "restarts": 2}
    return ClusterConfig.model_validate(defaults | changes)


def context_with(root, documents) -> LocalContext:
    context = LocalContext(root)
    context.artefacts["dataset-1"] = store_dataset(context, documents)
    return context


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[LocalContext, Stored]:
    context = context_with(tmp_path_factory.mktemp("cluster"), corpus())
    return context, cluster.run(config(), context).stored


@pytest.fixture(scope="module")
def clustering(made) -> Clustering:
    return Clustering.open(made[1])


def test_planted_topics_are_found_largest_first(clustering):
    assert [item["documents"] for item in clustering.clusters] == [45, 30, 15]
    assert [item["domains"] for item in clustering.clusters] == [[["sea", 45]], [["kitchen", 30]], [["court", 15]]]
    for item, topic in zip(clustering.clusters, TOPICS, strict=True):
        assert set(item["name"].split(", ")) < set(TOPICS[topic])
    assert clustering.manifest["quality"]["silhouette"] > 0.2 and clustering.manifest["quality"]["stability"] == 1.0


def test_every_document_is_in_exactly_one_cluster(clustering):
    assert np.bincount(clustering.assignment.cluster).tolist() == [45, 30, 15]
    assert sum(item["bytes"] for item in clustering.clusters) == sum(item.num_bytes for item in corpus())
    listed = [row["id"] for number in range(3) for row in clustering.documents(number, limit=100)]
    assert sorted(listed) == sorted(item.id for item in corpus())
    assert clustering.of_document("court/3")[0] == 2 and clustering.of_document("nobody") is None


def test_documents_of_a_cluster_come_by_their_cosine_to_the_centre(clustering):
    cosines = [row["cosine"] for row in clustering.documents(0, limit=100)]
    assert cosines == sorted(cosines, reverse=True)
    first = clustering.clusters[0]["exemplars"][0]
    assert first["id"] == clustering.documents(0)[0]["id"] and first["text"].split()[-1] == "today"
    paged = clustering.documents(0, 0, 10) + clustering.documents(0, 10, 10)
    assert paged == clustering.documents(0, 0, 20)


def test_cosines_and_margins_are_those_of_the_stored_vectors(clustering):
    rows = unit_rows(np.asarray(clustering.vectors, dtype=np.float32))
    cosine = rows @ clustering.centres.T
    best = np.sort(cosine, axis=1)
    assert np.array_equal(cosine.argmax(axis=1), clustering.assignment.cluster)
    assert np.allclose(best[:, -1], clustering.assignment.cosine, atol=1e-6)
    assert np.allclose(best[:, -1] - best[:, -2], clustering.assignment.margin, atol=1e-6)
    assert clustering.clusters[1]["cohesion"] == pytest.approx(
        best[clustering.assignment.cluster == 1, -1].mean(), abs=1e-3
    )


def test_the_map_holds_every_document_of_a_small_version_and_says_how_it_was_made(clustering):
    assert clustering.map["row"] == list(range(90)) and clustering.manifest["map"]["method"] == "t-SNE"
    assert np.abs([clustering.map["x"], clustering.map["y"]]).max() == pytest.approx(1)
    assert clustering.map["domain"] == [item.domain for item in corpus()]


def test_new_text_can_be_embedded_into_the_same_space(clustering):
    rows = clustering.encoder().embed(["the captain of the ship", "butter and flour"])
    assert (rows @ clustering.centres.T).argmax(axis=1).tolist() == [0, 1]


def test_the_same_seed_gives_the_same_clustering_and_another_seed_another(made, tmp_path):
    again = cluster.run(config(name="another name"), context_with(tmp_path / "a", corpus())).stored
    assert again.digest == made[1].digest
    assert (again.path / "map.json").read_bytes() == (made[1].path / "map.json").read_bytes()
    assert cluster.run(config(seed=1), context_with(tmp_path / "b", corpus())).stored.digest != again.digest


class StopsAt(LocalContext):
    """Cancels when that many documents are embedded."""

    limit = 0

    def progress(self, done, total=None, unit="", message=""):
        if unit == "documents" and "embedding" in message and done >= self.limit:
            self.requested = "cancel"


def test_a_stopped_job_keeps_its_vectors_and_ends_the_same(made, tmp_path, monkeypatch):
    monkeypatch.setattr("curriculum_app.core.clustering.embedding.BATCH", 8)
    context = StopsAt(tmp_path)
    context.limit, context.artefacts["dataset-1"] = 32, store_dataset(context, corpus())
    with pytest.raises(Cancelled):
        cluster.run(config(), context)
    embedded = []
    embed = TfidfSvd.embed
    monkeypatch.setattr(TfidfSvd, "embed", lambda self, texts: embedded.extend(texts) or embed(self, texts))
    monkeypatch.setattr(TfidfSvd, "fit", lambda self, texts: pytest.fail("it was fitted before"))
    context.limit, context.requested = math.inf, "none"
    assert cluster.run(config(), context).stored.digest == made[1].digest
    assert len(embedded) == 90 - 32


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"clusters": 91}, "91 clusters of 90 documents"), ({"encoder": {"key": "minilm"}}, "not installed|no app")],
)
def test_what_cannot_be_is_refused_with_its_field(made, changes, message):
    with pytest.raises(InputError, match=message) as error:
        cluster.run(config(**changes), made[0])
    assert error.value.problems[0].field == next(iter(changes)) and error.value.problems[0].hint


def test_documents_without_words_or_all_the_same_are_clustered_without_a_crash(tmp_path):
    documents = [Document(f"{number}", "??" if number % 2 else "same words", "d") for number in range(12)]
    stored = cluster.run(config(clusters=4), context_with(tmp_path, documents)).stored
    found = Clustering.open(stored)
    assert [item["documents"] for item in found.clusters] == [6, 6] and found.manifest["clusters"] == 2
    assert sorted(item["name"] for item in found.clusters) == ["no words", "words"]


def test_the_usual_number_follows_the_size():
    assert [usual_number(count) for count in (2, 3, 100, 2_000, 1_000_000)] == [2, 3, 7, 32, 64]


def test_a_sample_is_seeded_sorted_and_without_repetition():
    rows = sample_rows(1000, 100, seed=4)
    assert len(set(rows.tolist())) == 100 and rows.tolist() == sorted(rows.tolist())
    assert np.array_equal(rows, sample_rows(1000, 100, seed=4)) and sample_rows(5, 100, 0).tolist() == [0, 1, 2, 3, 4]


def test_centres_of_two_plain_directions():
    rows = unit_rows(np.array([[1, 0.1], [1, -0.1], [-0.1, 1], [0.1, 1]], dtype=np.float32))
    centres = find_centres(rows, 2, iterations=10, restarts=2, seed=0)
    found = assign(rows, centres)
    assert np.allclose(np.sort(centres, axis=0), [[0, 0], [1, 1]], atol=1e-6)
    assert found.cluster[0] == found.cluster[1] != found.cluster[2] == found.cluster[3]
    assert found.cosine[0] == pytest.approx(1 / math.sqrt(1.01), abs=1e-6)
    assert found.margin[0] == pytest.approx((1 - 0.1) / math.sqrt(1.01), abs=1e-6)


def test_numbers_go_by_size_and_empty_clusters_are_left_out():
    given = Assignment(np.array([2, 2, 0, 2, 0, 3]), np.zeros(6, np.float32), np.zeros(6, np.float32))
    found, centres = largest_first(given, np.arange(8, dtype=np.float32).reshape(4, 2))
    assert found.cluster.tolist() == [0, 0, 1, 0, 1, 2] and centres[:, 0].tolist() == [4, 0, 6]


def test_class_based_tf_idf_by_hand():
    """Two clusters of 4 and 2 words, so A = 3. cat: 2 · ln(1 + 3/2); dog: 1 · ln(1 + 3/2) in each; fish: ln(1 + 3)."""
    terms = ClassTerms(2)
    terms.add(0, "cat cat dog fish the")
    terms.add(1, "Dog bird")
    first, second = terms.weights()
    assert first == [
        ("cat", round(2 * math.log(2.5), 3)), ("fish", round(math.log(4), 3)), ("dog", round(math.log(2.5), 3))
    ]  # fmt: skip
    assert second == [("bird", round(math.log(4), 3)), ("dog", round(math.log(2.5), 3))]


def test_a_name_says_nothing_twice():
    assert suggested_name(["ship", "ships", "sea", "class", "classes", "storm"]) == "ship, sea, class"
    assert suggested_name([]) == "no words"


def test_quality_numbers_by_hand():
    rows = unit_rows(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32))
    assert judging.silhouette(rows, np.array([0, 0, 1, 1])) == 1.0
    assert judging.silhouette(rows, np.array([0, 0, 0, 0])) is None
    assert judging.agreement(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2])) == 1.0
    assert judging.agreement(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) == -0.5


def test_few_documents_are_laid_out_by_their_components():
    points, how = judging.lay_out(unit_rows(np.eye(3, dtype=np.float32)), 0)
    assert how == {"method": "PCA"} and points.shape == (3, 2) and np.abs(points).max() == 1
    alone, _ = judging.lay_out(np.ones((2, 1), dtype=np.float32), 0)
    assert alone.tolist() == [[0, 0], [0, 0]]


def test_the_stored_facts_are_plain_json(clustering):
    assert json.loads(json.dumps(clustering.manifest, allow_nan=False)) == clustering.manifest
