"""Runs of a study whose plan was edited: named beside the verdict, and repeated as they went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from eval_app.models import Study
from eval_app.selectors.edited_runs import as_it_went, edited_runs
from tests import factories
from tests.web.study_factory import make_study
from training_app.models import PlanEdit, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(editor: Actor, settings: Any, tmp_path: Path) -> Study:
    settings.DATA_DIR = tmp_path
    return make_study(editor)


def edit(study: Study, actor: Actor, slot: str, state: str = PlanEdit.State.MADE) -> PlanEdit:
    """The run of this slot follows another schedule after step 4."""
    run = TrainingRun.objects.get(job__parent=study.job, job__slot=slot)
    job = Job.objects.create(project=study.project, kind="edit-plan", name="edit", config={}, fingerprint="0" * 64)
    before = run.schedule
    after = factories.make_schedule(actor, sequences=before.sequence_set, seed=7)
    if state == PlanEdit.State.MADE:
        TrainingRun.objects.filter(pk=run.pk).update(schedule=after)
    return PlanEdit.objects.create(run=run, schedule=after, before=before, job=job, first_row=16, step=4, state=state)


def test_the_page_and_the_report_name_the_run_and_the_step(editor: Actor, editor_client: Client, study: Study) -> None:
    pages = [reverse(name, args=[study.pk]) for name in ("study-detail", "study-report-html")]
    said = "edited after step 4"
    assert not any(said in editor_client.get(page).content.decode() for page in pages)
    made = edit(study, editor, "train/easy-to-hard/2")
    for page in pages:
        text = editor_client.get(page).content.decode()
        assert said in text and "easy-to-hard · seed 2" in text and made.schedule.curriculum.label in text


def test_a_reproduction_follows_what_every_run_of_an_edited_arm_was_shown(editor: Actor, study: Study) -> None:
    before = edit(study, editor, "train/easy-to-hard/2").before
    job, _ = jobs.start(editor, "reproduce", {"study": study.uid})
    shuffled, edited = job.config["frozen"]["arms"]
    runs = TrainingRun.objects.filter(job__parent=study.job, group="easy-to-hard").order_by("seed")
    assert edited["policy"] is None and edited["schedules"] == [run.schedule.uid for run in runs]
    assert edited["schedules"][0] == before.uid != edited["schedules"][1]
    assert shuffled["policy"]["key"] == "shuffle" and not shuffled["schedules"]


def test_what_a_run_refused_changes_nothing(editor: Actor, study: Study) -> None:
    edit(study, editor, "train/easy-to-hard/2", PlanEdit.State.REFUSED)
    assert edited_runs(study) == [] and as_it_went(study) == study.job.config


def test_an_arm_of_which_not_every_seed_was_run_keeps_its_policy(editor: Actor, study: Study) -> None:
    edit(study, editor, "train/easy-to-hard/2")
    TrainingRun.objects.filter(job__parent=study.job, job__slot="train/easy-to-hard/3").update(schedule=None)
    assert as_it_went(study)["arms"][1]["policy"]["key"] == "easy_to_hard"
