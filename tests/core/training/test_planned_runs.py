"""Runs that take learning rate and phases from their curriculum: the rate, the gates, and both after a pause."""

import numpy as np
import pytest

from chimera.context import Paused
from chimera.errors import InputError
from curriculum_app.core.tracks import Gate, Tracks
from tests.core.curriculum.sequence_factory import build_schedule
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core.gates import gates_by_step
from training_app.core.jobs import train

pytestmark = pytest.mark.torch

RATE = {"knots": [{"at": 0.0, "rate": 0.0}, {"at": 0.25, "rate": 4e-3}, {"at": 1.0, "rate": 1e-3}]}
PLANNED = {"learning_rate": {"key": "planned", "config": {"factor": 0.5}}, "probes": []}


def phases(**gate: object) -> list[dict[str, object]]:
    """Two halves with a gate between them; 16 steps, so it is judged at step 8."""
    first = {"name": "I", "start": 0, "end": 0.5, "gate": {"value": 0.0, **gate}}
    return [first, {"name": "II", "start": 0.5, "end": 1}]


def context(root, **tracks):
    ctx, table, _ = make_context(root)
    ctx.artefacts["schedule-1"] = build_schedule(ctx.store, table, num_sequences=64, tracks=tracks)
    return ctx


def weights_of(result) -> str:
    return result.stored.manifest["files"]["model.safetensors"]["sha256"]


def test_the_rate_of_every_step_is_the_curriculum_s_and_a_paused_run_is_bit_equal(tmp_path):
    tracks = {"learning_rate": RATE, "phases": phases()}
    ctx = context(tmp_path / "whole", **tracks)
    whole = train.run(make_config(**PLANNED), ctx)
    rates = [values["learning_rate"] for _, _, values in ctx.recorder.points]
    assert rates == pytest.approx(0.5 * np.interp(np.arange(1, 17) / 16, [0, 0.25, 1], [0, 4e-3, 1e-3]))
    assert [(kind, step) for kind, _, step in ctx.recorder.events] == [("gate", 8)]

    paused = context(tmp_path / "paused", **tracks)
    paused.wish = "pause"
    for stop in (3, 8):  # the gate of step 8 is judged before the pause and not again after it
        paused.when = lambda step, stop=stop: step == stop
        with pytest.raises(Paused):
            train.run(make_config(**PLANNED), paused)
    paused.when = lambda step: False
    result = train.run(make_config(**PLANNED), paused)
    assert without_clock(paused.recorder.points) == without_clock(ctx.recorder.points)
    assert weights_of(result) == weights_of(whole) and result.stored.digest == whole.stored.digest
    assert [kind for kind, _, _ in paused.recorder.events].count("gate") == 1


def test_a_gate_that_is_not_passed_stops_the_run_and_keeps_its_checkpoint(tmp_path):
    ctx = context(tmp_path, phases=phases(metric="loss", value=0.5, otherwise="stop"))
    with pytest.raises(InputError, match=r"stopped by the gate after 'I': loss is [\d.]+, not below 0.5") as caught:
        train.run(make_config(probes=[], evaluate_every=0), ctx)
    assert "the checkpoint of step 8 was kept" in caught.value.problems[0].hint
    assert list(ctx.recorder.kept) == [8] and ctx.recorder.points[-1][0] == 8
    assert ctx.recorder.points[-1][2]["held_out/macro"] > 0  # measured where a gate is judged, whatever the cadence


def test_a_gate_that_is_passed_changes_nothing(tmp_path):
    ctx = context(tmp_path / "gate", phases=phases(value=100.0, otherwise="stop"))
    plain = context(tmp_path / "plain")
    runs = [train.run(make_config(probes=[]), each) for each in (ctx, plain)]
    assert weights_of(runs[0]) == weights_of(runs[1]) and ctx.recorder.events == plain.recorder.events == []


def test_at_the_end_of_the_run_there_is_nothing_left_to_stop(tmp_path):
    only = [{"name": "all", "start": 0, "end": 1, "gate": {"value": 0, "otherwise": "stop"}}]
    ctx = context(tmp_path, phases=only)
    assert train.run(make_config(probes=[]), ctx).summary.steps == 16
    assert [(kind, step) for kind, _, step in ctx.recorder.events] == [("gate", 16)]


def test_a_gate_on_what_the_run_does_not_measure_is_refused_before_the_first_step(tmp_path):
    ctx = context(tmp_path, phases=phases(metric="token_entropy"))
    with pytest.raises(InputError, match="'token_entropy', which this run does not measure") as caught:
        train.run(make_config(probes=[]), ctx)
    assert caught.value.problems[0].field == "probes" and ctx.recorder.points == []
    train.run(make_config(probes=[{"key": "token_entropy", "config": {"every": 1000}}]), ctx)
    assert "token_entropy" in ctx.recorder.points[7][2]


def test_a_planned_rate_without_one_in_the_schedule_fails_before_the_first_step(tmp_path):
    ctx = context(tmp_path)
    with pytest.raises(InputError, match="brings no learning rate"):
        train.run(make_config(**PLANNED), ctx)
    assert ctx.recorder.points == []


def test_gates_belong_to_the_step_in_which_their_phase_ends():
    """Steps of 100 tokens: shares 0.25, 0.3 and 1 of 1,000 end in steps 3, 3 and 10; a fork at 250 tokens has the
    first one behind it."""
    ends = [("a", 0.0, 0.25), ("b", 0.25, 0.3), ("c", 0.3, 0.5), ("d", 0.5, 1.0)]
    gated = [{"name": n, "start": s, "end": e, "gate": None if n == "c" else {"value": 1}} for n, s, e in ends]
    tracks, after = Tracks.model_validate({"phases": gated}), np.arange(100, 1001, 100)
    found = {step: [phase.name for phase in due] for step, due in gates_by_step(tracks, after, 0).items()}
    assert found == {3: ["a", "b"], 10: ["d"]}
    later = gates_by_step(tracks, np.arange(350, 1001, 50), 250)
    assert {step: [phase.name for phase in due] for step, due in later.items()} == {1: ["b"], 14: ["d"]}


def test_what_is_no_number_passes_no_gate():
    above, below = Gate(value=1, must_be="above"), Gate(value=1, must_be="below")
    assert above.passed(2) and below.passed(0) and not above.passed(1) and not below.passed(1)
    assert not above.passed(float("nan")) and not below.passed(float("nan"))
