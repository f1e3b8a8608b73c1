"""A plan that is edited while its run is under way: the past stays, the future follows, and a kill changes nothing."""

import numpy as np
import pytest

from chimera.context import Amendment, Paused
from curriculum_app.core.plan_edit import PlanEdit, edited
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import Schedule
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core.engine import prepare, train
from training_app.core.jobs import train as train_job

pytestmark = pytest.mark.torch
SHUFFLE = {"key": "shuffle", "config": {}}


def edit_of(ctx, schedule, table, first_row, key="shuffle", seed=7):
    edit = PlanEdit(schedule, table, first_row, POLICIES.build(key), {"key": key, "config": {}}, seed)
    return edited(edit, ctx.store)


@pytest.fixture
def made(tmp_path):
    return make_context(tmp_path)


def test_an_edit_keeps_the_past_and_the_multiset(made):
    ctx, table, schedule = made
    new = Schedule.open(edit_of(ctx, schedule, table, 20))
    assert np.array_equal(new.rows[:20], schedule.rows[:20]) and not np.array_equal(new.rows, schedule.rows)
    assert new.multiset_digest == schedule.multiset_digest
    assert new.manifest["facts"]["edit"] == {"of": schedule.digest, "first_row": 20}


@pytest.mark.parametrize("key", ["shuffle", "easy_to_hard", "fixed_mixture"])
def test_the_joined_curve_is_what_was_shown_and_then_what_is_planned(made, key):
    ctx, table, schedule = made
    new = Schedule.open(edit_of(ctx, schedule, table, 24, key))
    seen = int(new.rows["length"][:24].sum())
    shown = table.grouping(new.grouping_name).dense(new.rows["sequence"][:24]).sum(axis=0)
    assert new.curve.cumulative(float(seen)) == pytest.approx(shown, rel=0.05, abs=0.05 * seen)
    assert new.curve.at(np.array([1.0, seen, new.num_tokens])).sum(axis=1) == pytest.approx([1, 1, 1])


def test_a_run_follows_an_edit_and_is_proven_against_it(made):
    ctx, table, schedule = made
    stored = edit_of(ctx, schedule, table, 32)
    ctx.when, asked = lambda step: False, Amendment(1, stored, 32)
    ctx.recorder.amendments = lambda: [asked] if len(ctx.recorder.points) >= 6 else []
    result = train_job.run(make_config(), ctx)
    assert ctx.recorder.answers == {1: ""}
    assert result.summary.delivered_digest == result.summary.planned_digest == Schedule.open(stored).order_digest
    assert result.summary.delivered_digest != schedule.order_digest


def test_an_edit_that_comes_too_late_changes_nothing(made):
    ctx, table, schedule = made
    asked = Amendment(1, edit_of(ctx, schedule, table, 16), 16)
    ctx.recorder.amendments = lambda: [asked] if len(ctx.recorder.points) >= 5 else []
    result = train_job.run(make_config(), ctx)
    assert "too late: it begins at row 16, and 20 rows had been shown" in ctx.recorder.answers[1]
    assert result.summary.delivered_digest == schedule.order_digest


def test_a_plan_with_another_past_is_refused(made):
    ctx, table, schedule = made
    other = Schedule.open(edit_of(ctx, schedule, table, 0))
    ctx.recorder.asked = []
    asked = Amendment(3, other.stored, 40)
    ctx.recorder.amendments = lambda: [asked] if len(ctx.recorder.points) >= 5 else []
    result = train_job.run(make_config(), ctx)
    assert "does not begin as the one that the run follows" in ctx.recorder.answers[3]
    assert result.summary.delivered_digest == schedule.order_digest


def test_a_run_that_is_stopped_after_an_edit_goes_on_with_it(tmp_path):
    points = []
    for name, stops in (("whole", ()), ("stopped", (8, 11))):
        ctx, table, schedule = make_context(tmp_path / name)
        asked = Amendment(1, edit_of(ctx, schedule, table, 32), 32)
        ctx.recorder.amendments = lambda ctx=ctx, asked=asked: [asked] if len(ctx.recorder.points) >= 6 else []
        ctx.wish = "pause"
        for stop in stops:
            ctx.when = lambda step, stop=stop: step == stop
            with pytest.raises(Paused):
                train(prepare(make_config(), schedule, table), ctx)
        ctx.when = lambda step: False
        train(prepare(make_config(), schedule, table), ctx)
        points.append(without_clock(ctx.recorder.points))
    assert points[0] == points[1]
