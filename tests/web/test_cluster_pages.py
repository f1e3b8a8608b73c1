"""Clusters in the browser: the list of a version, the map, one cluster and its name."""

import pytest
from django.urls import reverse

from chimera.context import LocalContext
from curriculum_app.core.clustering.config import ClusterConfig
from curriculum_app.core.jobs import cluster
from curriculum_app.models import Clustering, ClusterName
from curriculum_app.selectors.clusters import in_words
from curriculum_app.selectors.datasets import opened
from curriculum_app.selectors.sequences import groupings
from tests.conftest import signed_in
from tests.core.curriculum.test_clustering import corpus
from tests.factories import make_dataset, make_sequences, store


def make_clustering(actor, tmp_path) -> Clustering:
    """Three planted topics of 45, 30 and 15 documents, found by TF-IDF."""
    dataset = make_dataset(actor, "topical", stage="curated", documents=list(corpus()))
    context = LocalContext(tmp_path, {"dataset-1": opened(dataset)})
    context.store = store()
    config = {"name": "topics", "dataset": "dataset-1", "clusters": 3, "encoder": {"key": "tfidf_svd"}, "restarts": 1}
    stored = cluster.run(ClusterConfig.model_validate(config), context).stored
    return Clustering.objects.create(
        project=actor.project, name="topics", version=1, digest=stored.digest, bytes=stored.bytes,
        manifest=stored.manifest, dataset=dataset, clusters=3,
    )  # fmt: skip


@pytest.fixture
def clustering(editor, tmp_path):
    return make_clustering(editor, tmp_path)


def page(client, name, *args, query=""):
    return client.get(reverse(name, args=args) + query).content.decode()


def test_a_version_without_clusters_says_the_next_step(editor_client, editor):
    row = make_dataset(editor)
    text = page(editor_client, "dataset-clusters", row.pk)
    assert "No clusters yet" in text and f"{reverse('job-new', args=['cluster'])}?dataset={row.uid}" in text


def test_a_viewer_is_not_offered_what_a_viewer_may_not_do(viewer_client, editor):
    text = page(viewer_client, "dataset-clusters", make_dataset(editor).pk)
    assert "An editor of this project can make them" in text and "Cluster this version" not in text


def test_the_clusterings_of_a_version_are_listed_with_what_they_are_worth(editor_client, clustering):
    text = page(editor_client, "dataset-clusters", clustering.dataset_id)
    assert reverse("clustering-detail", args=[clustering.pk]) in text and "TF-IDF + SVD" in text
    assert "another seed finds the same" in text


def test_the_browser_lists_every_cluster_and_names_the_map(editor_client, clustering):
    text = page(editor_client, "clustering-detail", clustering.pk)
    for number in range(3):
        assert reverse("cluster-detail", args=[clustering.pk, number]) in text
    assert f"{reverse('clustering-map', args=[clustering.pk])}?colour=cluster" in text
    assert "50%" in text or "50.0" in text
    assert "js/cluster_map.js" in text and "areas/clusters.css" in text and "K-means always finds clusters" in text


@pytest.mark.parametrize(
    ("colour", "names"), [("cluster", ["1 ", "2 ", "3 "]), ("domain", ["court", "kitchen", "sea"])]
)
def test_the_map_has_a_trace_per_cluster_or_domain(editor_client, clustering, colour, names):
    figure = editor_client.get(reverse("clustering-map", args=[clustering.pk]), {"colour": colour}).json()
    assert [trace["name"].startswith(name) for trace, name in zip(figure["data"], names, strict=True)] == [True] * 3
    assert sum(len(trace["x"]) for trace in figure["data"]) == 90 == len(figure["table"]["rows"])
    assert {trace["customdata"][0][3] for trace in figure["data"]} == {0, 1, 2}
    assert [label["text"] for label in figure["layout"]["annotations"]] == ["1", "2", "3"]


def test_a_cluster_shows_texts_at_the_centre_and_the_border_and_pages_all(editor_client, clustering):
    text = page(editor_client, "cluster-detail", clustering.pk, 0)
    assert text.count("<details") == 10 and "people today" in text and "1–25 of 45" in text
    second = page(editor_client, "cluster-detail", clustering.pk, 0, query="?page=2")
    assert "26–45 of 45" in second
    assert editor_client.get(reverse("cluster-detail", args=[clustering.pk, 3])).status_code == 404


def test_an_editor_names_a_cluster_and_takes_the_name_back(editor, editor_client, clustering):
    address = reverse("cluster-rename", args=[clustering.pk, 1])
    text = editor_client.post(address, {"name": "  Baking \n at home "}, follow=True).content.decode()
    given = ClusterName.objects.get()
    assert (given.name, given.number, given.named_by) == ("Baking at home", 1, editor.name)
    assert "Named by" in text and "Baking at home" in page(editor_client, "clustering-detail", clustering.pk)
    figure = editor_client.get(reverse("clustering-map", args=[clustering.pk])).json()
    assert figure["data"][1]["name"] == "2 Baking at home"
    editor_client.post(address, {"name": ""})
    assert not ClusterName.objects.exists()


def test_a_name_that_is_too_long_is_refused(editor_client, clustering):
    address = reverse("cluster-rename", args=[clustering.pk, 0])
    text = editor_client.post(address, {"name": "x" * 81}, follow=True).content.decode()
    assert "at most 80 characters" in text and not ClusterName.objects.exists()


def test_who_may_not_name_and_who_may_not_see(viewer_client, client, clustering):
    address = reverse("cluster-rename", args=[clustering.pk, 0])
    assert viewer_client.post(address, {"name": "mine"}).status_code == 403
    assert viewer_client.get(address).status_code == 405
    assert "What you call it" not in page(viewer_client, "cluster-detail", clustering.pk, 0)
    for name, args in (("clustering-detail", []), ("clustering-map", []), ("cluster-detail", [0])):
        assert client.get(reverse(name, args=[clustering.pk, *args])).status_code == 302


def test_another_project_does_not_see_it(clustering, stranger):
    for name, args in (("clustering-detail", []), ("clustering-map", []), ("cluster-detail", [0])):
        assert signed_in(stranger).get(reverse(name, args=[clustering.pk, *args])).status_code == 404


def test_files_that_are_elsewhere_are_said_to_be(editor_client, clustering, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "elsewhere"
    assert "not on this machine" in page(editor_client, "clustering-detail", clustering.pk)
    assert editor_client.get(reverse("clustering-map", args=[clustering.pk])).status_code == 404


@pytest.mark.parametrize(
    ("silhouette", "word"),
    [(0.72, "clear clusters"), (0.3, "weak clusters"), (0.1, "no clear borders"), (None, "one cluster only")],
)
def test_the_silhouette_is_said_in_words(silhouette, word):
    assert in_words({"silhouette": silhouette, "stability": 1.0})["silhouette"].startswith(word)


@pytest.mark.parametrize(("stability", "word"), [(1.0, "finds the same"), (0.7, "much the same"), (0.2, "differently")])
def test_the_stability_is_said_in_words(stability, word):
    assert word in in_words({"silhouette": 0.5, "stability": stability})["stability"]


MANIFEST = {
    "groupings": {"taxonomy": ["maths", "unassigned"], "quality-length": ["1 of 2", "2 of 2"], "domain": ["d"]},
    "tokens_by_group": {"taxonomy": [30, 10], "quality-length": [20, 20], "domain": [40]},
    "grouping_facts": {
        "taxonomy": {"title": "Taxonomy node", "documents": [3, 1], "unassigned": 1, "joined": 2},
        "quality-length": {"title": "Quality quantile", "documents": [2, 2], "edges": [[0.5, 1.0], None]},
    },
}


def test_groupings_of_a_sequence_set_say_what_they_leave_out():
    domain, quality, taxonomy = groupings(MANIFEST)
    rows = [(row.name, row.share, row.documents) for row in taxonomy.rows]
    assert rows == [("maths", 0.75, 3), ("unassigned", 0.25, 1)]
    assert "1 documents (25" in taxonomy.note and "2 smaller ones" in taxonomy.note
    assert quality.spans and quality.rows[0].span == (0.5, 1.0) and quality.rows[1].span is None
    assert domain.rows[0].documents is None, "a table of before documents were counted"


def test_the_page_of_a_sequence_set_shows_every_grouping(editor, editor_client):
    row = make_sequences(editor)
    names = [f"{number + 1} cluster" for number in range(14)]
    row.manifest["groupings"]["cluster"], row.manifest["tokens_by_group"]["cluster"] = names, [1] * 14
    facts = {"title": "Cluster", "documents": [1] * 14, "clustering": "clustering-1", "encoder": "MiniLM"}
    row.manifest["grouping_facts"] = {"cluster": facts}
    row.save()
    text = page(editor_client, "sequences-detail", row.pk)
    assert "By cluster" in text and "clustering-1, MiniLM" in text and "14 groups" in text and "By domain" in text
