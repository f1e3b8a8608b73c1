"""A study whose arm is scored on the average of its last checkpoints: real jobs, a tiny model."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from eval_app.models import Study
from tests.factories import make_sequences
from training_app.core.configs import TINY
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors.checkpoints import last_kept

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch]


def config_of(actor: Actor, last: int) -> dict[str, Any]:
    """Two arms of one shuffle: the last checkpoint, and the mean of the last `last`; 8 steps a run."""
    sequences = make_sequences(actor)
    length = sequences.manifest["sequence_length"]
    average = {"last": last, "weights": {"key": "uniform"}}
    return {
        "sequences": sequences.uid, "budget_tokens": 32 * length, "baseline": "last", "seeds": [3],
        "arms": [{"name": "last", "policy": {"key": "shuffle"}},
                 {"name": "mean", "policy": {"key": "shuffle"}, "average": average}],
        "train": {"model": TINY.as_json(), "batch_sequences": 4, "probes": [], "keep_every_steps": 3,
                  "learning_rate": {"key": "constant", "config": {"peak": 1e-2}}},
    }  # fmt: skip


def worked_off(actor: Actor, config: dict[str, Any]) -> Study:
    job, _ = services.start(actor, "study", config)
    while run_next("cpu"):
        pass
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    return Study.objects.get(job=job)


def test_the_verdict_rests_on_the_average_of_the_run_that_both_arms_share(editor: Actor, editor_client: Client) -> None:
    config = config_of(editor, last=3)
    study = worked_off(editor, config)
    assert sorted(study.job.children.values_list("slot", flat=True)) == [
        "average/mean/3",
        "schedule/last/3",
        "train/last/3",
    ]
    run, average = TrainingRun.objects.get(), Job.objects.get(kind="average")
    mean = Checkpoint.objects.get(pk=average.artifacts["checkpoint"].rpartition("-")[2])
    assert len(mean.manifest["averaged"]) == 3
    assert study.verdict is not None
    [comparison] = study.verdict["comparisons"]
    assert comparison["compares"] == "averaging"
    pair = comparison["seeds"][0]
    assert pair["baseline"] == pytest.approx(run.summary["held_out_macro"])
    assert pair["arm"] == pytest.approx(mean.manifest["summary"]["held_out_macro"]) != pair["baseline"]

    page = " ".join(editor_client.get(reverse("study-detail", args=[study.pk])).content.decode().split())
    assert "last 3 checkpoints averaged: Uniform" in page and "the runs of last" in page
    assert f"last alone {pair['baseline']:.4f}" in page
    text = editor_client.get(reverse("study-report", args=[study.pk])).content.decode()
    assert "| mean | Shuffled; last 3 checkpoints averaged: Uniform; the runs of last |" in text

    again = worked_off(editor, config)  # equal runs, equal checkpoints: there are no new rows to find them by
    assert again.verdict is not None and again.verdict["comparisons"][0]["seeds"] == [pair]
    second = TrainingRun.objects.latest("pk")
    assert second != run and [row.pk for row in last_kept(second)] == [row.pk for row in last_kept(run)]


def test_an_average_of_more_than_a_run_keeps_is_refused_at_its_field(editor: Actor) -> None:
    with pytest.raises(InputError) as error:
        services.start(editor, "study", config_of(editor, last=4))
    [problem] = error.value.problems
    assert (problem.field, problem.message) == (
        "arms.1.average.last",
        "a run of arm 'mean' keeps 3 checkpoints, not 4",
    )
