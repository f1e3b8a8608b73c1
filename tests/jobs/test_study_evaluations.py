"""A study whose arms are evaluated on a common held-out text, one of them another's sequences shuffled: real jobs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from eval_app.models import EvalReport, Study
from tests.factories import make_sequences
from training_app.core.configs import TINY
from training_app.models import TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch]


def test_arms_are_scored_on_the_common_text_and_a_control_shows_the_same_multiset(
    editor: Actor, editor_client: Client
) -> None:
    sequences = make_sequences(editor)
    length = sequences.manifest["sequence_length"]
    config: dict[str, Any] = {
        "sequences": sequences.uid, "budget_tokens": 32 * length, "baseline": "shuffled", "seeds": [3],
        "arms": [{"name": "shuffled", "policy": {"key": "shuffle"}},
                 {"name": "best", "policy": {"key": "selective_repetition"}}],
        "train": {"model": TINY.as_json(), "batch_sequences": 8, "probes": []},
        "held_out": sequences.uid, "order_control": True,
    }  # fmt: skip
    job, _ = services.start(editor, "study", config)
    while run_next("cpu"):
        pass
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    shown = {run.group: run.summary["multiset_digest"] for run in TrainingRun.objects.all()}
    orders = {run.group: run.summary["delivered_digest"] for run in TrainingRun.objects.all()}
    assert shown["best"] == shown["best shuffled"] != shown["shuffled"] and len(set(orders.values())) == 3
    assert Job.objects.filter(kind="evaluate").count() == EvalReport.objects.count() == 3

    study = Study.objects.get(job=job)
    assert study.verdict is not None
    best = next(each for each in study.verdict["comparisons"] if each["arm"] == "best")
    report = EvalReport.objects.get(checkpoint__run__group="best")
    assert best["compares"] == "selection + order"
    assert best["seeds"][0]["arm"] == pytest.approx(report.scores["held_out/macro"])

    page = editor_client.get(reverse("study-detail", args=[study.pk])).content.decode()
    assert "Arm by arm" in page and reverse("study-within", args=[study.pk, 0]) in page
    within = editor_client.get(reverse("study-within", args=[study.pk, 0])).content.decode()
    assert "seed 3" in within and "no items" in within
