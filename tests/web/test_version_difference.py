"""The page of the difference of two dataset versions."""

from dataclasses import replace

import pytest
from django.urls import reverse

from tests.conftest import signed_in
from tests.factories import make_dataset, make_documents


@pytest.fixture
def raw(editor):
    return make_dataset(editor, "books", documents=make_documents(70))


@pytest.fixture
def clean(editor, raw):
    documents = make_documents(6)
    documents[1] = replace(documents[1], text="Other words.")
    return make_dataset(editor, "clean", stage="curated", documents=documents, parents=[raw])


def url(left, right, **query):
    tail = "".join(f"&{key}={value}" for key, value in query.items())
    return reverse("dataset-difference", args=[left.pk]) + f"?other={getattr(right, 'pk', right)}{tail}"


def text(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_the_version_page_offers_the_others(editor_client, raw, clean):
    page = text(editor_client, reverse("dataset-detail", args=[raw.pk]))
    assert reverse("dataset-difference", args=[raw.pk]) in page
    assert f'<option value="{clean.pk}">clean:v1' in page


def test_a_lone_version_has_nothing_to_be_compared_with(editor_client, raw):
    assert "dataset-difference" not in text(editor_client, reverse("dataset-detail", args=[raw.pk]))
    assert 'id="other"' not in text(editor_client, reverse("dataset-detail", args=[raw.pk]))


def test_the_table_counts_and_the_lists_are_paged_with_links(viewer_client, raw, clean):
    page = text(viewer_client, url(raw, clean))
    assert "−32" in page and "removed 64" in page and "changed 1" in page and "added 0" in page
    assert "1–50 of 64 removed" in page
    assert "51–64 of 64" in text(viewer_client, url(raw, clean, page=2))
    assert reverse("dataset-document", args=[raw.pk]) + "?id=doc-6" in page
    changed = text(viewer_client, url(raw, clean, kind="changed"))
    for version in (raw, clean):
        assert reverse("dataset-document", args=[version.pk]) + "?id=doc-1" in changed
    assert "1–32 of 32 removed" in text(viewer_client, url(raw, clean, kind="removed", domain="code"))


def test_the_other_way_round_removed_is_added(viewer_client, raw, clean):
    assert "added 64" in text(viewer_client, url(clean, raw))


def test_a_version_and_itself_hold_the_same_texts(viewer_client, raw):
    assert "hold the same texts" in text(viewer_client, url(raw, raw))


def test_the_documents_are_compared_once(viewer_client, raw, clean):
    text(viewer_client, url(raw, clean))
    for path in raw.stored().path.glob("documents-*"):
        path.rename(path.with_suffix(".away"))
    assert "removed 64" in text(viewer_client, url(raw, clean))


def test_versions_whose_files_are_elsewhere_are_not_compared(viewer_client, raw, clean):
    clean.digest = "0" * 64
    clean.save()
    assert "not on this machine" in text(viewer_client, url(raw, clean))


@pytest.mark.parametrize("other", ["", "x", "²", "9" * 30, "999999"])
def test_another_version_must_be_named(viewer_client, raw, other):
    assert viewer_client.get(url(raw, other)).status_code == 404


def test_versions_of_another_project_are_not_found(stranger, viewer_client, raw, clean):
    foreign = make_dataset(stranger, "foreign")
    assert signed_in(stranger).get(url(raw, clean)).status_code == 404
    assert signed_in(stranger).get(url(foreign, raw)).status_code == 404
    assert viewer_client.get(url(raw, foreign)).status_code == 404


def test_queries_do_not_grow_with_versions(editor, viewer_client, raw, clean, django_assert_max_num_queries):
    for number in range(12):
        make_dataset(editor, f"extra{number}", parents=[raw])
    with django_assert_max_num_queries(19):
        text(viewer_client, reverse("dataset-detail", args=[raw.pk]))
    with django_assert_max_num_queries(11):
        text(viewer_client, url(raw, clean))
