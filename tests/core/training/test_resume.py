"""A run that was stopped or killed goes on as if nothing had happened."""

import json
import shutil

import numpy as np
import pytest
import torch

from chimera.context import Cancelled, Paused
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core.jobs import train
from training_app.core.resume_point import FOLDER, DamagedResumePoint, ForeignResumePoint

pytestmark = pytest.mark.torch


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the engine handles it."""


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
            raise Killed

    ctx.recorder.write = dying
    with pytest.raises(Killed):
        train.run(config, ctx)
    ctx.recorder.write = write
    result = train.run(config, ctx)
    assert without_clock(ctx.recorder.points) == without_clock(whole_ctx.recorder.points)
    assert weights_of(result) == weights_of(whole)


def test_a_crash_before_the_note_leaves_debris_that_the_next_attempt_removes(tmp_path, uninterrupted):
    ctx, _, _ = make_context(tmp_path)
    note = ctx.recorder.checkpoint

    def dying(_: object) -> None:
        raise Killed

    ctx.recorder.checkpoint = dying
    with pytest.raises(Killed):
        train.run(make_config(), ctx)
    (ctx.scratch / FOLDER / "tmp-half").mkdir()
    assert (ctx.scratch / FOLDER / "step-000000008").is_dir()
    ctx.recorder.checkpoint = note
    result = train.run(make_config(), ctx)
    assert without_clock(ctx.recorder.points) == uninterrupted[0]
    assert weights_of(result) == weights_of(uninterrupted[1])


def test_the_last_two_resume_points_are_kept_and_hold_no_pickle(tmp_path):
    ctx, _, _ = make_context(tmp_path)
    train.run(make_config(**SAVE_OFTEN), ctx)
    kept = sorted((ctx.scratch / FOLDER).iterdir())
    assert [path.name for path in kept] == ["step-000000015", "step-000000016"]
    assert kept[-1] == ctx.recorder.last.path and ctx.recorder.last.step == 16
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


def stopped_at(tmp_path, step: int):
    """A run that saved a resume point every third step and was stopped at `step`."""
    ctx, _, _ = make_context(tmp_path)
    ctx.wish, ctx.when = "pause", lambda latest: latest == step
    with pytest.raises(Paused):
        train.run(make_config(**SAVE_OFTEN), ctx)
    ctx.when = lambda latest: False
    return ctx


def damage(path, how: str) -> None:
    file = path / ("manifest.json" if how == "manifest" else "optimizer.safetensors")
    content = bytearray(file.read_bytes())
    if how == "remove":
        file.unlink()
        return
    content[0 if how == "manifest" else len(content) // 2] ^= 1
    file.write_bytes(content[:-1] if how == "truncate" else content)


@pytest.mark.parametrize("how", ["flip a bit", "truncate", "remove", "manifest"])
def test_a_damaged_resume_point_is_refused_and_the_one_before_it_used(tmp_path, uninterrupted, how):
    ctx = stopped_at(tmp_path, 11)
    assert ctx.recorder.last.step == 11
    damage(ctx.recorder.last.path, how)
    result = train.run(make_config(**SAVE_OFTEN), ctx)
    kind, message, step = ctx.recorder.events[-1]
    assert (kind, step) == ("resumed", 9) and "the resume point of step 11 cannot be used" in message
    assert [point[0] for point in ctx.recorder.points] == list(range(1, 17)), "nothing lost, nothing doubled"
    assert weights_of(result) == weights_of(uninterrupted[1])


def test_two_damaged_resume_points_are_an_error_that_says_what_to_do(tmp_path):
    ctx = stopped_at(tmp_path, 11)
    for path in (ctx.scratch / FOLDER).iterdir():
        damage(path, "flip a bit")
    with pytest.raises(DamagedResumePoint, match=r"step-000000011.*so is the one before.*fork from the last"):
        train.run(make_config(**SAVE_OFTEN), ctx)
    assert len(ctx.recorder.points) == 11, "nothing was cut"


def test_a_resume_point_of_another_configuration_is_refused_loudly(tmp_path):
    ctx = stopped_at(tmp_path, 11)
    with pytest.raises(ForeignResumePoint, match="another configuration"):
        train.run(make_config(**SAVE_OFTEN, seed=5), ctx)


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
