"""A study run again by real jobs: trained anew, equal in every bit."""

from __future__ import annotations

from typing import Any

import pytest

from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from eval_app.core.reproduction import Reproduced
from eval_app.models import Reproduction, Study
from eval_app.selectors.studies import study_config
from eval_app.selectors.study_runs import study_runs
from tests.factories import make_sequences
from training_app.core.configs import TINY
from training_app.models import MetricRow, TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch, pytest.mark.timeout(120)]


def config_of(actor: Actor) -> dict[str, Any]:
    """Two orders and an average of one of them, one seed, 4 steps a run."""
    sequences = make_sequences(actor)
    average = {"last": 2, "weights": {"key": "uniform"}}
    return {
        "sequences": sequences.uid, "budget_tokens": 16 * sequences.manifest["sequence_length"], "seeds": [1],
        "baseline": "shuffled",
        "arms": [{"name": "shuffled", "policy": {"key": "shuffle"}},
                 {"name": "easy", "policy": {"key": "easy_to_hard"}},
                 {"name": "mean", "policy": {"key": "shuffle"}, "average": average}],
        "train": {"model": TINY.as_json(), "batch_sequences": 4, "probes": [], "keep_every_steps": 2,
                  "evaluate_every": 2, "learning_rate": {"key": "constant", "config": {"peak": 1e-2}}},
    }  # fmt: skip


def worked_off(actor: Actor, kind: str, config: dict[str, Any]) -> Job:
    job, _ = services.start(actor, kind, config)
    while run_next("cpu"):
        pass
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    return job


def test_a_study_that_is_run_again_is_trained_again_and_is_equal_bit_for_bit(editor: Actor) -> None:
    first = Study.objects.get(job=worked_off(editor, "study", config_of(editor)))
    job = worked_off(editor, "reproduce", {"study": first.uid})
    second = Study.objects.get(job__parent=job)
    assert job.artifacts == {"study": second.uid} and job.summary["word"] == "equal"
    result = Reproduced.model_validate(Reproduction.objects.get(job=job).result)
    assert result.word == "equal", result.sentence
    assert result.same_verdict and result.explanations == []
    assert [run.name for run in result.runs if run.points == 0] == ["mean · seed 1, averaged"]
    assert all(set(run.digests.values()) == {True} for run in result.runs)

    before, after = (study_runs(study, study_config(study)) for study in (first, second))
    assert len(before) == len(after) == 2 and TrainingRun.objects.count() == 4
    for old, new in zip(before, after, strict=True):
        assert new.schedule == old.schedule, "an equal schedule is found in the store"
        assert new.run.pk != old.run.pk and new.run.job_id != old.run.job_id
        assert MetricRow.objects.filter(run=new.run).exists() and new.summary["seconds"] > 0, "trained again"
        assert new.circumstances["torch"] and new.circumstances["python"]
