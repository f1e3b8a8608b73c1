"""The engine on a GPU: runs wherever CUDA is. No record of these exists before docs/training.md names a machine."""

import pytest
import torch

from chimera.context import Paused
from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core import engine
from training_app.core.jobs import train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.torch,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine"),
]


def losses_of(ctx) -> list[float]:
    return [values["loss"] for _, _, values in ctx.recorder.points]


def test_a_run_learns_and_stays_close_to_the_cpu(tmp_path):
    on_gpu, _, _ = make_context(tmp_path / "gpu", num_sequences=160)
    on_cpu, _, _ = make_context(tmp_path / "cpu", num_sequences=160)
    summary = train.run(make_config(device="cuda"), on_gpu).summary
    train.run(make_config(device="cpu"), on_cpu)
    assert summary.device.startswith("cuda") and losses_of(on_gpu)[-1] < losses_of(on_gpu)[0] - 1
    assert losses_of(on_gpu)[:5] == pytest.approx(losses_of(on_cpu)[:5], abs=1e-2)


def test_a_paused_run_goes_on_and_loses_no_point(tmp_path):
    whole, _, _ = make_context(tmp_path / "whole")
    train.run(make_config(device="cuda"), whole)
    ctx, _, _ = make_context(tmp_path / "paused")
    ctx.wish, ctx.when = "pause", lambda step: step == 5
    with pytest.raises(Paused):
        train.run(make_config(device="cuda"), ctx)
    ctx.when = lambda step: False
    train.run(make_config(device="cuda"), ctx)
    assert len(without_clock(ctx.recorder.points)) == 16
    assert losses_of(ctx) == pytest.approx(losses_of(whole), rel=1e-3)


def test_bf16_learns(tmp_path):
    ctx, _, _ = make_context(tmp_path, num_sequences=160)
    train.run(make_config(device="cuda", precision="bf16", gradient_checkpointing=True), ctx)
    assert losses_of(ctx)[-1] < losses_of(ctx)[0] - 1


def test_a_real_lack_of_memory_is_told_with_numbers(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    monkeypatch.setattr(engine, "accumulate", lambda *args, **kwargs: torch.empty(1 << 46, device="cuda"))
    with pytest.raises(InputError, match=r"out of memory.*allocation of .* failed; the GPU"):
        train.run(make_config(device="cuda"), ctx)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two GPUs")
def test_two_gpus_equal_one(tmp_path):
    one, _, _ = make_context(tmp_path / "one")
    two, _, _ = make_context(tmp_path / "two")
    train.run(make_config(device="cuda"), one)
    assert train.run(make_config(device="cuda", processes=2), two).summary.processes == 2
    assert losses_of(two) == pytest.approx(losses_of(one), rel=1e-4)
