"""Gates of a curriculum's phases: a condition on what the run has just measured, judged where the phase ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.packing import Int
from curriculum_app.core.tracks import Gate, Phase, Tracks
from training_app.core.configs import TrainConfig
from training_app.core.kept import keep_checkpoint
from training_app.core.metric_keys import ENGINE_KEYS, MetricKey

if TYPE_CHECKING:
    from training_app.core.engine import Run
    from training_app.core.held_out import HeldOutScores


def gates_by_step(tracks: Tracks, tokens_after: Int, tokens_before: int) -> dict[int, list[Phase]]:
    """The phases with a gate by the step (1 is the first) in which they end.

    Args:
        tokens_after: shape (steps,), tokens seen after each step. tokens_before: those before the first; a phase that
            ended by then is judged no more.
    """
    total, found = int(tokens_after[-1]), defaultdict(list)
    for phase in tracks.phases:
        end = phase.end * total
        if phase.gate is not None and end > tokens_before:
            found[int(np.searchsorted(tokens_after, end - 0.5)) + 1].append(phase)
    return dict(found)


def require_measured(config: TrainConfig, tracks: Tracks) -> None:
    """The run measures what the gates ask for.

    Raises:
        InputError: names the phase and the metric.
    """
    chosen = [probe.registry().get(probe.key).cls for probe in config.probes]
    objective = config.objective.registry().get(config.objective.key).cls
    known: list[MetricKey] = [*ENGINE_KEYS, *objective.metrics, *(key for cls in chosen for key in cls.metrics)]
    for phase in tracks.phases:
        if phase.gate is None or any(key.matches(phase.gate.metric) for key in known):
            continue
        message = f"the gate of phase {phase.name!r} asks for {phase.gate.metric!r}, which this run does not measure"
        hint = "choose the probe that measures it, or another metric in the curriculum"
        raise InputError(Problem(message, field="probes", hint=hint))


def judge_gates(run: Run, values: Mapping[str, float], scores: HeldOutScores | None, ctx: Context) -> None:
    """Compare what the step has written with the gates of the phases that end with it, if there are any.

    Raises:
        InputError: a gate that stops the run is not passed; the checkpoint of this step was kept. At the last step
            there is nothing left to stop.
    """
    step, last = run.state.step, run.state.step == len(run.batches)
    for phase in run.gates.get(step, ()):
        gate = phase.gate
        said = _verdict(phase, gate, values) if gate else ""
        if not gate or not said:
            continue
        ctx.recorder.event("gate", said, step)
        if gate.otherwise == "stop" and not last and scores is not None:
            keep_checkpoint(run, ctx, scores)
            ctx.recorder.flush()
            hint = f"the checkpoint of step {step} was kept: fork from it, or change the gate in the curriculum"
            raise InputError(Problem(f"stopped by {said}", field="schedule", hint=hint))


def _verdict(phase: Phase, gate: Gate, values: Mapping[str, float]) -> str:
    """What is wrong, in words; nothing where the gate is passed."""
    if gate.metric not in values:
        return f"the gate after {phase.name!r}: {gate.metric} was not measured"
    value = values[gate.metric]
    if gate.passed(value):
        return ""
    return f"the gate after {phase.name!r}: {gate.metric} is {value:.6g}, not {gate.must_be} {gate.value:g}"
