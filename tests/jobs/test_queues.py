"""The queue of a job follows its config and what workers there are; a waiting job can be moved by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from chimera.errors import InputError
from chimera.jobs import leasing, services
from chimera.jobs.kinds import get_kind
from chimera.jobs.models import Job, JobEvent, Worker
from chimera.jobs.queues import known_queues, queue_for
from chimera.projects.access import Actor

pytestmark = pytest.mark.django_db


class Wanting:
    """A config that asks for a device."""

    def __init__(self, device: str) -> None:
        self.device = device


def gpu_worker() -> None:
    Worker.objects.create(name="gpu@h", host="h", queues="gpu", seen_at=timezone.now(), accelerator="NVIDIA X")


def test_cuda_waits_for_a_gpu_and_auto_takes_one_that_is_there() -> None:
    kind = get_kind("train")
    assert [queue_for(kind, Wanting(device)) for device in ("cuda", "auto", "cpu")] == ["gpu", "cpu", "cpu"]
    gpu_worker()
    assert [queue_for(kind, Wanting(device)) for device in ("cuda", "auto", "cpu")] == ["gpu", "gpu", "cpu"]
    assert queue_for(get_kind("import"), get_kind("import").config.model_construct()) == "cpu"


def test_what_is_quick_goes_past_training_where_a_worker_takes_it() -> None:
    dry_run = get_kind("dry-run")
    config = dry_run.config.model_construct()
    assert queue_for(dry_run, config) == "cpu" and "quick" not in known_queues()
    Worker.objects.create(name="quick@h", host="h", queues="quick", seen_at=timezone.now())
    assert queue_for(dry_run, config) == "quick" and "quick" in known_queues()
    assert queue_for(get_kind("train"), Wanting("cpu")) == "cpu"


def test_a_job_that_waits_is_moved_with_a_line_and_a_message(
    editor: Actor, quiet: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    job, _ = services.start(editor, "t-count", {})
    quiet.clear()
    with django_capture_on_commit_callbacks(execute=True):
        job = services.set_queue(editor, job, "gpu")
    assert job.queue == "gpu" and quiet == ["gpu"]
    assert "from the queue cpu to gpu" in JobEvent.objects.filter(job=job).latest("pk").message
    assert leasing.claim("cpu") is None and leasing.claim("gpu") is not None


def test_children_of_a_composite_move_with_it(editor: Actor) -> None:
    job, _ = services.start(editor, "t-pairs", {"pairs": 3})
    services.set_queue(editor, job, "gpu")
    assert set(job.children.values_list("queue", flat=True)) == {"gpu"}


def test_what_runs_or_cannot_run_there_is_not_moved(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    with pytest.raises(InputError, match="there is no queue"):
        services.set_queue(editor, job, "tpu")
    Job.objects.filter(pk=job.pk).update(config={"device": "cuda"}, queue="gpu")
    with pytest.raises(InputError, match="asks for device cuda"):
        services.set_queue(editor, job, "cpu")
    leasing.claim_job(job.pk)
    with pytest.raises(InputError, match="only what waits"):
        services.set_queue(editor, job, "cpu")
