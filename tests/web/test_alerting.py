"""Rules while a run is recorded: alerts lie with their points, survive a kill once, and may pause the run."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from chimera.context import CheckpointNote, LeaseLost
from chimera.jobs.models import Job, JobEvent
from chimera.projects.access import Actor
from tests.web.run_factory import Clock, checkpoint_directory, make_run, next_attempt, recorder_of
from training_app.models import RunEvent, TrainingRun
from training_app.services import alert_rules as services

pytestmark = pytest.mark.django_db


def alerts_of(run: TrainingRun) -> list[tuple[str, str, int | None]]:
    return list(RunEvent.objects.filter(run=run, kind="alert").order_by("step").values_list("rule", "key", "step"))


def bumpy(step: int) -> dict[str, float]:
    """A quiet loss with a spike at 60 and NaN from 80 to 82."""
    loss = 3.0 + 0.01 * math.sin(step)
    return {"loss": 9.0 if step == 60 else math.nan if 80 <= step <= 82 else loss, "grad_norm": 1.0}


def test_spike_and_nan_become_events_of_the_run_with_level_key_value_and_step(editor: Actor) -> None:
    run = make_run(editor)
    recorder = recorder_of(run)
    for step in range(1, 101):
        recorder.write(step, step * 1000, bumpy(step))
    recorder.flush()
    assert alerts_of(run) == [("spike", "loss", 60), ("non_finite", "loss", 80)]
    spike, nan = RunEvent.objects.filter(kind="alert").order_by("step")
    assert (spike.level, spike.value, nan.level) == ("warn", 9.0, "error") and math.isnan(nan.value or 0)
    assert spike.message.startswith("Spike: loss: 9 is ")


@pytest.mark.parametrize("seed", range(4))
def test_kills_neither_lose_nor_double_an_alert(editor: Actor, tmp_path: Path, seed: int) -> None:
    run, rng, clock = make_run(editor), random.Random(seed), Clock()
    for attempt in range(4):
        recorder = recorder_of(run, clock)
        saved = recorder.resume()
        first = saved.step + 1 if saved else 1
        last = rng.randint(first, 100) if attempt < 3 else 100
        for step in range(first, last + 1):
            clock.tick(rng.choice([0.01, 0.1, 0.5]))
            recorder.write(step, step * 1000, bumpy(step))
            if rng.random() < 0.1:
                recorder.checkpoint(CheckpointNote(checkpoint_directory(tmp_path, step), step, step * 1000))
        if attempt < 3:
            next_attempt(run)
    recorder.flush()
    assert alerts_of(run) == [("spike", "loss", 60), ("non_finite", "loss", 80)]


def test_an_alert_later_than_the_resume_point_is_cut(editor: Actor, tmp_path: Path) -> None:
    run = make_run(editor)
    recorder = recorder_of(run)
    for step in range(1, 71):
        recorder.write(step, step * 1000, bumpy(step))
        if step == 50:
            recorder.checkpoint(CheckpointNote(checkpoint_directory(tmp_path, 50), 50, 50_000))
    recorder.flush()
    assert alerts_of(run) == [("spike", "loss", 60)]
    next_attempt(run)
    recorder_of(run).resume()
    assert alerts_of(run) == []


def test_a_worker_that_lost_its_job_raises_no_alert(editor: Actor) -> None:
    run = make_run(editor)
    recorder = recorder_of(run)
    recorder.write(1, 1000, {"loss": 1.0})
    next_attempt(run)
    recorder.write(2, 2000, {"loss": math.nan})
    with pytest.raises(LeaseLost):
        recorder.flush()
    assert alerts_of(run) == []


def test_a_rule_that_stops_asks_the_run_to_pause(editor: Actor) -> None:
    rule = {"key": "threshold", "config": {"metric": "loss", "value": 5.0}}
    services.add_rule(editor, {"name": "Too high", "rule": rule, "action": "stop", "level": "error"})
    run = make_run(editor)
    recorder = recorder_of(run)
    recorder.write(1, 1000, {"loss": 4.0})
    recorder.flush()
    assert Job.objects.get(pk=run.job_id).control == "none"
    recorder.write(2, 2000, {"loss": 6.0})
    recorder.flush()
    assert Job.objects.get(pk=run.job_id).control == "pause"
    assert "pause asked by the rule Too high" in JobEvent.objects.get(job=run.job_id).message


def test_a_rule_added_while_the_run_is_under_way_holds_and_others_keep_their_state(editor: Actor) -> None:
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    for step in range(1, 60):
        recorder.write(step, step * 1000, bumpy(step))
    recorder.flush()
    services.add_rule(
        editor, {"name": "High", "rule": {"key": "threshold", "config": {"value": 2.0}}, "cooldown": 10**6}
    )
    recorder.write(59, 59_000, {"other": 1.0})
    recorder.flush()
    recorder.write(60, 60_000, bumpy(60))
    recorder.flush()
    assert {rule for rule, _, step in alerts_of(run) if step == 60} >= {"spike"}
    assert len(alerts_of(run)) == 2


def test_a_rule_that_cannot_be_read_any_more_stops_no_run(editor: Actor, caplog: Any) -> None:
    from training_app.models import AlertRule

    AlertRule.objects.create(project=editor.project, config={"name": "x", "rule": {"key": "gone"}})
    run = make_run(editor)
    recorder = recorder_of(run)
    recorder.write(1, 1000, {"loss": math.nan})
    recorder.flush()
    assert alerts_of(run) == [("non_finite", "loss", 1)] and "is left out" in caplog.text
