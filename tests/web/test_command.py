"""The command-line door: one JSON line, honest exit codes, the same problems as at the other doors."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from chimera.jobs import runner, services
from chimera.jobs.management.commands import chimera as command
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Project
from chimera.projects.services import actor_of_token
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

pytestmark = pytest.mark.django_db


def call(*arguments: str) -> tuple[int, Any, str]:
    """Exit code, the last line of standard output as JSON, standard error."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("chimera", *arguments, stdout=out, stderr=err)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, json.loads(out.getvalue().strip().splitlines()[-1]), err.getvalue()


def written(path: Path, config: Any) -> str:
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits works: the command's sleep runs the next job."""
    monkeypatch.setattr(command.time, "sleep", lambda seconds: runner.run_next("cpu"))


def test_run_and_wait_ends_with_one_json_line_and_exit_code_0(owner: Actor, worker: None, tmp_path: Path) -> None:
    config = written(tmp_path / "c.json", {"steps": 2})
    code, result, err = call("run", "t-count", "--config", config, "--wait", "--json")
    assert (code, result["status"], result["artifacts"]) == (0, "succeeded", {"number": "number-2"})
    assert result["summary"]["counted"] == 2 and result["job"] == Job.objects.get().uid
    assert "no live worker takes jobs from the queue 'cpu'" in err


def test_a_composite_is_waited_for_too(owner: Actor, worker: None, tmp_path: Path) -> None:
    code, result, _ = call("run", "t-pairs", "--config", written(tmp_path / "c.json", {}), "--wait", "--json")
    assert (code, result["status"], result["summary"]) == (0, "succeeded", {"total": 14})


def test_a_job_that_fails_gives_exit_code_1_and_its_problems(owner: Actor, worker: None, tmp_path: Path) -> None:
    config = written(tmp_path / "c.json", {"end": "input"})
    code, result, _ = call("run", "t-count", "--config", config, "--wait", "--json")
    assert (code, result["status"], result["problems"][0]["field"]) == (1, "failed", "steps")


def test_without_wait_the_job_is_left_to_the_workers(owner: Actor, tmp_path: Path) -> None:
    code, result, _ = call("run", "t-count", "--config", written(tmp_path / "c.json", {}), "--json")
    assert (code, result["status"]) == (0, "queued")


def test_a_wrong_config_gives_exit_code_2_and_the_problems_of_the_api(owner: Actor, tmp_path: Path) -> None:
    raw = {"steps": 0, "name": "x" * 51}
    code, result, _ = call("run", "t-count", "--config", written(tmp_path / "c.json", raw), "--json")
    with pytest.raises(services.InputError) as caught:
        services.start(owner, "t-count", raw)
    assert code == 2 and result["problems"] == [problem.as_json() for problem in caught.value.problems]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("content", "said", "line"), [('{"steps":\n }', "is not JSON", 2), (None, "cannot be read", None)]
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    owner: Actor, tmp_path: Path, content: str | None, said: str, line: int | None
) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    code, result, _ = call("run", "t-count", "--config", str(path), "--json")
    problem = result["problems"][0]
    assert code == 2 and said in problem["message"] and (problem["file"], problem["line"]) == (str(path), line)


def test_who_acts_where(owner: Actor, viewer: Actor, stranger: Actor, tmp_path: Path) -> None:
    config = written(tmp_path / "c.json", {})
    assert call("run", "t-count", "--config", config, "--json")[0] == 2, "two projects: say which"
    code, result, _ = call("run", "t-count", "--config", config, "--json", "--project", "reading")
    assert code == 0 and Job.objects.get(pk=result["job"].removeprefix("job-")).created_by == owner.user
    for who in ("vera", "steve", "nobody"):
        code, result, _ = call("run", "t-count", "--config", config, "--json", "--project", "reading", "--user", who)
        assert code == 2 and result["problems"]


def test_show_prints_a_job_and_refuses_what_is_not_there(owner: Actor) -> None:
    job, _ = services.start(owner, "t-count", {})
    assert call("show", job.uid, "--json")[1]["status"] == "queued"
    assert call("show", "dataset-9", "--json")[0] == 2


def test_kinds_lists_schemas(db: None) -> None:
    kinds = {kind["kind"]: kind for kind in call("kinds", "--json")[1]["kinds"]}
    assert kinds["t-count"]["config_schema"]["properties"]["steps"]["minimum"] == 1


def test_a_token_acts_as_its_user_and_is_stored_as_a_hash(owner: Actor, project: Project) -> None:
    text = call("token", "--json")[1]["token"]
    actor = actor_of_token(text)
    assert actor is not None and (actor.user, actor.project) == (owner.user, project)
    assert not project.tokens.filter(sha256=text).exists()
