"""The contract of adaptive policies: five shapes fit it, and its journal proves what was decided."""

import dataclasses

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.adaptive.contract import Decision, Feedback, Happening, Progress, State
from curriculum_app.core.adaptive.journal import Journal, JournalMismatch, UnsoundDecision, facts_of_step
from curriculum_app.core.adaptive.policy import chooser_of
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.jobs import schedule as schedule_job
from curriculum_app.core.schedule import Schedule, rows_of
from tests.core.curriculum.choosers import SHAPES, registered
from tests.core.curriculum.sequence_factory import build_sequences

LENGTH, ROWS, STEPS = 32, 4, 16
BUDGET = LENGTH * ROWS * STEPS


@pytest.fixture(scope="module")
def ctx(tmp_path_factory):
    found = LocalContext(tmp_path_factory.mktemp("adaptive"))
    found.artefacts["sequences-1"] = build_sequences(found.store)
    return found


def schedule_of(ctx, key="small", budget=BUDGET, **config):
    asked = {"name": "a", "sequences": "sequences-1", "policy": {"key": key, "config": config}, "budget_tokens": budget}
    return Schedule.open(schedule_job.run(ScheduleConfig.model_validate(asked), ctx).stored)


def run_steps(chooser, journal, table, steps, rng):
    """Losses that depend on the domain; every fourth step is evaluated."""
    arms = table.grouping("domain")
    for _ in range(steps):
        if journal.ended:
            return
        progress = Progress(ROWS, LENGTH * len(journal.rows()), BUDGET)
        decision = chooser.decide(progress)
        journal.decided(decision, progress)
        losses = 1 + arms.dense(decision.rows["sequence"]).argmax(axis=1) + rng.random(len(decision.rows))
        scores = {"code": 2.0, "prose": 3.0} if len(journal) % 4 == 0 else None
        feedback = Feedback(decision.rows, losses.astype(np.float32), None, scores)
        journal.observed(feedback)
        chooser.observe(feedback)


def fresh(schedule, table):
    chooser = chooser_of(schedule, table)
    return chooser, Journal(schedule.candidates, LENGTH, chooser.when_exhausted)


def reopened(state, folder, name):
    folder.mkdir(exist_ok=True)
    state.save(folder, name)
    return State.read(folder, name)


@pytest.mark.parametrize("key", [*SHAPES, "dihcl"])
def test_every_shape_is_journalled_resumed_and_replayed(key, ctx, tmp_path):
    table = ctx.artefacts["sequences-1"]
    with registered(SHAPES.get(key, SHAPES["epsilon"])):
        schedule = schedule_of(ctx, "dihcl" if key == "dihcl" else "small")
        assert schedule.is_adaptive and schedule.num_rows == ROWS * STEPS
        whole, journal = fresh(schedule, table)
        run_steps(whole, journal, table, STEPS, np.random.default_rng(1))
        assert len(journal.rows()) == ROWS * STEPS

        (first, half), rng = fresh(schedule, table), np.random.default_rng(1)
        run_steps(first, half, table, 7, rng)
        second, rest = fresh(schedule, table)
        rest.load(reopened(half.state(), tmp_path / "half", "journal"))
        second.load(reopened(first.state(), tmp_path / "half", "chooser"))
        run_steps(second, rest, table, STEPS - 7, rng)
        assert rest.digest == journal.digest
        assert [dataclasses.replace(e.decision, rows=None) for e in rest.entries if not e.decision.per_row] == [
            dataclasses.replace(e.decision, rows=None) for e in journal.entries if not e.decision.per_row
        ]
        again = Journal(schedule.candidates, LENGTH, whole.when_exhausted)
        again.load(reopened(journal.state(), tmp_path / "whole", "journal"))
        again.require_follows(chooser_of(schedule, table), BUDGET)
        assert again.digest == journal.digest


def test_a_schedule_that_is_decided_later_has_no_order_and_says_so(ctx):
    schedule = schedule_of(ctx, "dihcl")
    assert schedule.num_tokens == BUDGET and schedule.max_length == LENGTH and len(schedule.candidates) == STEPS
    assert schedule.manifest["order_digest"] == "" and schedule_of(ctx, "dihcl").digest == schedule.digest
    assert schedule_of(ctx, "dihcl", keep=0.5).digest != schedule.digest
    with pytest.raises(InputError, match="decides during the run"):
        schedule.rows  # noqa: B018
    assert not schedule_of(ctx, "shuffle").is_adaptive
    with pytest.raises(InputError, match="not a multiple of the sequence length 32") as error:
        schedule_of(ctx, "dihcl", budget=BUDGET + 1)
    assert error.value.problems[0].hint == f"use {BUDGET} or {BUDGET + 32}"


def test_sequences_of_several_lengths_are_refused(ctx):
    table = ctx.artefacts["sequences-1"]
    table.__dict__["lengths"] = np.where(np.arange(table.num_sequences) == 3, 16, LENGTH)
    try:
        with pytest.raises(InputError, match="of several lengths"):
            schedule_of(ctx, "dihcl", keep=0.25)
    finally:
        del table.__dict__["lengths"]


@pytest.mark.parametrize("exhausted", ["renormalise", "repeat", "stop"])
def test_an_exhausted_arm_does_what_was_declared_and_says_so(exhausted, ctx):
    table = ctx.artefacts["sequences-1"]
    with registered(SHAPES["bandit"]):
        schedule = schedule_of(ctx, exhausted=exhausted)
        chooser, journal = fresh(schedule, table)
        run_steps(chooser, journal, table, STEPS, np.random.default_rng(0))
        journal.require_follows(chooser_of(schedule, table), BUDGET)
    said = [h.message for e in journal.entries for h in e.decision.happenings]
    shown = journal.rows()["sequence"]
    assert said and (len(set(shown)) < len(shown)) == (exhausted == "repeat")
    assert (len(shown) < ROWS * STEPS) == (exhausted == "stop") and journal.ended == (exhausted != "repeat")


def test_weights_scalars_and_replayed_rows_arrive_in_the_journal(ctx):
    table, found = ctx.artefacts["sequences-1"], {}
    for key in ("loss_weights", "epsilon", "replay"):
        with registered(SHAPES[key]):
            chooser, found[key] = fresh(schedule_of(ctx), table)
            run_steps(chooser, found[key], table, STEPS, np.random.default_rng(0))
    assert 0 < found["loss_weights"].rows()["weight"].min() < 1
    assert [e.decision.scalars["epsilon"] for e in found["epsilon"].entries] == [s / 2 / STEPS for s in range(STEPS)]
    halves = np.split(found["replay"].rows()["sequence"], 2)
    assert len(set(halves[1]) & set(halves[0])) > ROWS and len(set(halves[0])) == len(halves[0])


@pytest.mark.parametrize("column", ["rows", "losses", "scalar/temperature", "row/hardness", "held_out/code"])
def test_a_journal_that_was_tampered_with_does_not_follow(column, ctx):
    table, schedule = ctx.artefacts["sequences-1"], schedule_of(ctx, "dihcl", temperature_decay=1.0)
    chooser, journal = fresh(schedule, table)
    run_steps(chooser, journal, table, STEPS, np.random.default_rng(0))
    state = journal.state()
    array = state.arrays[column].copy()
    if column == "rows":
        array[[4, 20]] = array[[20, 4]]
    else:
        array.flat[0] += 4.0
    forged = Journal(schedule.candidates, LENGTH, chooser.when_exhausted)
    forged.load(State({**state.arrays, column: array}, state.facts))
    if column == "held_out/code":  # DIHCL does not look at it: nothing that was decided depends on it
        forged.require_follows(chooser_of(schedule, table), BUDGET)
        return
    with pytest.raises(JournalMismatch, match=r"decision \d+ of 16 does not follow"):
        forged.require_follows(chooser_of(schedule, table), BUDGET)


def test_what_a_decision_may_not_be(ctx):
    table, schedule = ctx.artefacts["sequences-1"], schedule_of(ctx, "dihcl")
    good = rows_of(table, schedule.candidates[:ROWS])
    outside = np.setdiff1d(np.arange(table.num_sequences), schedule.candidates)[:ROWS]
    part, unweighted = good.copy(), good.copy()
    part["length"], unweighted["weight"] = 8, 0
    wrong = {
        "4 rows were asked for, 3 chosen": Decision(good[:3]),
        "no candidate": Decision(rows_of(table, outside)),
        "not a whole sequence": Decision(part),
        "weights of a step": Decision(unweighted),
        "no number": Decision(good, {"epsilon": float("nan")}),
        "no event has said": Decision(good[[0, 0, 1, 2]]),
    }
    for words, decision in wrong.items():
        with pytest.raises(UnsoundDecision, match=words):
            Journal(schedule.candidates, LENGTH, "repeat").decided(decision, Progress(ROWS, 0, BUDGET))
    journal = Journal(schedule.candidates, LENGTH, "stop")
    journal.decided(Decision(good, happenings=(Happening("x", "said"),)), Progress(ROWS, 0, BUDGET))
    with pytest.raises(UnsoundDecision, match="declares to stop"):
        journal.decided(Decision(good), Progress(ROWS, 0, BUDGET))


def test_one_step_is_read_back_with_its_reason(ctx):
    table, schedule = ctx.artefacts["sequences-1"], schedule_of(ctx, "dihcl")
    chooser, journal = fresh(schedule, table)
    run_steps(chooser, journal, table, STEPS, np.random.default_rng(0))
    state = journal.state()
    facts = facts_of_step(state, 9)
    assert facts is not None and np.array_equal(facts["rows"], journal.entries[2].decision.rows)
    assert facts["reason"] == {"episode": 1, "drawn_by": "full pass"} and facts["scalars"]["temperature"] == 20
    assert facts["per_row"]["hardness"] == [1, 1, 1, 1] and facts["said"] == []
    assert facts_of_step(state, 0)["said"] == ["episode 1: 16 of 16 candidates, a full pass"]
    assert facts_of_step(state, ROWS * STEPS) is None
