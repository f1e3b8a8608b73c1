"""Pages of duplicates: groups by size and domain pair, one group, two texts beside each other, earlier versions."""

import pytest
from django.urls import reverse

from chimera.context import LocalContext
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DatasetVersion as Opened
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate
from curriculum_app.models import DatasetVersion
from tests.factories import make_actor, make_dataset, make_documents, store

TEXT = " ".join(f"word{number} of a long sentence" for number in range(60))
OTHER = " ".join(f"item{number} in some other list" for number in range(60))


@pytest.fixture
def version(editor, tmp_path):
    """A curated version with a group of three (one exact) and one document that an earlier version has."""
    old = make_dataset(editor, "old", documents=[Document("old-1", OTHER, "web")])
    documents = [
        Document("long", TEXT + " and an end", "books"),
        Document("same", TEXT + " and an end", "web"),
        Document("near", TEXT, "web"),
        Document("again", OTHER, "web"),
        Document("fresh", " ".join(f"fresh{number}" for number in range(90)), "web"),
    ]
    raw = make_dataset(editor, "raw", documents=documents)
    ctx = LocalContext(tmp_path, {"dataset-1": Opened.open(raw.stored()), "dataset-2": Opened.open(old.stored())})
    ctx.store = store()
    config = {"name": "c", "datasets": ["dataset-1"], "against": ["dataset-2"], "recipes": {"*": []}, "workers": 1}
    stored = curate.run(CurateConfig.model_validate(config), ctx).stored
    row = make_dataset(editor, "clean", stage="curated")
    DatasetVersion.objects.filter(pk=row.pk).update(digest=stored.digest, manifest=stored.manifest)
    return DatasetVersion.objects.get(pk=row.pk)


def page(client, version, name="dataset-duplicates", **query):
    return client.get(reverse(name, args=[version.pk]), query)


def test_groups_are_listed_by_size_and_by_pair_of_domains(editor_client, version):
    shown = page(editor_client, version)
    assert [(group.kept_id, group.documents, group.exact) for group in shown.context["page"]] == [
        ("long", 2, 1),
        ("old-1", 1, 1),
    ]
    pair = page(editor_client, version, kept="books", removed="web")
    assert [group.kept_id for group in pair.context["page"]] == ["long"]
    nothing = page(editor_client, version, kept="books", removed="books").content.decode()
    assert "No duplicates between these domains" in nothing
    overview = editor_client.get(reverse("dataset-detail", args=[version.pk])).content.decode()
    assert "duplicates/?kept=books&amp;removed=web" in overview


def test_a_group_shows_the_kept_document_and_each_removed_one(editor_client, version):
    shown = page(editor_client, version, "dataset-duplicate-group", kept="long").content.decode()
    assert "same" in shown and "near_duplicates" in shown and "exact_duplicates" in shown
    assert page(editor_client, version, "dataset-duplicate-group", kept="fresh").status_code == 404


def test_two_texts_stand_beside_each_other_with_what_differs_marked(editor_client, version):
    shown = page(editor_client, version, "dataset-duplicate-pair", kept="long", removed="near").content.decode()
    assert "<ins> and an end</ins>" in shown and "<del>" not in shown and "1 shared passage," in shown
    assert page(editor_client, version, "dataset-duplicate-pair", kept="long", removed="fresh").status_code == 404


def test_the_kept_document_of_an_earlier_version_is_read_there(editor_client, version):
    old = DatasetVersion.objects.get(name="old")
    digest = old.digest
    query = {"kept": "old-1", "removed": "again", "in": digest}
    shown = page(editor_client, version, "dataset-duplicate-pair", **query).content.decode()
    assert "item3 in some other list" in shown and old.label in shown
    group = page(editor_client, version, "dataset-duplicate-group", kept="old-1", **{"in": digest})
    assert old.label in group.content.decode()


def test_an_older_version_has_no_list_and_a_stranger_no_page(client, editor, editor_client, version):
    bare = make_dataset(editor, "bare", stage="curated", documents=make_documents(3))
    assert "No list of duplicates" in page(editor_client, bare).content.decode()
    client.force_login(make_actor().user)
    for name in ("dataset-duplicates", "dataset-duplicate-group", "dataset-duplicate-pair"):
        assert page(client, version, name).status_code == 404
