"""Saving curricula: versions, forks, and two people at the same time."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from chimera.errors import InputError
from curriculum_app.models import Curriculum
from curriculum_app.services.curricula import curriculum_save
from tests.factories import make_sequences

pytestmark = pytest.mark.django_db


def draft(name="mix", sharpness=2.0, **more):
    return {"name": name, "policy": {"key": "easy_to_hard", "config": {"sharpness": sharpness}}, **more}


def problem(call, *args, **kwargs):
    with pytest.raises(InputError) as refused:
        call(*args, **kwargs)
    return refused.value.problems[0]


def test_a_change_makes_the_next_version_and_an_equal_one_none(editor):
    first, new = curriculum_save(editor, draft())
    assert (first.label, first.created_by, new) == ("mix:v1", "edgar", True)
    assert first.config["length_term"] == 1.0  # complete, so that it means the same ever after
    assert curriculum_save(editor, draft()) == (first, False)
    second, new = curriculum_save(editor, draft(sharpness=3), parent=first, seen="mix:v1")
    assert (second.label, second.parent, new) == ("mix:v2", first, True)
    fork, _ = curriculum_save(editor, draft("other"), parent=second, seen="mix:v2")
    assert (fork.label, fork.parent) == ("other:v1", second)


def test_two_people_do_not_overwrite_each_other(editor, owner):
    curriculum_save(editor, draft())
    curriculum_save(owner, draft(sharpness=3), seen="mix:v1")
    said = problem(curriculum_save, editor, draft(sharpness=4), seen="mix:v1")
    assert said.field == "name" and "mix:v2 was saved by olivia while you were designing from mix:v1" in said.message
    assert "mix:v3" in said.hint and Curriculum.objects.count() == 2
    assert "exists already" in problem(curriculum_save, editor, draft(sharpness=5), seen="").message
    assert curriculum_save(editor, draft(sharpness=4), seen="mix:v2")[0].version == 3


def test_a_draft_that_its_sequences_cannot_give_is_not_saved(editor):
    sequences = make_sequences(editor)
    with_data = draft(sequences=sequences.uid, budget_tokens=sequences.tokens + 32)
    said = problem(curriculum_save, editor, with_data)
    assert said.field == "budget_tokens" and "larger than" in said.message
    said = problem(curriculum_save, editor, draft(sequences="sequences-999"))
    assert said.field == "sequences"
    assert not Curriculum.objects.exists()
    row, _ = curriculum_save(editor, draft(sequences=sequences.uid, budget_tokens=sequences.tokens))
    assert (row.sequence_set, row.budget_tokens) == (sequences, sequences.tokens)


def test_a_viewer_saves_nothing(viewer):
    with pytest.raises(PermissionDenied):
        curriculum_save(viewer, draft())
    assert not Curriculum.objects.exists()
