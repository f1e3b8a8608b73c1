"""The pages of jobs: the list, one job, its form, its buttons, and who may do what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chimera.jobs import leasing, runner, services
from chimera.jobs.models import Job, State, Worker
from chimera.projects.access import Actor
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def text_of(client: Client, url: str, **headers: str) -> str:
    response = client.get(url, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def form_values(page: str) -> dict[str, str]:
    """Names and values of the inputs of the job form."""
    form = page[page.index('id="job-form"') :]
    inputs = re.findall(r"<input[^>]*>", form)
    named = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in inputs]
    return {name[1]: value[1] if value else "" for name, value in named if name}


def test_two_clicks_on_start_give_one_job(editor_client: Client) -> None:
    url = reverse("job-new", args=["t-count"])
    values = form_values(text_of(editor_client, url)) | {"end": "well"}
    first = editor_client.post(url, values)
    again = editor_client.post(url, values)
    job = Job.objects.get()
    assert first.status_code == again.status_code == 302
    assert first["Location"] == again["Location"] == reverse("job-detail", args=[job.pk])


def test_an_impossible_value_comes_back_at_its_field_and_starts_nothing(editor_client: Client) -> None:
    url = reverse("job-new", args=["t-count"])
    values = form_values(text_of(editor_client, url)) | {"end": "well", "steps": "0"}
    response = editor_client.post(url, values)
    page = response.content.decode()
    assert response.status_code == 422 and "Input should be greater than or equal to 1" in page
    assert values["idempotency_key"] in page and not Job.objects.exists()


def test_a_form_can_start_from_the_config_of_another_job_and_from_the_query(
    editor: Actor, editor_client: Client
) -> None:
    job, _ = services.start(editor, "t-count", {"steps": 7, "name": "seven"})
    page = text_of(editor_client, reverse("job-new", args=["t-count"]) + f"?from={job.pk}&name=eight")
    assert form_values(page) | {"steps": "7", "name": "eight"} == form_values(page)


def test_every_listed_kind_has_a_form_that_opens(editor_client: Client) -> None:
    page = text_of(editor_client, reverse("jobs"))
    urls = set(re.findall(r'href="(/jobs/new/[^"]*)"', page))
    assert reverse("job-new", args=["t-count"]) in urls and len(urls) > 5
    for url in urls:
        assert "job-form" in text_of(editor_client, url)


def test_the_page_of_a_job_shows_config_log_history_and_command(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {"steps": 2})
    runner.run_job(job.pk, "w9")
    page = text_of(editor_client, reverse("job-detail", args=[job.pk]))
    for shown in (
        "succeeded",
        "step 0",
        "claimed by w9",
        "number-2",
        "chimera run t-count --config -",
        "Frozen config",
    ):
        assert shown in page, shown


def test_problems_of_a_failed_job_are_on_its_page_with_a_retry(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {"end": "input"})
    runner.run_job(job.pk)
    page = text_of(editor_client, reverse("job-detail", args=[job.pk]))
    assert "steps are odd" in page and "take an even number" in page and ">Retry<" in page
    assert editor_client.post(reverse("job-control", args=[job.pk, "retry"])).status_code == 302
    assert Job.objects.get().state == "queued"


def test_a_composite_shows_its_children(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-pairs", {})
    page = text_of(editor_client, reverse("job-detail", args=[job.pk]))
    assert "first/0" in page and "first/1" in page
    listed = text_of(editor_client, reverse("jobs"))
    assert f">{job.uid}<" in listed and "first/0" not in listed


def test_the_list_says_that_no_worker_is_there_and_who_is(editor: Actor, editor_client: Client) -> None:
    services.start(editor, "t-count", {})
    assert "no live worker takes from it" in text_of(editor_client, reverse("jobs"))
    Worker.objects.create(name="w@h", host="h", queues="cpu", seen_at=timezone.now(), accelerator="NVIDIA X")
    page = text_of(editor_client, reverse("jobs"))
    assert "no live worker" not in page and "NVIDIA X" in page


@pytest.mark.parametrize("name", ["list", "detail", "new"])
def test_htmx_gets_the_part_and_a_browser_the_page(editor: Actor, editor_client: Client, name: str) -> None:
    job, _ = services.start(editor, "t-count", {})
    urls = {
        "list": reverse("jobs"),
        "detail": reverse("job-detail", args=[job.pk]),
        "new": reverse("job-new", args=["t-count"]),
    }
    assert "<html" in text_of(editor_client, urls[name])
    assert "<html" not in text_of(editor_client, urls[name], **HTMX)


def test_a_button_answers_htmx_with_the_changed_job(editor: Actor, editor_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {})
    leasing.claim_job(job.pk)
    response = editor_client.post(reverse("job-control", args=[job.pk, "pause"]), headers=HTMX)
    assert "pausing" in response.content.decode() and ">Resume<" in response.content.decode()
    refused = editor_client.post(reverse("job-control", args=[job.pk, "retry"]), headers=HTMX).content.decode()
    assert "only a failed or cancelled job can be retried" in refused


def test_a_list_costs_the_same_queries_for_one_job_and_for_forty(
    editor: Actor, editor_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        services.start(editor, "t-count", {"name": f"job {number}"})
    with django_assert_max_num_queries(14):
        text_of(editor_client, reverse("jobs"))


def all_pages(job: Job) -> list[str]:
    return [reverse("jobs"), reverse("job-detail", args=[job.pk]), reverse("job-new", args=["t-count"])]


def all_posts(job: Job) -> list[str]:
    verbs = [reverse("job-control", args=[job.pk, verb]) for verb in services.VERBS]
    return [*verbs, reverse("job-priority", args=[job.pk]), reverse("job-new", args=["t-count"])]


def test_an_anonymous_visitor_is_sent_to_the_login(editor: Actor, client: Client) -> None:
    job, _ = services.start(editor, "t-count", {})
    for url in all_pages(job):
        assert client.get(url)["Location"] == f"{reverse('login')}?next={url}"
    for url in all_posts(job):
        assert client.post(url)["Location"].startswith(reverse("login"))
    assert Job.objects.get().state == "queued"


def test_a_viewer_sees_jobs_without_buttons_and_changes_nothing(editor: Actor, viewer_client: Client) -> None:
    job, _ = services.start(editor, "t-count", {})
    page = text_of(viewer_client, reverse("job-detail", args=[job.pk]))
    assert ">Pause<" not in page and "Start one like it" not in page
    assert viewer_client.get(reverse("job-new", args=["t-count"])).status_code == 403
    for url in all_posts(job):
        assert viewer_client.post(url, {"end": "well"}).status_code == 403
    assert Job.objects.get().state == "queued"


def test_a_member_of_another_project_meets_nothing(editor: Actor, stranger: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    client = signed_in(stranger)
    assert job.uid not in text_of(client, reverse("jobs"))
    assert client.get(reverse("job-detail", args=[job.pk])).status_code == 404
    for url in all_posts(job)[:-1]:
        assert client.post(url).status_code == 404
    assert Job.objects.get().state == "queued"


def test_a_user_without_a_project_is_told_so(editor: Actor) -> None:
    editor.user.memberships.all().delete()
    response = signed_in(editor).get(reverse("jobs"))
    assert response.status_code == 403 and "No project yet" in response.content.decode()


@pytest.mark.parametrize("model", ["job", "jobevent", "joblog", "worker"])
def test_the_admin_shows_jobs_read_only(editor: Actor, admin_client: Client, model: str) -> None:
    services.start(editor, "t-count", {})
    assert admin_client.get(reverse(f"admin:jobs_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:jobs_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", ["project", "membership", "apitoken"])
def test_the_admin_shows_projects(editor: Actor, admin_client: Client, model: str) -> None:
    assert admin_client.get(reverse(f"admin:projects_{model}_changelist")).status_code == 200


def test_progress_tells_rate_and_time_left(editor_client, editor):
    job = Job.objects.create(
        project=editor.project, kind="curate", name="clean", state=State.RUNNING, done=500, total=2000,
        unit="documents", message="filtering", rate=12.5, lease_owner="token", config={},
    )  # fmt: skip
    page = editor_client.get(reverse("job-detail", args=[job.pk])).content.decode()
    assert "12.5 a second · about 2 min left" in page
