"""Real runs whose order is decided while they go on: fed, journalled, killed, resumed, forked, proven."""

import json

import numpy as np
import pytest

from chimera.artefacts import MANIFEST, file_facts, write_json
from chimera.errors import InputError
from curriculum_app.core.adaptive.contract import State
from curriculum_app.core.adaptive.journal import JournalMismatch, entries_of
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.jobs import schedule as schedule_job
from curriculum_app.core.schedule import Schedule
from tests.core.curriculum.choosers import SHAPES, registered
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core import engine
from training_app.core.checkpoint import Checkpoint
from training_app.core.chosen import ChosenBatches
from training_app.core.jobs import train
from training_app.core.order import DeliveryMismatch
from training_app.core.resume_point import FOLDER

pytestmark = pytest.mark.torch
STEPS = 16


def context(root, key="dihcl", **config):
    """`schedule-2` is of an adaptive policy: 16 steps of four rows."""
    ctx, _, _ = make_context(root)
    policy = {"key": key, "config": config}
    asked = {"name": "a", "sequences": "sequences-1", "policy": policy, "budget_tokens": 32 * 4 * STEPS}
    ctx.artefacts["schedule-2"] = Schedule.open(schedule_job.run(ScheduleConfig.model_validate(asked), ctx).stored)
    return ctx


def config(**changes):
    return make_config(schedule="schedule-2", probes=[], **{"evaluate_every": 8, **changes})


def interrupt(ctx, when):
    """Die in step `when`, after its points are written."""
    write = ctx.recorder.write

    def dying(step, tokens, values):
        write(step, tokens, values)
        if step == when:
            raise KeyboardInterrupt

    ctx.recorder.write = dying
    return lambda: setattr(ctx.recorder, "write", write)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    ctx = context(tmp_path_factory.mktemp("whole"))
    result = train.run(config(keep_every_steps=6, keep_moments=True), ctx)
    return ctx, result


def test_what_was_delivered_is_the_journal_and_follows_from_its_feedback(whole):
    ctx, result = whole
    path, summary = result.stored.path, result.summary
    journal = list(entries_of(State.read(path, "journal")))
    assert np.array_equal(np.load(path / "delivered.npy"), np.concatenate([e.decision.rows for e in journal]))
    assert np.array_equal(np.load(path / "row_losses.npy"), np.concatenate([e.feedback.losses for e in journal]))
    assert summary.planned_digest == summary.delivered_digest and summary.planned_digest
    assert [place for place, e in enumerate(journal) if e.feedback.held_out] == [7, 15]
    assert journal[15].feedback.held_out == summary.held_out
    first = [e for e in ctx.recorder.events if e[0] == "episode"]
    assert first[0] == ("episode", "episode 1: 16 of 16 candidates, a full pass", 1) and len(first) == 6
    assert [step for step, _, values in ctx.recorder.points if "curriculum/gini" in values] == list(range(1, 17))
    assert {"curriculum/temperature", "curriculum/share"} <= ctx.recorder.points[0][2].keys()
    assert not any(key.startswith("mixture/planned") for key in ctx.recorder.points[0][2])


def test_a_killed_run_ends_with_the_same_journal_weights_and_points(whole, tmp_path):
    ctx = context(tmp_path)
    asked = config(keep_every_steps=6, keep_moments=True, checkpoint_every_steps=4)
    for when in (7, 14):
        restore = interrupt(ctx, when)
        with pytest.raises(KeyboardInterrupt):
            train.run(asked, ctx)
        restore()
    result = train.run(asked, ctx)
    one, other = (Checkpoint.open(found.stored) for found in (result, whole[1]))
    assert (
        one.weights_digest == other.weights_digest and result.summary.planned_digest == whole[1].summary.planned_digest
    )
    for name in ("journal", "chooser"):
        left, right = State.read(one.path, name), State.read(other.path, name)
        assert left.facts == right.facts and left.arrays.keys() == right.arrays.keys()
        assert all(np.array_equal(a, right.arrays[k], equal_nan=a.dtype.kind == "f") for k, a in left.arrays.items())
    assert without_clock(ctx.recorder.points) == without_clock(whole[0].recorder.points)


def test_a_fork_goes_on_as_its_parent_did_and_from_nowhere_else(whole):
    ctx, result = whole
    points, ctx.recorder.points, ctx.recorder.last = ctx.recorder.points, [], None
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(ctx.recorder.kept[6])
    fork = {"base": "checkpoint-1", "carry_moments": True, "keep_moments": True, "evaluate_every": 10}
    with pytest.raises(InputError, match="go on where a base") as error:
        train.run(config(**fork, first_row=20), ctx)
    assert error.value.problems[0].hint == "24 goes on where the base stood, 0 begins anew"
    found = train.run(config(**fork, first_row=24), ctx)
    assert Checkpoint.open(found.stored).weights_digest == Checkpoint.open(result.stored).weights_digest
    assert len(State.read(found.stored.path, "journal").arrays["counts"]) == STEPS
    assert len(np.load(found.stored.path / "delivered.npy")) == 40 and found.stored.manifest["next_row"] == 64
    anew = engine.prepare(config(base="checkpoint-1"), ctx.artefacts["schedule-2"], ctx.artefacts["sequences-1"],
                          ctx.artefacts["checkpoint-1"])  # fmt: skip
    assert len(anew.batches) == STEPS and len(anew.batches.seen) == 0
    ctx.recorder.points, ctx.recorder.last = points, None


def test_one_swapped_batch_turns_the_run_red(tmp_path, monkeypatch):
    class Swapping(ChosenBatches):
        def __getitem__(self, index):
            right = super().__getitem__(index)
            return super().__getitem__(3) if index == 5 else right

    ctx = context(tmp_path)
    monkeypatch.setattr(engine, "ChosenBatches", Swapping)
    with pytest.raises(DeliveryMismatch, match="4 of 64 rows were not delivered as planned; first at row 20"):
        train.run(config(), ctx)
    assert not (ctx.store.root / "checkpoint").exists()


@pytest.mark.parametrize("what", ["rows", "losses"])
def test_a_journal_tampered_with_between_two_attempts_turns_the_run_red(what, tmp_path):
    ctx = context(tmp_path)
    asked = config(checkpoint_every_steps=6)
    restore = interrupt(ctx, 8)
    with pytest.raises(KeyboardInterrupt):
        train.run(asked, ctx)
    restore()
    point = ctx.scratch / FOLDER / "step-000000006"
    state, delivered = State.read(point, "journal"), np.load(point / "delivered.npy")
    array = state.arrays[what].copy()
    array[[1, 9]] = array[[9, 1]]
    State({**state.arrays, what: array}, state.facts).save(point, "journal")
    if what == "rows":  # by somebody who thinks of the delivery as well
        delivered[[1, 9]] = delivered[[9, 1]]
        np.save(point / "delivered.npy", delivered)
    manifest = json.loads((point / MANIFEST).read_text())
    write_json(point / MANIFEST, {name: file_facts(point / name) for name in manifest})
    with pytest.raises(JournalMismatch, match="does not follow from the feedback"):
        train.run(asked, ctx)


def test_a_policy_that_stops_ends_its_run_before_the_budget(tmp_path):
    with registered(SHAPES["bandit"]):
        ctx = context(tmp_path, "small", exhausted="stop")
        result = train.run(config(evaluate_every=0), ctx)
    assert 1 < result.summary.steps < STEPS and result.summary.tokens == 32 * len(
        np.load(result.stored.path / "delivered.npy")
    )
    assert "held_out/macro" in ctx.recorder.points[-1][2] and ctx.recorder.events[-1][0] == "exhausted"


def test_weights_and_scalars_reach_the_objective(tmp_path):
    with registered(SHAPES["epsilon"]):
        ctx = context(tmp_path, "small")
        run = engine.prepare(config(), ctx.artefacts["schedule-2"], ctx.artefacts["sequences-1"])
        batch = run.batches[0]
        assert batch.scalars == {"epsilon": 0.0} and batch.take([1]).scalars == batch.scalars
        assert run.batches[0].rows.tolist() == batch.rows.tolist() and len(run.batches.journal) == 1


def test_several_processes_are_refused(tmp_path):
    ctx = context(tmp_path)
    with pytest.raises(InputError, match="decides in one process; 2 are asked for") as error:
        train.run(config(processes=2), ctx)
    assert error.value.problems[0].field == "processes"
