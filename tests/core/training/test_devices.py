"""Several processes give one run: the same rows in the same order, the same losses, one end for all."""

import itertools
import os
import signal

import numpy as np
import pytest
import torch

from chimera.context import Paused
from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context
from training_app.core import devices as core
from training_app.core.checkpoint import Checkpoint
from training_app.core.devices import RankLost, count, share_of
from training_app.core.jobs import train

pytestmark = [pytest.mark.torch, pytest.mark.timeout(120)]
PROBES = [{"key": "token_entropy", "config": {"every": 4}}]
SIX_ROWS = {
    "batch_sequences": 5,
    "probes": PROBES,
    "evaluate_every": 0,
}  # 64 rows: shares of 3 and 2, at last of 2 and 2


def losses_of(ctx) -> list[float]:
    return [values["loss"] for _, _, values in ctx.recorder.points]


def test_two_processes_equal_one_and_go_on_after_a_pause(tmp_path, monkeypatch):
    alone, _, _ = make_context(tmp_path / "alone")
    expected = train.run(make_config(**SIX_ROWS), alone)
    ctx, _, schedule = make_context(tmp_path / "two")
    seen = []
    start = core._start
    monkeypatch.setattr(core, "_start", lambda *args: seen.append(start(*args)) or seen[-1])
    ctx.wish, ctx.when = "pause", lambda step: step == 5
    with pytest.raises(Paused):
        train.run(make_config(**SIX_ROWS, processes=2), ctx)
    ctx.when = lambda step: False
    found = train.run(make_config(**SIX_ROWS, processes=2), ctx)
    assert losses_of(ctx) == pytest.approx(losses_of(alone), rel=1e-6)
    entropies = [[v.get("token_entropy") for _, _, v in c.recorder.points] for c in (ctx, alone)]
    assert [e for e in entropies[0] if e] == pytest.approx([e for e in entropies[1] if e], rel=1e-5)
    assert found.summary.delivered_digest == expected.summary.delivered_digest == schedule.order_digest
    assert (found.summary.processes, expected.summary.processes) == (2, 1)
    rows = [np.load(Checkpoint.open(r.stored).path / "row_losses.npy") for r in (found, expected)]
    assert rows[0] == pytest.approx(rows[1], rel=1e-5)
    assert [follower.process.poll() is not None for follower in seen] == [True, True]
    assert "RANK" not in os.environ and not torch.distributed.is_initialized()


def test_a_killed_process_ends_the_run_with_its_name_and_leaves_none_behind(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    seen, write, start = [], ctx.recorder.write, core._start
    monkeypatch.setattr(core, "_start", lambda *args: seen.append(start(*args)) or seen[-1])

    def killing(step, tokens, values):
        write(step, tokens, values)
        if step == 3:
            os.kill(seen[0].process.pid, signal.SIGKILL)

    ctx.recorder.write = killing
    with pytest.raises(RankLost, match=r"process 2 ended with code -9.*one of 2 processes"):
        train.run(make_config(**SIX_ROWS, processes=2), ctx)
    assert len(ctx.recorder.points) <= 4 and seen[0].process.poll() is not None
    assert not list(ctx.scratch.glob("ranks-*")) and not torch.distributed.is_initialized()


def test_a_process_that_cannot_start_says_why(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such library\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(core.sys, "executable", str(broken))
    with pytest.raises(RankLost, match=r"process 2 ended with code 3: no such library \(before it joined\)"):
        train.run(make_config(**SIX_ROWS, processes=2), ctx)


def test_a_follower_does_not_outlive_its_rank_zero(tmp_path):
    (tmp_path / "order.json").write_text("{}")
    follower = core._start(1, tmp_path, 1)
    follower.process.stdin.close()  # as the system does when rank 0 is killed
    assert follower.process.wait(timeout=60) == 1


def test_shares_are_contiguous_complete_and_nearly_equal():
    for rows in range(1, 12):
        for processes in range(1, 6):
            shares = [list(range(rows))[share_of(rows, rank, processes)] for rank in range(processes)]
            assert list(itertools.chain(*shares)) == list(range(rows))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1 and shares[0]


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="3 processes want a GPU each, this worker has 2"):
        count(make_config(processes=3), "cuda")
    assert (count(make_config(processes=0), "cuda"), count(make_config(processes=0), "cpu")) == (2, 1)
