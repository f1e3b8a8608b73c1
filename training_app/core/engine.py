"""The training loop, read top to bottom: `train`. Everything it needs is made in `prepare`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from chimera.context import Cancelled, Context, Paused
from chimera.errors import InputError, Problem
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import Phase
from training_app.core.amending import amend, amend_again
from training_app.core.base_model import starting_model
from training_app.core.checkpoint import Checkpoint
from training_app.core.chosen import ChosenBatches, memory_of_base
from training_app.core.configs import OptimizerConfig, TrainConfig
from training_app.core.devices import Devices
from training_app.core.gates import gates_by_step, judge_gates, require_measured
from training_app.core.gradients import Gradients, accumulate
from training_app.core.held_out import HeldOutScores, HeldOutText
from training_app.core.kept import keep_checkpoint
from training_app.core.learning_rates.base import LearningRate
from training_app.core.mixture import MixtureRecord
from training_app.core.model import trained_parameters
from training_app.core.objectives.base import Objective
from training_app.core.order import Batch, Batches, Feed
from training_app.core.probes.base import Probe
from training_app.core.probing import after_update, look, measure
from training_app.core.resume_point import (
    FOLDER,
    RunState,
    keep_two,
    load_moments,
    newest_whole,
    restore,
    save_resume_point,
)


@dataclass
class Run:
    """All parts of one run; `state` moves, the weights move, the rest stays."""

    config: TrainConfig
    schedule: Schedule
    table: SequenceTable
    base: Checkpoint | None
    model: PreTrainedModel
    objective: Objective
    optimizer: torch.optim.Optimizer
    rate: LearningRate
    batches: Feed
    held_out: HeldOutText
    mixture: MixtureRecord
    probes: list[Probe]
    gates: dict[int, list[Phase]]
    state: RunState
    devices: Devices


def prepare(
    config: TrainConfig,
    schedule: Schedule,
    table: SequenceTable,
    base: Checkpoint | None = None,
    devices: Devices | None = None,
) -> Run:
    """Build a run at step 0. Sets torch's thread count and seeds for the process.

    Raises:
        InputError: the parts do not fit each other; says which and what to do.
    """
    torch.set_num_threads(config.threads)
    device = torch.device(resolve_device(config.device))
    objective: Objective = config.objective.build()
    objective.require(table)
    rate = bound_rate(config, schedule)
    require_measured(config, schedule.tracks)
    batches = feed_of(config, schedule, table, base, device, objective)
    model = starting_model(config, table, base)
    model.to(device)  # type: ignore[arg-type]
    objective.prepare(model)
    if config.compile:
        model.base_model.compile()
    optimizer = build_optimizer(model, config.optimizer)
    if base is not None and config.carry_moments:
        load_moments(base.moments_path, model, optimizer)
    mixture = MixtureRecord(schedule, table, batches)
    mixture.add(batches.seen)
    return Run(
        config=config,
        schedule=schedule,
        table=table,
        base=base,
        model=model,
        objective=objective,
        optimizer=optimizer,
        rate=rate,
        batches=batches,
        held_out=HeldOutText(table.held_out(), table.eos_id, device),
        mixture=mixture,
        probes=[choice.build() for choice in config.probes],
        gates=gates_by_step(schedule.tracks, batches.tokens_after, int(batches.seen["length"].sum())),
        state=RunState(tokens=int(batches.seen["length"].sum())),
        devices=devices or Devices(),
    )


def bound_rate(config: TrainConfig, schedule: Schedule) -> LearningRate:
    """The learning rate of a run on this schedule.

    Raises:
        InputError: it is to come from the schedule, which brings none.
    """
    rate: LearningRate = config.learning_rate.build()
    return rate.bound(schedule.tracks)


def feed_of(
    config: TrainConfig,
    schedule: Schedule,
    table: SequenceTable,
    base: Checkpoint | None,
    device: torch.device,
    objective: Objective,
) -> Feed:
    """Batches in the schedule's order, or as its policy decides them.

    Raises:
        InputError: nothing of the schedule is left, or the run cannot go on where its base stood.
    """
    if schedule.is_adaptive:
        before = memory_of_base(config, schedule, base)
        return ChosenBatches(schedule, table, config.batch_sequences, device, objective, before)
    seen = rows_before(config, schedule)
    return Batches(schedule.rows[len(seen) :], table, config.batch_sequences, device, objective, seen)


def rows_before(config: TrainConfig, schedule: Schedule) -> np.ndarray:
    """The rows that a fork's checkpoint has seen already.

    Raises:
        InputError: nothing is left after them.
    """
    if config.first_row >= len(schedule.rows) and config.first_row:
        message = f"the schedule has {len(schedule.rows):,} rows, so none is left from row {config.first_row:,} on"
        raise InputError(Problem(message, field="first_row", hint="start earlier, or choose another schedule"))
    return schedule.rows[: config.first_row]


def resolve_device(wanted: str) -> str:
    """ "cpu" or "cuda".

    Raises:
        InputError: a GPU is asked for and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        hint = "choose auto, or send the job to a worker with a GPU"
        raise InputError(Problem("this worker has no GPU", field="device", hint=hint))
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def build_optimizer(model: PreTrainedModel, config: OptimizerConfig) -> torch.optim.AdamW:
    """Fused AdamW; weight decay on matrices only."""
    parameters = list(trained_parameters(model).values())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(config.beta1, config.beta2), eps=config.epsilon, fused=True)


def train(run: Run, ctx: Context) -> HeldOutScores:
    """Train from where the recorder says, to the end of the schedule; returns the final held-out scores.

    Raises:
        Paused, Cancelled: asked for by the user; a resume point of the last finished step was saved.
        LeaseLost: another worker owns the job; nothing was written since.
        InputError: the loss or the gradient was no finite number for too many steps, or a gate stops the run.
    """
    config, model, batches = run.config, run.model, run.batches
    fingerprint = config.fingerprint()
    resume(run, ctx, fingerprint)
    run.devices.start(run)
    scores: HeldOutScores | None = None
    probe_BT = run.held_out.probe_batch()
    state, last_saved = run.state, time.monotonic()
    model.train()
    while state.step < len(batches):
        obey(ctx, run, fingerprint)
        started = time.perf_counter()
        step = state.step + 1
        due = [probe for probe in run.probes if is_due(step, probe.config.every) or step == 1 or step in run.gates]

        rate = set_rate(run, step)
        found, batch = step_gradients(run, step, with_entropy=any(probe.uses_token_entropy for probe in due))
        view = look(run, batch, found, probe_BT)
        values = measure(due, view, compiled=config.compile)
        grad_norm, finite = judge(run, found)
        if finite:  # else the step changes nothing: its gradient points nowhere
            run.optimizer.step()
            after_update(due, view, values)
        run.optimizer.zero_grad()

        state.advance(batch, found.loss, found.row_losses, finite=finite)
        run.mixture.add(batch.rows)
        seconds = time.perf_counter() - started
        values |= found.values | {
            "loss": found.loss,
            "grad_norm": grad_norm,
            "learning_rate": rate,
            "tokens_per_second": batch.num_tokens / seconds,
            **({"sequence_length": float(batch.longest)} if batches.vary else {}),
            **run.mixture.values(step),
        }
        kept = is_due(step, config.keep_every_steps) and step < len(batches)  # the last is kept anyway, by the job
        scores = look_back(run, found, values, ctx, kept=kept)
        state.seconds += time.perf_counter() - started
        ctx.recorder.write(step, state.tokens, values)
        if not finite:
            count_non_finite(run, values, ctx)
        judge_gates(run, values, scores, ctx)
        ctx.progress(step, len(batches), "steps", f"loss {found.loss:.3f}")

        late = time.monotonic() - last_saved >= config.checkpoint_every_seconds
        if late or scores is not None or is_due(step, config.checkpoint_every_steps):
            save(run, ctx, fingerprint)
            last_saved = time.monotonic()
        if kept and scores is not None:
            keep_checkpoint(run, ctx, scores)
    run.devices.finish(run)
    return scores or run.held_out.score(model)


def look_back(
    run: Run, found: Gradients, values: dict[str, float], ctx: Context, *, kept: bool
) -> HeldOutScores | None:
    """Evaluate where that is due, and hand back to the feed what the finished step has shown; adds to `values`.

    The feed is told scores of regular evaluations alone: to keep more checkpoints changes nothing that is learnt.
    """
    step = run.state.step
    due = is_due(step, run.config.evaluate_every) or step == len(run.batches)
    scores = run.held_out.score(run.model) if due or kept or step in run.gates else None
    if scores is not None:
        values |= scores.metrics()
    told = scores.by_domain() if scores is not None and due else None
    values |= run.batches.learn(found.row_losses, told, ctx.recorder)
    return scores


def save(run: Run, ctx: Context, fingerprint: str) -> None:
    """A resume point of the last finished step."""
    run.state.probes = [probe.state_dict() for probe in run.probes]
    run.state.fed = run.batches.memory()
    save_resume_point(ctx, run.state, run.model, run.optimizer, fingerprint)


def set_rate(run: Run, step: int) -> float:
    """Set the learning rate of `step` and return it: a function of the tokens seen after it."""
    tokens = run.batches.tokens_after
    rate = run.rate.at(int(tokens[step - 1]), int(tokens[-1]))
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    return rate


def step_gradients(run: Run, step: int, *, with_entropy: bool) -> tuple[Gradients, Batch]:
    """The gradients of a step, each process computing its share, and the batch that they were really fed."""
    run.devices.begin(step, with_entropy=with_entropy)
    batch = run.batches[step - 1]
    share = run.devices.share(run, step, batch)
    return run.devices.complete(run, accumulate(run, share, with_entropy=with_entropy), share, batch)


def judge(run: Run, found: Gradients) -> tuple[float, bool]:
    """Clip the complete gradient; its norm, and whether it and the loss are numbers, which every process must know."""
    grad_norm = clip(run)
    finite = math.isfinite(found.loss) and math.isfinite(grad_norm)
    run.devices.update(finite=finite)
    return grad_norm, finite


def clip(run: Run) -> float:
    """Clip the gradient to its largest norm; returns the norm it had."""
    return float(torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.optimizer.clip_norm))


def resume(run: Run, ctx: Context, fingerprint: str) -> None:
    """Continue at the noted resume point if there is one, or at the one before it if the disk has damaged that."""
    noted = ctx.recorder.resume()
    if noted is None:
        keep_two(ctx.scratch / FOLDER, None)
        return
    note, damage = newest_whole(noted, fingerprint)
    if damage:
        ctx.recorder.step_back(note)
    keep_two(ctx.scratch / FOLDER, note.path)
    run.state = restore(note, run.model, run.optimizer)
    run.batches.remember(run.state.fed)
    amend_again(run, ctx)
    run.mixture.add(run.state.delivered_rows())
    for probe, remembered in zip(run.probes, run.state.probes, strict=False):  # none in points of an older version
        probe.load_state_dict(remembered)
    why = f", because the resume point of step {noted.step} cannot be used: {damage}" if damage else ""
    ctx.recorder.event("resumed", f"resumed at step {note.step}{why}", note.step)


def obey(ctx: Context, run: Run, fingerprint: str) -> None:
    """At this step boundary change the plan, or stop, if asked to."""
    asked = ctx.control()
    if amend(run, ctx) or asked != "none":
        save(run, ctx, fingerprint)
    if asked == "none":
        return
    raise Paused if asked == "pause" else Cancelled


def is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def count_non_finite(run: Run, values: dict[str, float], ctx: Context) -> None:
    """Say so, and stop a run that has diverged; its weights are still those of the last step with a number.

    Raises:
        InputError: too many such steps in a row; says at which, and what to lower.
    """
    state, allowed = run.state, run.config.max_non_finite
    wrong = next(key for key in ("loss", "grad_norm") if not math.isfinite(values[key]))
    said = f"{wrong} is {values[wrong]} at step {state.step}"
    if state.non_finite_in_a_row < allowed:
        ctx.recorder.event("non_finite", f"{said}: the step changed no weight", state.step)
        return
    level = f"learning_rate.config.{run.rate.level}"
    hint = f"lower {level}, let the rate rise more slowly, or lower optimizer.clip_norm"
    message = f"training diverged: {said}" + (f", the last of {allowed} in a row" if allowed > 1 else "")
    ctx.recorder.event("diverged", f"{message}; {hint}", state.step)
    if state.step > allowed:
        keep_checkpoint(run, ctx, run.held_out.score(run.model))
    ctx.recorder.flush()
    raise InputError(Problem(message, field=level, hint=hint))
