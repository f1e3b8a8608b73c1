"""Starting and controlling jobs: idempotency, roles, refusals, priority."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from chimera.errors import InputError
from chimera.jobs import leasing, selectors, services
from chimera.jobs.models import Job
from chimera.projects.access import Actor

pytestmark = pytest.mark.django_db


def test_the_same_key_gives_the_same_job(
    editor: Actor, quiet: list[str], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        first, created = services.start(editor, "t-count", {"steps": 2}, key="k1")
        again, created_again = services.start(editor, "t-count", {"steps": 2}, key="k1")
    assert (created, created_again, again.pk) == (True, False, first.pk) and Job.objects.count() == 1
    assert quiet == ["cpu"], "one message"


def test_a_key_of_another_job_is_refused_and_names_that_job(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {"steps": 2}, key="k1")
    with pytest.raises(InputError, match=f"has started {job.uid} with another config"):
        services.start(editor, "t-count", {"steps": 3}, key="k1")


def test_keys_belong_to_a_project(editor: Actor, stranger: Actor) -> None:
    services.start(editor, "t-count", {}, key="k1")
    assert services.start(stranger, "t-count", {}, key="k1")[1]


def test_without_a_key_every_start_is_a_job(editor: Actor) -> None:
    assert services.start(editor, "t-count", {})[0].pk != services.start(editor, "t-count", {})[0].pk


def test_a_wrong_config_makes_no_job(editor: Actor) -> None:
    with pytest.raises(InputError) as caught:
        services.start(editor, "t-count", {"steps": 0, "stps": 1})
    assert [problem.field for problem in caught.value.problems] == ["steps", "stps"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
def test_a_viewer_may_do_nothing(editor: Actor, viewer: Actor, verb: str) -> None:
    job, _ = services.start(editor, "t-count", {})
    with pytest.raises(PermissionDenied):
        services.VERBS[verb](viewer, job)
    with pytest.raises(PermissionDenied):
        services.start(viewer, "t-count", {})


def test_jobs_of_another_project_do_not_exist(editor: Actor, stranger: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    with pytest.raises(Http404):
        selectors.job_get(stranger, job.pk)


@pytest.mark.parametrize(
    ("state", "verb"), [("succeeded", "pause"), ("queued", "resume"), ("failed", "cancel"), ("running", "retry")]
)
def test_a_verb_that_does_not_fit_is_refused_with_the_state(editor: Actor, state: str, verb: str) -> None:
    job, _ = services.start(editor, "t-count", {})
    Job.objects.filter(pk=job.pk).update(state=state)
    with pytest.raises(InputError, match=f"{job.uid} is {state}"):
        services.VERBS[verb](editor, job)
    assert verb not in services.verbs_for(Job.objects.get(pk=job.pk))


def test_a_pause_that_has_not_happened_yet_can_be_withdrawn(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    leasing.claim_job(job.pk)
    assert services.pause(editor, job).control == "pause"
    assert services.verbs_for(Job.objects.get(pk=job.pk)) == ["resume", "cancel"]
    assert services.resume(editor, job).control == "none"


def test_retry_gives_fresh_attempts_and_clears_the_error(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    Job.objects.filter(pk=job.pk).update(state="failed", attempt=3, error_text="x", problems=[{}], message="x")
    job = services.retry(editor, job)
    assert (job.state, job.max_attempts, job.error_text, job.problems, job.message) == ("queued", 6, "", [], "")


def test_how_many_jobs_a_worker_takes_before(editor: Actor) -> None:
    first, second = (services.start(editor, "t-count", {})[0] for _ in range(2))
    assert (selectors.ahead_in_queue(first), selectors.ahead_in_queue(second)) == (0, 1)
    second = services.set_priority(editor, second, 1)
    assert (selectors.ahead_in_queue(first), selectors.ahead_in_queue(second)) == (1, 0)
