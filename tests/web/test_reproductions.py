"""Reproduce: the button, who may press it, and what both pages say afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import services as jobs
from chimera.jobs.kinds import Finished
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from curriculum_app.models import Schedule
from eval_app.models import Reproduction, Study
from eval_app.services.reproduce import conclude, reproduce
from tests.conftest import signed_in
from tests.factories import make_actor, make_sequences
from tests.web.study_factory import make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(editor: Actor, data_dir: None) -> Study:
    return make_study(editor)


def page_of(client: Client, study: Study) -> str:
    return " ".join(client.get(reverse("study-detail", args=[study.pk])).content.decode().split())


def press(client: Client, study: Study, key: str = "one") -> Any:
    return client.post(reverse("study-reproduce", args=[study.pk]), {"idempotency_key": key})


def repeated(editor: Actor, study: Study, **differing: Any) -> Reproduction:
    """A reproduction of which a worker has run everything."""
    job = Job.objects.create(
        project=editor.project, kind="reproduce", name="again", composite=True, fingerprint="0" * 64,
        config={"study": study.uid, "frozen": study.job.config}, state=State.SUCCEEDED,
    )  # fmt: skip
    row = Reproduction.objects.create(job=job, original=study)
    new = make_study(editor, schedule=Schedule.objects.get(), parent=job, **differing)
    conclude(job, {"study": Finished({"study": new.uid}, {})})
    row.refresh_from_db()
    return row


def test_the_button_starts_a_new_study_from_the_frozen_description_once(editor_client: Client, study: Study) -> None:
    assert "Reproduce</button>" in page_of(editor_client, study)
    first, second = press(editor_client, study), press(editor_client, study)
    row = Reproduction.objects.get()
    again = Study.objects.get(job__parent=row.job)
    assert first.url == second.url == reverse("study-detail", args=[again.pk])
    assert again.pk != study.pk and again.job.config == study.job.config and row.original == study
    slots = list(again.job.children.values_list("slot", "state"))
    assert len(slots) == 6 and all(slot.startswith("schedule/") and state == State.QUEUED for slot, state in slots)
    assert f'Repeats <a href="{reverse("study-detail", args=[study.pk])}"' in page_of(editor_client, again)
    assert f">{again.uid}</a>" in page_of(editor_client, study)


def test_viewers_do_not_start_it_and_other_projects_do_not_see_it(viewer_client: Client, study: Study) -> None:
    assert "Reproduce</button>" not in page_of(viewer_client, study)
    assert press(viewer_client, study).status_code == 403
    assert press(signed_in(make_actor()), study).status_code == 404
    assert viewer_client.get(reverse("study-reproduce", args=[study.pk])).status_code == 405
    assert not Reproduction.objects.exists()


def test_every_door_refuses_what_cannot_be_repeated(editor: Actor, editor_client: Client, study: Study) -> None:
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 3200, "seeds": [1, 2, 3]}
    waiting = jobs.start(editor, "study", config)[0].study
    assert press(editor_client, waiting).status_code == 302 and not Reproduction.objects.exists()
    assert "has no verdict to compare with" in page_of(editor_client, waiting)
    for wrong in ("study-999", "study-x", "run-1", None, waiting.uid):
        with pytest.raises(InputError) as refused:
            jobs.start(editor, "reproduce", {"study": wrong})
        assert refused.value.problems[0].field == "study"
    with pytest.raises(InputError, match="is no study of this project"):
        reproduce(make_actor(), study)


def test_a_description_that_somebody_brings_along_is_not_used(editor: Actor, study: Study) -> None:
    job, _ = jobs.start(editor, "reproduce", {"study": study.uid, "frozen": {"name": "another"}})
    assert job.config["frozen"] == study.job.config


def test_equal_runs_are_said_to_be_equal_on_both_pages(editor: Actor, editor_client: Client, study: Study) -> None:
    row = repeated(editor, study)
    assert row.result is not None and row.result["word"] == "equal" and row.result["same_verdict"]
    new = Study.objects.get(job__parent=row.job)
    for page in (page_of(editor_client, study), page_of(editor_client, new)):
        assert "Equal: all 6 runs gave the same curves, orders and final weights, bit for bit, in 48 points" in page
    report = editor_client.get(reverse("study-report-html", args=[study.pk])).content.decode()
    assert f"{new.uid}, " in report and "Equal: all 6 runs" in report


def test_a_difference_is_told_with_its_place_and_what_may_explain_it(
    editor: Actor, editor_client: Client, study: Study
) -> None:
    machine = {"host": "desk", "python": "3.12", "torch": "2.13.0"}
    other = {"nudge": {4: 0.25}, "weights": "f" * 64, "environment": machine}
    row = repeated(editor, study, **{"shuffled/2": other})
    page = page_of(editor_client, study)
    assert row.result is not None and row.result["word"] == "not equal"
    assert "1 of 6 runs differ; most held_out/macro of shuffled · seed 2, by 0.25 at 1600 tokens" in page
    assert "python: 3.11.9, again 3.12 (shuffled · seed 2)" in page and "1 of 4 unequal" in page
