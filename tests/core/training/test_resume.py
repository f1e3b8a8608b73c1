"""A run that was stopped or killed goes on as if nothing had happened."""

import json
import shutil

import numpy as np
import pytest
import torch

from chimera.context import Cancelled, Paused
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core.jobs import train
from training_app.core.resume_point import FOLDER, DamagedResumePoint

pytestmark = pytest.mark.torch
SAVE_OFTEN = {"checkpoint_every_steps": 3, "evaluate_every": 0}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    ctx, _, _ = make_context(tmp_path_factory.mktemp("whole"))
    result = train.run(make_config(), ctx)
    return without_clock(ctx.recorder.points), result


def weights_of(result) -> str:
    return result.stored.manifest["files"]["model.safetensors"]["sha256"]


@pytest.mark.parametrize(
    "stops", [(0, 5), (1,), (8,), (15,), tuple(np.random.default_rng(0).choice(15, 3, replace=False) + 1)]
)
def test_a_paused_and_resumed_run_equals_the_uninterrupted_one_to_the_last_bit(tmp_path, uninterrupted, stops):
    ctx, _, _ = make_context(tmp_path)
    ctx.wish = "pause"
    for stop in sorted(stops):
        ctx.when = lambda step, stop=stop: step == stop
        with pytest.raises(Paused):
            train.run(make_config(), ctx)
        torch.manual_seed(999)  # another process would start from any random state
    ctx.when = lambda step: False
    result = train.run(make_config(), ctx)
    points, whole = uninterrupted
    assert without_clock(ctx.recorder.points) == points
    assert weights_of(result) == weights_of(whole) and result.stored.digest == whole.stored.digest
    assert result.summary.sparkline == whole.summary.sparkline
    assert result.summary.delivered_digest == whole.summary.delivered_digest


@pytest.mark.parametrize("crash_step", [1, 3, 4, 11])
def test_a_crash_between_resume_points_repeats_and_loses_nothing(tmp_path, crash_step):
    config = make_config(**SAVE_OFTEN)
    whole_ctx, _, _ = make_context(tmp_path / "whole")
    whole = train.run(config, whole_ctx)
    ctx, _, _ = make_context(tmp_path / "crashed")
    write = ctx.recorder.write

    def dying(step: int, tokens: int, values: dict[str, float]) -> None:
        write(step, tokens, values)
        if step == crash_step:
            raise MemoryError

    ctx.recorder.write = dying
    with pytest.raises(MemoryError):
        train.run(config, ctx)
    ctx.recorder.write = write
    result = train.run(config, ctx)
    assert without_clock(ctx.recorder.points) == without_clock(whole_ctx.recorder.points)
    assert weights_of(result) == weights_of(whole)


def test_a_crash_before_the_note_leaves_debris_that_the_next_attempt_removes(tmp_path, uninterrupted):
    ctx, _, _ = make_context(tmp_path)
    note = ctx.recorder.checkpoint

    def dying(_: object) -> None:
        raise MemoryError

    ctx.recorder.checkpoint = dying
    with pytest.raises(MemoryError):
        train.run(make_config(), ctx)
    (ctx.scratch / FOLDER / "tmp-half").mkdir()
    assert (ctx.scratch / FOLDER / "step-000000008").is_dir()
    ctx.recorder.checkpoint = note
    result = train.run(make_config(), ctx)
    assert without_clock(ctx.recorder.points) == uninterrupted[0]
    assert weights_of(result) == weights_of(uninterrupted[1])


def test_only_the_latest_resume_point_is_kept_and_it_holds_no_pickle(tmp_path):
    ctx, _, _ = make_context(tmp_path)
    train.run(make_config(**SAVE_OFTEN), ctx)
    kept = list((ctx.scratch / FOLDER).iterdir())
    assert kept == [ctx.recorder.last.path] and ctx.recorder.last.step == 16
    assert {file.suffix for file in kept[0].iterdir()} == {".safetensors", ".npy", ".json"}


def test_a_run_that_died_after_its_last_step_only_seals(tmp_path, uninterrupted):
    ctx, _, _ = make_context(tmp_path)
    train.run(make_config(), ctx)
    shutil.rmtree(ctx.store.root / "checkpoint")
    result = train.run(make_config(), ctx)
    assert without_clock(ctx.recorder.points) == uninterrupted[0]
    assert result.summary.held_out == uninterrupted[1].summary.held_out
    assert result.stored.digest == uninterrupted[1].stored.digest


def test_cancelling_stops_at_a_step_boundary(tmp_path):
    ctx, _, _ = make_context(tmp_path)
    ctx.wish, ctx.when = "cancel", lambda step: step == 2
    with pytest.raises(Cancelled):
        train.run(make_config(), ctx)
    assert [step for step, _, _ in ctx.recorder.points] == [1, 2]
    assert not list((ctx.store.root / "checkpoint").glob("*"))


@pytest.mark.parametrize("damage", ["truncate", "remove", "other config"])
def test_a_damaged_or_foreign_resume_point_is_refused_loudly(tmp_path, damage):
    ctx, _, _ = make_context(tmp_path)
    ctx.wish, ctx.when = "pause", lambda step: step == 2
    with pytest.raises(Paused):
        train.run(make_config(), ctx)
    ctx.when = lambda step: False
    config, optimizer = make_config(), ctx.recorder.last.path / "optimizer.safetensors"
    if damage == "truncate":
        optimizer.write_bytes(optimizer.read_bytes()[:-1])
    elif damage == "remove":
        optimizer.unlink()
    else:
        config = make_config(seed=5)
    with pytest.raises(DamagedResumePoint):
        train.run(config, ctx)


def test_random_states_of_python_numpy_and_torch_survive(tmp_path):
    import random

    ctx, _, _ = make_context(tmp_path)
    ctx.wish, ctx.when = "pause", lambda step: step == 2
    with pytest.raises(Paused):
        train.run(make_config(), ctx)
    expected = random.random(), np.random.random(), torch.rand(()).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with pytest.raises(Paused):
        train.run(make_config(), ctx)
    assert (random.random(), np.random.random(), torch.rand(()).item()) == expected
    assert json.loads((ctx.recorder.last.path / "state.json").read_text())["step"] == 2
