"""Tags on the page and in the list of dataset versions."""

import pytest
from django.urls import reverse

from curriculum_app.models import DatasetTag
from curriculum_app.services.tags import tag_put
from tests.conftest import signed_in
from tests.factories import make_dataset


@pytest.fixture
def books(editor):
    return make_dataset(editor, "books")


def send(client, page, row, name="best", **how):
    return client.post(reverse(page, args=[row.pk]), {"name": name}, **how)


def text(client, address):
    return client.get(address).content.decode()


def test_an_editor_sets_and_removes_a_tag_on_the_page(editor_client, books):
    page = send(editor_client, "dataset-tag", books, follow=True).content.decode()
    assert '<span class="chip">best</span>' in page
    assert "nothing → books:v1" in page
    page = send(editor_client, "dataset-untag", books, follow=True).content.decode()
    assert '<span class="chip">best</span>' not in page
    assert "books:v1 → nothing" in page


def test_a_tag_moves_to_the_page_it_is_set_on(editor, editor_client, books):
    other = make_dataset(editor, "other")
    tag_put(editor, books, "best")
    send(editor_client, "dataset-tag", other)
    assert DatasetTag.objects.get().version == other
    assert "books:v1 → other:v1" in text(editor_client, reverse("dataset-detail", args=[books.pk]))


def test_the_list_shows_tags(viewer_client, editor, books):
    tag_put(editor, books, "best")
    assert '<span class="chip">best</span>' in text(viewer_client, reverse("data"))


def test_a_bad_name_is_explained(editor_client, books):
    page = send(editor_client, "dataset-tag", books, "Not a tag", follow=True).content.decode()
    assert "is no name for a tag" in page and "letter or digit first" in page
    assert not DatasetTag.objects.exists()


def test_a_viewer_sees_tags_but_cannot_change_them(viewer_client, editor, books):
    tag_put(editor, books, "best")
    page = text(viewer_client, reverse("dataset-detail", args=[books.pk]))
    assert '<span class="chip">best</span>' in page
    assert reverse("dataset-tag", args=[books.pk]) not in page
    for name in ("dataset-tag", "dataset-untag"):
        assert send(viewer_client, name, books).status_code == 403
    assert DatasetTag.objects.count() == 1


def test_tags_of_another_project_are_out_of_reach(stranger, editor, books):
    tag_put(editor, books, "best")
    for name in ("dataset-tag", "dataset-untag"):
        assert send(signed_in(stranger), name, books).status_code == 404
    assert DatasetTag.objects.count() == 1


def test_queries_do_not_grow_with_tags(editor, viewer_client, books, django_assert_max_num_queries):
    for number in range(12):
        tag_put(editor, make_dataset(editor, f"extra{number}"), f"tag{number}")
        tag_put(editor, books, f"here{number}")
    with django_assert_max_num_queries(10):
        text(viewer_client, reverse("data"))
    with django_assert_max_num_queries(19):
        text(viewer_client, reverse("dataset-detail", args=[books.pk]))
