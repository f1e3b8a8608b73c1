"""One step: parts of a batch add up, bfloat16 stays near, a step without a number changes nothing."""

import math
from functools import partialmethod

import numpy as np
import pytest
import torch

from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context
from training_app.core.engine import prepare, train
from training_app.core.gradients import accumulate
from training_app.core.jobs import train as job
from training_app.core.model import trained_parameters
from training_app.core.order import Batches, DeliveryMismatch

pytestmark = pytest.mark.torch


def gradients(run) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in trained_parameters(run.model).values()])


@pytest.mark.parametrize(
    "changes", [{"micro_batch_sequences": 1}, {"micro_batch_sequences": 3}, {"gradient_checkpointing": True}]
)
def test_parts_of_a_batch_add_up_to_its_gradient(tmp_path, changes):
    _, table, schedule = make_context(tmp_path)
    whole, parted = (prepare(make_config(**c), schedule, table) for c in ({}, changes))
    rows = schedule.rows.copy()
    rows["length"][1] = 7
    for run in (whole, parted):
        run.batches.rows = rows
        run.model.train()
    found = [accumulate(run, run.batches[0], with_entropy=True) for run in (whole, parted)]
    assert found[0].loss == pytest.approx(found[1].loss, rel=1e-5)
    torch.testing.assert_close(gradients(whole), gradients(parted), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[0].row_losses, found[1].row_losses)
    assert len(found[0].entropy_N) == len(found[1].entropy_N) == 31 * 3 + 6


def test_bfloat16_gives_nearly_the_same_gradient_in_float32(tmp_path):
    _, table, schedule = make_context(tmp_path)
    exact, half = (prepare(make_config(precision=p), schedule, table) for p in ("float32", "bf16"))
    losses = [accumulate(run, run.batches[0], with_entropy=False).loss for run in (exact, half)]
    assert losses[0] == pytest.approx(losses[1], rel=5e-3) and losses[0] != losses[1]
    assert gradients(half).dtype == torch.float32
    assert torch.cosine_similarity(gradients(exact), gradients(half), dim=0) > 0.995


class Poisoned:
    """An objective whose loss is not a number at chosen steps."""

    def __init__(self, inner, steps):
        self.inner, self.steps, self.calls = inner, steps, 0

    def loss(self, model, batch, *, with_entropy):
        self.calls += 1
        found = self.inner.loss(model, batch, with_entropy=with_entropy)
        return found if self.calls not in self.steps else type(found)(
            found.loss * math.nan, found.row_losses, found.entropy_N
        )  # fmt: skip


def test_a_step_without_a_number_changes_no_weight_and_is_counted(tmp_path):
    ctx, table, schedule = make_context(tmp_path)
    run = prepare(make_config(max_non_finite=3, probes=[], evaluate_every=0), schedule, table)
    run.objective = Poisoned(run.objective, {5, 6, 9})
    train(run, ctx)
    assert run.state.non_finite == 3 and run.state.non_finite_in_a_row == 0
    assert [(kind, step) for kind, _, step in ctx.recorder.events] == [
        ("non_finite", 5),
        ("non_finite", 6),
        ("non_finite", 9),
    ]
    assert all(torch.isfinite(p).all() for p in run.model.parameters())
    assert math.isnan(ctx.recorder.points[4][2]["loss"]) and math.isfinite(ctx.recorder.points[6][2]["loss"])


def test_too_many_in_a_row_stop_the_run_and_keep_the_last_good_model(tmp_path):
    ctx, table, schedule = make_context(tmp_path)
    run = prepare(make_config(max_non_finite=2, probes=[], evaluate_every=0), schedule, table)
    run.objective = Poisoned(run.objective, {7, 8})
    with pytest.raises(InputError, match=r"loss is nan at step 8, the last of 2 in a row"):
        train(run, ctx)
    assert list(ctx.recorder.kept) == [8]
    from training_app.core.checkpoint import Checkpoint

    kept = Checkpoint.open(ctx.recorder.kept[8]).load_model()
    assert all(torch.isfinite(p).all() for p in kept.parameters())


class WrongTokens(Batches):
    """Names the right rows and feeds the tokens of another batch."""

    def __getitem__(self, index):
        right, wrong = super().__getitem__(index), super().__getitem__((index + 1) % 2 if index < 2 else index)
        return type(right)(right.rows, wrong.hashes, wrong.inputs, wrong.targets, wrong.weights, right.total)


def test_tensors_that_do_not_hold_the_planned_tokens_turn_the_run_red(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    monkeypatch.setattr("training_app.core.engine.Batches", WrongTokens)
    with pytest.raises(DeliveryMismatch, match="tokens fed at row 0 are not those of sequence"):
        job.run(make_config(probes=[]), ctx)


def test_compiled_and_plain_runs_agree(tmp_path, monkeypatch):
    """Traced, but not turned into machine code: that takes half a minute."""
    monkeypatch.setattr(torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend="eager"))
    _, table, schedule = make_context(tmp_path)
    plain, compiled = (prepare(make_config(compile=c), schedule, table) for c in (False, True))
    found = [accumulate(run, run.batches[0], with_entropy=False) for run in (plain, compiled)]
    assert found[0].loss == pytest.approx(found[1].loss, rel=1e-5)
    assert np.allclose(gradients(plain), gradients(compiled), atol=1e-5)
