"""Evaluate: reports, suites with what they lack, tasks; a report's tasks beside chance."""

import pytest

from curriculum_app.models import Benchmark
from eval_app.models import EvalReport, OwnTask, Score
from tests.conftest import signed_in
from training_app.models import Checkpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(editor):
    checkpoint = Checkpoint.objects.create(project=editor.project, name="small", version=1, digest="c" * 64)
    mean = {"title": "Centered accuracy", "value": 0.125, "over": ["copa", "arc_easy"], "of": 18}
    manifest = {
        "tasks": [{"task": "copa", "title": "COPA", "asked": 100, "present": 100}],
        "missing": {"squad": "no registered benchmark has items of the task 'squad'"},
        "suite": {"key": "core18", "title": "Core, 18 tasks", "of": 18, "means": {"centered": mean}},
    }
    row = EvalReport.objects.create(
        project=editor.project, name="first", version=1, digest="e" * 64, checkpoint=checkpoint, manifest=manifest
    )
    at_chance = {"value": 0.52, "low": 0.42, "high": 0.61, "n": 100, "chance": 0.5, "main": True}
    read = {"contaminated": 4, "unread": 0.5, "unread_low": 0.4, "unread_high": 0.6}
    Score.objects.create(report=row, task="copa", metric="accuracy", **at_chance, **read)
    loss = {"value": 3.25, "low": 3.0, "high": 3.5, "n": 100, "unit": "nats per token", "higher_is_better": False}
    Score.objects.create(report=row, task="copa", metric="correct_answer_loss", **loss)
    return row


def test_the_area_says_what_can_be_run_and_what_the_rest_wants(editor_client, editor, report):
    Benchmark.objects.create(
        project=editor.project, name="Choices", version=1, digest="b" * 64, manifest={"tasks": {"copa": 100}}
    )
    page = editor_client.get("/evaluate/").content.decode()
    assert "1 of 18 ready" in page and "17 missing: how to add them" in page
    assert "register a benchmark named &#x27;hellaswag&#x27;" in page
    assert f'href="/evaluations/{report.pk}/"' in page and "1 not run" in page
    assert 'aria-current="page"' in page and "1 of " in page


def test_a_report_shows_score_beside_chance_and_what_was_read(editor_client, editor, report):
    page = editor_client.get(f"/evaluations/{report.pk}/").content.decode()
    assert "at chance (0.50)" in page and "0.520, 95 % interval 0.420 to 0.610, chance 0.50" in page
    assert "4 items" in page and "without them 0.500, 0.400 to 0.600" in page
    assert "3.2500" in page and "0.040" in page and "over 2 of 18 tasks" in page
    assert "1 not run: what they want" in page


def test_another_projects_report_is_not_there(stranger, report):
    assert signed_in(stranger).get(f"/evaluations/{report.pk}/").status_code in (403, 404)


def test_the_form_offers_suites_and_tasks_and_names_the_line_of_a_wrong_task(editor_client):
    form = editor_client.get("/jobs/new/evaluate/").content.decode()
    assert '<option value="core18"' in form and '<option value="winograd"' in form
    posted = editor_client.post(
        "/jobs/new/register-task/", {"name": "mine", "definition": "task: x\noutput_type: poem\n"}
    )
    assert posted.status_code in (200, 422) and not OwnTask.objects.exists()
    assert "2" in posted.content.decode() and "output_type" in posted.content.decode()
