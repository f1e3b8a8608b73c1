"""Edits of a run's plan: what may be asked for, how the run answers, and what its pages say of it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job, State
from chimera.jobs.validation import validate
from curriculum_app.models import Schedule
from tests import factories
from tests.core.curriculum.sequence_factory import build_schedule, build_sequences
from tests.web.run_factory import Clock, make_run, recorder_of
from training_app.core.configs_edit_plan import EditPlanConfig
from training_app.core.jobs.edit_plan import EditedPlan
from training_app.models import PlanEdit, RunEvent
from training_app.services import plan_edits

pytestmark = pytest.mark.django_db
POLICY = {"key": "shuffle"}


@pytest.fixture
def run(editor):
    found = make_run(editor, "followed", steps=100)
    found.schedule = factories.make_schedule(editor)
    found.step, found.tokens, found.pace = 20, 20_000, 2_000.0
    found.save()
    return found


def asked(of, **changes):
    raw = {"name": "other order", "run": of.uid, "policy": POLICY, **changes}
    return validate("edit-plan", plan_edits.complete(raw, of.project), of.project)


def test_an_edit_names_the_schedule_and_the_first_row_that_the_run_can_still_change(run):
    """20 steps of 1,000 tokens at 2,000 tokens a second: 20 seconds are 40 steps, so the first is 20 + 1 + 40."""
    config = asked(run)
    assert (config.schedule, config.from_step, config.first_row) == (run.schedule.uid, 61, 60 * 4)
    assert asked(run, from_step=30).first_row == 29 * 4
    Job.objects.filter(pk=run.job_id).update(state=State.PAUSED)
    assert asked(run).from_step == 21


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"from_step": 20}, "from_step", "step 20 is past"),
        ({"from_step": 101}, "from_step", "beyond its end"),
        ({"run": "run-987654"}, "run", "does not exist"),
    ],
)
def test_what_cannot_be_edited_is_said_at_its_field(run, changes, field, said):
    with pytest.raises(InputError, match=said) as found:
        asked(run, **changes)
    assert found.value.problems[0].field == field


def test_a_run_that_has_ended_is_not_edited(run):
    Job.objects.filter(pk=run.job_id).update(state=State.SUCCEEDED)
    with pytest.raises(InputError, match="has ended"):
        asked(run)


@pytest.fixture
def edit(run, editor, tmp_path, settings):
    """An edit that was asked for; its schedule is a real artefact."""
    from chimera.artefacts import ArtefactStore

    settings.DATA_DIR = tmp_path
    store = ArtefactStore(tmp_path / "artefacts")
    schedule = build_schedule(store, build_sequences(store))
    config = asked(run)
    job = Job.objects.create(
        project=run.project, kind="edit-plan", name="edit", config=config.as_json(), fingerprint=config.fingerprint()
    )
    adopted = plan_edits.adopt_edit_plan(job, EditedPlan(schedule.stored))
    assert isinstance(adopted, Adopted) and EditPlanConfig.model_validate(job.config).run == run.uid
    return PlanEdit.objects.get(job=job)


def test_the_run_hears_of_it_and_its_answer_is_an_event_on_every_chart(run, edit, editor):
    recorder = recorder_of(run, Clock())
    (heard,) = recorder.amendments()
    assert (heard.number, heard.first_row) == (edit.pk, edit.first_row)
    before = run.schedule
    recorder.answered(heard, "", 41)
    run.refresh_from_db()
    edit.refresh_from_db()
    assert (edit.state, edit.step, run.schedule, edit.before) == ("made", 41, edit.schedule, before)
    event = RunEvent.objects.get(run=run)
    assert (event.kind, event.step) == ("plan_edited", 41) and "from row 240 on" in event.message
    recorder.answered(heard, "", 41)  # killed before it was saved, the run answers from the same step again
    assert RunEvent.objects.get(run=run) == event
    assert isinstance(edit.schedule, Schedule)


def test_a_refusal_changes_no_plan_and_says_why(run, edit):
    recorder, before = recorder_of(run, Clock()), run.schedule
    (heard,) = recorder.amendments()
    recorder.answered(heard, "it came too late", 70)
    run.refresh_from_db()
    edit.refresh_from_db()
    assert (edit.state, edit.answer, run.schedule) == ("refused", "it came too late", before)
    assert RunEvent.objects.get(run=run).kind == "plan_edit_refused"


def test_a_look_for_edits_costs_one_query_a_second(run, django_assert_num_queries):
    clock = Clock()
    recorder = recorder_of(run, clock)
    with django_assert_num_queries(1):
        assert [recorder.amendments() for _ in range(50)] == [[]] * 50
    clock.tick(1.1)
    with django_assert_num_queries(1):
        recorder.amendments()


def test_the_curriculum_tab_lists_edits_and_offers_one_to_editors(run, edit, editor, client):
    client.force_login(editor.user)
    page = client.get(reverse("run-curriculum", args=[run.pk])).content.decode()
    assert "Edits of the plan" in page and "not yet" in page and "Edit the rest of the plan" in page
    Job.objects.filter(pk=run.job_id).update(state=State.SUCCEEDED)
    assert "Edit the rest of the plan" not in client.get(reverse("run-curriculum", args=[run.pk])).content.decode()


def test_the_form_asks_for_no_schedule_and_understands_the_texts_of_its_fields(run, editor, client):
    client.force_login(editor.user)
    page = client.get(reverse("job-new", args=["edit-plan"]), {"run": run.uid}).content.decode()
    assert 'name="from_step"' in page and 'name="schedule"' not in page and 'name="first_row"' not in page
    said = {"name": "other order", "run": run.uid, "from_step": "0", "seed": "0", "policy.key": "shuffle"}
    client.post(reverse("job-new", args=["edit-plan"]), {**said, "policy.shown": "shuffle"})
    job = Job.objects.get(kind="edit-plan")
    assert (job.config["from_step"], job.config["first_row"], job.config["schedule"]) == (61, 240, run.schedule.uid)
