"""The log of a job: streamed, filtered, downloaded, kept; and its frozen config, whatever the form is today."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs import bell, leasing, runner, services
from chimera.jobs.context import DatabaseContext, NullRecorder
from chimera.jobs.models import Job, JobLog
from chimera.projects.access import Actor
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.run_factory import make_run

pytestmark = pytest.mark.django_db


def logged(actor: Actor) -> Job:
    """A running job with an info, a warning and an error line."""
    job, _ = services.start(actor, "t-count", {})
    leasing.claim_job(job.pk)
    for level, text in (("info", "one <b>"), ("warning", "two"), ("error", "three")):
        JobLog.objects.create(job=job, attempt=1, level=level, text=text)
    return Job.objects.get(pk=job.pk)


def lines(client: Client, job: Job, query: str = "") -> tuple[str, str]:
    """What the page gets, and the address it asks next (empty: it stops asking)."""
    page = client.get(reverse("job-log", args=[job.pk]) + query).content.decode()
    asked = re.search(r'hx-get="([^"]*)"', page)
    return page, asked[1].replace("&amp;", "&") if asked else ""


def test_an_open_page_gets_only_what_is_new_and_asks_on(editor: Actor, editor_client: Client) -> None:
    job = logged(editor)
    page, following = lines(editor_client, job)
    assert "one &lt;b&gt;" in page and "three" in page and "chimera:log from:body" in page
    JobLog.objects.create(job=job, attempt=1, text="four")
    fresh = editor_client.get(following).content.decode()
    assert "four" in fresh and "three" not in fresh
    assert "attempt" not in fresh


def test_a_new_attempt_is_announced_once(editor: Actor, editor_client: Client) -> None:
    job = logged(editor)
    _, following = lines(editor_client, job)
    JobLog.objects.create(job=job, attempt=2, text="again")
    page = editor_client.get(following).content.decode()
    assert page.count("── attempt 2 ──") == 1
    JobLog.objects.create(job=job, attempt=2, text="and on")
    following = re.search(r'hx-get="([^"]*)"', page)[1]  # type: ignore[index]
    assert "──" not in editor_client.get(following).content.decode()


def test_the_level_filters_and_stays_chosen(editor: Actor, editor_client: Client) -> None:
    job = logged(editor)
    page, following = lines(editor_client, job, "?level=warning")
    assert "two" in page and "three" in page and "one" not in page and "level=warning" in following
    assert "two" not in lines(editor_client, job, "?level=error")[0]
    assert "one" in lines(editor_client, job, "?level=nonsense&after=x")[0]


def test_a_finished_job_is_read_to_its_end_and_then_left_alone(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {"steps": 2})
    runner.run_job(job.pk)
    page, following = lines(editor_client, job)
    assert "step 1" in page and 'hx-trigger="load"' in page
    assert editor_client.get(following).content.decode().strip() == ""


def test_the_whole_log_is_downloaded_as_text(editor: Actor, editor_client: Client, stranger: Actor) -> None:
    job = logged(editor)
    response = editor_client.get(reverse("job-log-text", args=[job.pk]))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.count("\n") == 3 and "attempt 1 warning two" in text and "one <b>" in text
    assert "attachment" in response["Content-Disposition"]
    assert signed_in(stranger).get(reverse("job-log-text", args=[job.pk])).status_code == 404
    assert signed_in(stranger).get(reverse("job-log", args=[job.pk])).status_code == 404


def test_the_page_of_a_job_does_not_lose_the_log_when_its_state_is_fetched_again(
    editor: Actor, editor_client: Client
) -> None:
    job = logged(editor)
    url = reverse("job-detail", args=[job.pk])
    assert "data-log" in editor_client.get(url).content.decode()
    assert "data-log" not in editor_client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "data-log" in editor_client.get(reverse("run-logs", args=[make_run(editor).pk])).content.decode()


def test_new_lines_ring_for_those_who_follow(
    editor: Actor, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(bell, "ring", lambda group, payload: rung.append((group, payload)))
    job, _ = services.start(editor, "t-count", {})
    claim = leasing.claim_job(job.pk)
    assert claim is not None
    with django_capture_on_commit_callbacks(execute=True):
        DatabaseContext(*claim, NullRecorder()).log("hello")
    assert (f"job.{job.pk}", {"topic": job.uid, "log": True}) in rung


ODD: list[dict[str, Any]] = [
    {"gone": {"deep": [1, {"x": None}]}, "steps": "many", "name": ["a"]},
    {"learning_rate": {"key": "of_last_year", "config": {"a": 1}}, "probes": [{"key": "gone"}, "odd", {"no": 1}]},
    {"model": "small", "optimizer": None, "schedule": 7, "probes": "none", "adapter": {"rank": {"of": 3}}},
]


@pytest.mark.parametrize("config", ODD)
def test_a_config_of_another_time_is_shown_as_it_was_frozen(
    editor: Actor, editor_client: Client, config: dict[str, Any]
) -> None:
    run = make_run(editor)
    Job.objects.filter(pk=run.job_id).update(config=config)
    for url in (reverse("job-detail", args=[run.job_id]), reverse("run-config", args=[run.pk])):
        page = editor_client.get(url)
        assert page.status_code == 200 and next(iter(config)) in page.content.decode()
    assert editor_client.get(reverse("job-new", args=["train"]) + f"?from={run.job_id}").status_code == 200


def test_a_job_of_a_kind_that_is_gone_is_shown_and_fails_with_a_sentence(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {})
    Job.objects.filter(pk=job.pk).update(kind="of-last-year")
    assert editor_client.get(reverse("job-detail", args=[job.pk])).status_code == 200
    assert editor_client.get(reverse("jobs")).status_code == 200
    runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "unknown job kind" in job.message
