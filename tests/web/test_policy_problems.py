"""Columns that a policy cannot use are refused at their field before any job exists, at every door."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from chimera.jobs.models import Job
from chimera.projects.access import Actor
from curriculum_app.core.documents import Document
from tests.factories import make_dataset, make_sequences
from tests.web.test_columns_page import make_columns
from tests.web.test_four_doors import filled_in

pytestmark = pytest.mark.django_db
SAID = "was measured for another dataset version"


@pytest.fixture
def policy(editor: Actor, tmp_path: Any) -> dict[str, Any]:
    """By a column of a version that the sequences are not made of."""
    version = make_dataset(
        editor, "texts", documents=[Document(f"d{n}", "a few words " * n, "prose") for n in range(1, 9)]
    )
    columns = make_columns(editor, version, tmp_path, "length")
    return {"key": "difficulty", "config": {"columns": columns.uid, "parts": [{"column": "length"}]}}


@pytest.fixture
def schedule(editor: Actor, policy: dict[str, Any]) -> dict[str, Any]:
    return {"name": "arm", "sequences": make_sequences(editor).uid, "policy": policy, "budget_tokens": 3200}


def test_the_rest_door_names_the_field(editor_client: Client, schedule: dict[str, Any]) -> None:
    response = editor_client.post("/api/jobs/schedule", schedule, content_type="application/json")
    assert response.status_code == 422 and not Job.objects.exists()
    (problem,) = response.json()["problems"]
    assert problem["field"] == "policy.config.columns" and SAID in problem["message"]


def test_the_command_line_says_the_same(
    editor: Actor, schedule: dict[str, Any], tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "schedule.json"
    file.write_text(json.dumps(schedule))
    with pytest.raises(SystemExit):
        call_command("chimera", "run", "schedule", "--config", str(file), "--user", str(editor.user))
    said = capsys.readouterr()
    assert "policy.config.columns" in said.out + said.err and SAID in said.out + said.err


def test_a_study_names_the_arm(editor_client: Client, schedule: dict[str, Any]) -> None:
    arms = [{"name": "shuffled", "policy": {"key": "shuffle"}}, {"name": "paced", "policy": schedule["policy"]}]
    config = {"sequences": schedule["sequences"], "budget_tokens": 3200, "arms": arms}
    response = editor_client.post("/api/jobs/study", config, content_type="application/json")
    assert [problem["field"] for problem in response.json()["problems"]] == ["arms.1.policy.config.columns"]


def test_the_form_shows_it(editor_client: Client, schedule: dict[str, Any]) -> None:
    page = editor_client.post(reverse("job-new", args=["schedule"]), filled_in("schedule", schedule))
    assert not Job.objects.exists() and SAID in page.content.decode()
