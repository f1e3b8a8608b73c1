"""The training loop, read top to bottom: `train`. Everything it needs is made in `prepare`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from chimera.context import Cancelled, Context, Paused
from chimera.errors import InputError, Problem
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from training_app.core.configs import OptimizerConfig, TrainConfig
from training_app.core.held_out import HeldOutScores, HeldOutText
from training_app.core.learning_rate import learning_rate
from training_app.core.loss import FusedNextTokenLoss
from training_app.core.mixture import MixtureRecord
from training_app.core.model import build_model, head_weight, last_hidden
from training_app.core.order import Batch, Batches
from training_app.core.probes.base import Probe, StepView
from training_app.core.resume_point import FOLDER, RunState, remove_others, restore, save_resume_point


@dataclass
class Run:
    """All parts of one run; `state` moves, the weights move, the rest stays."""

    config: TrainConfig
    model: PreTrainedModel
    optimizer: torch.optim.Optimizer
    batches: Batches
    held_out: HeldOutText
    mixture: MixtureRecord
    probes: list[Probe]
    state: RunState


def prepare(config: TrainConfig, schedule: Schedule, table: SequenceTable) -> Run:
    """Build a run at step 0. Sets torch's thread count and seeds for the process."""
    torch.set_num_threads(config.threads)
    device = torch.device(resolve_device(config.device))
    longest = int(table.lengths.max())
    model = build_model(
        config.model, vocab_size=table.vocab_size, max_length=longest, eos_id=table.eos_id, seed=config.seed
    )
    model.to(device)  # type: ignore[arg-type]
    batches = Batches(schedule.rows, table, config.batch_sequences, device)
    return Run(
        config=config,
        model=model,
        optimizer=build_optimizer(model, config.optimizer),
        batches=batches,
        held_out=HeldOutText(table.held_out(), table.eos_id, device),
        mixture=MixtureRecord(schedule, table, batches),
        probes=[choice.build() for choice in config.probes],
        state=RunState(),
    )


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
    parameters = [p for p in model.parameters() if p.requires_grad]
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
        InputError: the loss or the gradient is no longer a finite number.
    """
    config, model, batches = run.config, run.model, run.batches
    fingerprint = config.fingerprint()
    resume(run, ctx, fingerprint)
    scores: HeldOutScores | None = None
    probe_BT = run.held_out.probe_batch()
    state, last_saved = run.state, time.monotonic()
    model.train()
    while state.step < len(batches):
        obey(ctx, run, fingerprint)
        started = time.perf_counter()
        step = state.step + 1
        batch = batches[state.step]
        due = [probe for probe in run.probes if step % probe.config.every == 0 or step == 1]

        rate = learning_rate(config.learning_rate, state.tokens + batch.num_tokens, int(batches.tokens_after[-1]))
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        loss, entropy_N = next_token_loss(model, batch, with_entropy=any(p.uses_token_entropy for p in due))
        loss.backward()  # type: ignore[no-untyped-call]
        view = StepView(step, model, entropy_N, probe_BT)
        values = {key: value for probe in due for key, value in probe.measure(view).items()}
        grad_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip_norm)
        run.optimizer.step()
        run.optimizer.zero_grad()

        state.advance(batch.rows, loss.item())
        run.mixture.add(batch.rows)
        seconds = time.perf_counter() - started
        values |= {
            "loss": state.losses[-1],
            "grad_norm": float(grad_norm),
            "learning_rate": rate,
            "tokens_per_second": batch.num_tokens / seconds,
            **run.mixture.values(step),
        }
        scores = None
        if is_due(step, config.evaluate_every) or step == len(batches):
            scores = run.held_out.score(model)
            values |= scores.metrics()
        state.seconds += time.perf_counter() - started
        ctx.recorder.write(step, state.tokens, values)
        require_finite(values, step, ctx)
        ctx.progress(step, len(batches), "steps", f"loss {state.losses[-1]:.3f}")

        late = time.monotonic() - last_saved >= config.checkpoint_every_seconds
        if late or scores is not None or is_due(step, config.checkpoint_every_steps):
            save_resume_point(ctx, state, model, run.optimizer, fingerprint)
            last_saved = time.monotonic()
    return scores or run.held_out.score(model)


def resume(run: Run, ctx: Context, fingerprint: str) -> None:
    """Continue at the noted resume point if there is one; anything else in the scratch folder is debris."""
    note = ctx.recorder.resume()
    remove_others(ctx.scratch / FOLDER, note.path if note else None)
    if note is None:
        return
    run.state = restore(note, run.model, run.optimizer, fingerprint)
    run.mixture.add(run.state.delivered_rows())
    ctx.recorder.event("resumed", f"resumed at step {note.step}", note.step)


def obey(ctx: Context, run: Run, fingerprint: str) -> None:
    """Stop at this step boundary if asked to."""
    asked = ctx.control()
    if asked == "none":
        return
    save_resume_point(ctx, run.state, run.model, run.optimizer, fingerprint)
    raise Paused if asked == "pause" else Cancelled


def next_token_loss(model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> tuple[Tensor, Tensor]:
    """Weighted mean NLL (nats) of the batch's targets, and the entropies of its real tokens (empty unless asked)."""
    weights_N = batch.weights.flatten()
    hidden_NH = last_hidden(model, batch.inputs).flatten(0, 1)
    loss, _, entropy_N = FusedNextTokenLoss.apply(  # type: ignore[no-untyped-call]
        hidden_NH, head_weight(model), batch.targets.flatten(), weights_N / weights_N.sum(), with_entropy
    )
    return loss, entropy_N[weights_N > 0] if with_entropy else entropy_N


def is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def require_finite(values: dict[str, float], step: int, ctx: Context) -> None:
    """Stop a diverged run.

    Raises:
        InputError: says at which step, and what to lower.
    """
    for key in ("loss", "grad_norm"):
        if not math.isfinite(values[key]):
            message = f"training diverged: {key} is {values[key]} at step {step}"
            hint = "lower learning_rate.peak, raise learning_rate.warmup_fraction, or lower optimizer.clip_norm"
            ctx.recorder.event("diverged", f"{message}; {hint}", step)
            ctx.recorder.flush()
            raise InputError(Problem(message, field="learning_rate.peak", hint=hint))
