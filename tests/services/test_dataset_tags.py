"""Tags of dataset versions."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import RestrictedError

from chimera.errors import InputError
from curriculum_app.models import DatasetTag, DatasetTagMove
from curriculum_app.services.tags import tag_put, tag_remove
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(editor):
    return make_dataset(editor, "corpus")


@pytest.fixture
def new(editor):
    return make_dataset(editor, "corpus")


def history():
    return [(move.name, move.before, move.after, move.actor) for move in DatasetTagMove.objects.order_by("pk")]


def test_a_tag_is_set_moved_and_removed_and_its_history_stays(editor, owner, old, new):
    tag_put(editor, old, "best")
    tag_put(owner, new, " best ")
    tag = DatasetTag.objects.get()
    assert (tag.version, tag.moved_by) == (new, "olivia")
    tag_remove(editor, new, "best")
    assert not DatasetTag.objects.exists()
    assert history() == [
        ("best", "", "corpus:v1", "edgar"),
        ("best", "corpus:v1", "corpus:v2", "olivia"),
        ("best", "corpus:v2", "", "edgar"),
    ]
    assert DatasetTagMove.objects.earliest("pk").after_digest == old.digest


def test_a_tag_that_is_there_already_moves_nothing(editor, old):
    tag_put(editor, old, "best")
    tag_put(editor, old, "best")
    assert len(history()) == 1


def test_a_tag_that_was_moved_meanwhile_is_not_removed(editor, old, new):
    tag_put(editor, new, "best")
    with pytest.raises(InputError, match="no tag 'best'"):
        tag_remove(editor, old, "best")
    assert DatasetTag.objects.get().version == new


@pytest.mark.parametrize("name", ["", " ", "Best", "-x", "a b", "é", "x" * 61])
def test_a_name_is_short_and_plain(editor, old, name):
    with pytest.raises(InputError, match="no name for a tag"):
        tag_put(editor, old, name)
    assert history() == []


def test_viewers_move_no_tags(viewer, editor, old):
    tag_put(editor, old, "best")
    for change in (tag_put, tag_remove):
        with pytest.raises(PermissionDenied):
            change(viewer, old, "best")
    assert len(history()) == 1


def test_projects_have_their_own_tags(editor, stranger, old):
    foreign = make_dataset(stranger)
    tag_put(editor, old, "best")
    tag_put(stranger, foreign, "best")
    assert {tag.version for tag in DatasetTag.objects.all()} == {old, foreign}


def test_a_tagged_version_is_not_deleted_but_its_project_can_be(editor, old):
    tag_put(editor, old, "best")
    with pytest.raises(RestrictedError):
        old.delete()
    editor.project.delete()
    assert not DatasetTag.objects.exists()
