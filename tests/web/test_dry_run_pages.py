"""Dry runs in the browser and by JSON: progress, report, bounds, and who may."""

import json

import pytest
from django.urls import reverse

from chimera.jobs.models import Job, State
from curriculum_app.core.configs_dry_run import Bound
from curriculum_app.core.dry_run import Planned, dry_run
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.services.dry_runs import schedule_start
from tests.conftest import signed_in
from tests.core.curriculum.sequence_factory import build_sequences
from tests.factories import make_curriculum, make_schedule, make_sequences
from training_app.models import WorkerSpeed

BOUNDS = [Bound(group="code", most=0.05)]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A real report with a broken bound and texts that are shown five times."""
    from chimera.context import LocalContext

    table = build_sequences(LocalContext(tmp_path_factory.mktemp("dry")).store, num_documents=80)
    phases = [{"fraction": part} for part in (1, 1, 0.5, 0.3, 0.1)]
    policy, budget = POLICIES.build("selective_repetition", {"phases": phases, "most_passes": 5}), 200 * 32
    plan = policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget))
    order = Planned(table, plan.rows, plan.grouping, plan.curve, plan.adherence, plan.tracks.phases)
    return json.loads(json.dumps(dry_run(order, BOUNDS)))


@pytest.fixture
def schedule(editor):
    return make_schedule(editor, make_curriculum(editor, "easy first", "easy_to_hard", sharpness=2.0))


def done(job, report):
    job.state, job.summary = State.SUCCEEDED, {"report": report}
    job.save()
    return job


def config_of(row, **more):
    return {"name": "draft", "sequences": row.uid, "policy": {"key": "shuffle"}, "budget_tokens": 4096} | more


def page(client, address, status=200, **headers):
    response = client.get(address, headers=headers)
    assert response.status_code == status
    return response.content.decode()


# -- of a schedule -----------------------------------------------------------------------------------------------------


def test_a_schedule_links_to_its_dry_run_which_says_the_first_step(editor_client, schedule):
    address = reverse("schedule-dry-run", args=[schedule.pk])
    assert address in page(editor_client, reverse("schedule-detail", args=[schedule.pk]))
    assert "Not looked at yet" in page(editor_client, address)


def test_bounds_start_a_job_and_the_page_follows_it_to_the_report(editor_client, schedule, report):
    address = reverse("schedule-dry-run", args=[schedule.pk])
    response = editor_client.post(address, {"bounds": json.dumps([{"group": "code", "most": 0.05}])})
    assert response.status_code == 302
    job = Job.objects.get(kind="dry-run-schedule")
    assert job.config["bounds"][0]["most"] == 0.05 and job.config["schedule"] == schedule.uid
    shown = page(editor_client, address)
    assert f'data-live-topic="{job.uid}"' in shown and "every 2s" in shown
    done(job, report)
    shown = page(editor_client, address)
    for part in (
        "To mend",
        "allowed",
        "shown more than 4 times",
        "best 50%",
        "How often documents are shown",
        "Cosines",
    ):
        assert part in shown
    assert "every 2s" not in shown and "Diagnose" in shown
    part = page(editor_client, reverse("dry-run-detail", args=[job.pk]), **{"HX-Request": "true"})
    assert part.lstrip().startswith("<div") and "To mend" in part


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ([{"group": "code", "least": 0.5, "most": 0.1}], "above the largest"),
        ([{"least": 0.1}], "required"),
        ([{"group": "cdoe"}], "has no group"),
    ],
)
def test_a_wrong_bound_is_said_at_the_field_and_starts_nothing(editor_client, schedule, bounds, said):
    response = editor_client.post(reverse("schedule-dry-run", args=[schedule.pk]), {"bounds": json.dumps(bounds)})
    assert response.status_code == 422 and said in response.content.decode()
    assert not Job.objects.filter(kind="dry-run-schedule").exists()


def test_time_and_memory_on_each_measured_worker(editor, editor_client, schedule, report):
    job = done(schedule_start(editor, schedule, []), report)
    address = reverse("dry-run-detail", args=[job.pk])
    assert "No worker is measured yet" in page(editor_client, address)
    rates = {"float32": {"256": 4e10, "512": 5e10}, "bf16": {"256": 4e10, "512": 5e10}}
    WorkerSpeed.objects.create(
        host="desk", device="cpu", device_name="cpu", threads=2, memory_bytes=8e9, matmul=rates, bandwidth=1e10
    )
    shown = page(editor_client, address)
    assert "desk cpu × 2" in shown and "starter, from scratch" in shown and "a step" in shown


# -- of a draft --------------------------------------------------------------------------------------------------------


def test_a_draft_is_dry_run_by_json_and_asked_for_by_json(editor, editor_client, report):
    row = make_sequences(editor)
    body = config_of(row, bounds=[{"group": "code", "most": 0.3}])
    response = editor_client.post(reverse("dry-run-start"), body, content_type="application/json")
    said = response.json()
    assert response.status_code == 201 and said["state"] == "queued" and said["report"] is None
    done(Job.objects.get(kind="dry-run"), report)
    said = editor_client.get(said["url"], headers={"Accept": "application/json"}).json()
    assert said["state"] == "succeeded" and said["report"]["problems"][0]["kind"] == "bound"


def test_a_draft_from_htmx_gets_its_progress_and_then_the_schedule_can_be_made(editor, editor_client, report):
    raw = config_of(make_sequences(editor))
    response = editor_client.post(reverse("dry-run-start"), {"config": json.dumps(raw)}, headers={"HX-Request": "true"})
    assert response.status_code == 200 and "every 2s" in response.content.decode()
    job = done(Job.objects.get(kind="dry-run"), report)
    assert "Make this schedule" in page(editor_client, reverse("dry-run-detail", args=[job.pk]))
    made = [editor_client.post(reverse("dry-run-make", args=[job.pk])).status_code for _ in range(2)]
    assert made == [302, 302]
    (schedule,) = Job.objects.filter(kind="schedule")
    assert schedule.config["budget_tokens"] == 4096 and "bounds" not in schedule.config


@pytest.mark.parametrize("body", ["{", json.dumps({"name": "draft"}), json.dumps(7)])
def test_a_wrong_draft_is_refused_in_both_forms(editor_client, body):
    response = editor_client.post(reverse("dry-run-start"), body, content_type="application/json")
    assert response.status_code == 422 and response.json()["problems"]
    refused = editor_client.post(reverse("dry-run-start"), {"config": body}, headers={"HX-Request": "true"})
    assert refused.status_code == 200 and 'class="problems"' in refused.content.decode()
    assert not Job.objects.exists()


# -- who may -----------------------------------------------------------------------------------------------------------


def test_viewers_read_dry_runs_and_start_none(viewer, editor, schedule, report):
    job, client = done(schedule_start(editor, schedule, []), report), signed_in(viewer)
    address = reverse("schedule-dry-run", args=[schedule.pk])
    shown = page(client, address)
    assert "To mend" in shown and "Again, with bounds" not in shown
    assert client.post(address, {"bounds": "[]"}).status_code == 403
    body = config_of(schedule.sequence_set)
    assert client.post(reverse("dry-run-start"), body, content_type="application/json").status_code == 403
    assert client.post(reverse("dry-run-make", args=[job.pk])).status_code == 404


def test_strangers_see_nothing_of_it(stranger, editor, schedule, report):
    job, client = done(schedule_start(editor, schedule, []), report), signed_in(stranger)
    page(client, reverse("schedule-dry-run", args=[schedule.pk]), 404)
    page(client, reverse("dry-run-detail", args=[job.pk]), 404)
    assert client.post(reverse("dry-run-make", args=[job.pk])).status_code == 404
    assert client.post(reverse("schedule-dry-run", args=[schedule.pk]), {"bounds": "[]"}).status_code == 404


def test_another_kind_of_job_is_no_dry_run(editor, editor_client, schedule):
    other = Job.objects.create(project=editor.project, kind="verify", config={}, fingerprint="0" * 64)
    page(editor_client, reverse("dry-run-detail", args=[other.pk]), 404)
