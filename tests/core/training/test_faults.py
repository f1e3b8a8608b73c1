"""A machine that fails under a run: no memory, no disk, damaged files. Nothing is lost and nothing is doubled."""

import errno
import shutil

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core import engine, resume_point
from training_app.core.checkpoint import Checkpoint
from training_app.core.jobs import train
from training_app.core.memory_advice import advice
from training_app.core.resume_point import FOLDER

pytestmark = pytest.mark.torch
SAVE_OFTEN = {"checkpoint_every_steps": 3, "evaluate_every": 0, "probes": []}
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
SAFETENSORS_SAYS = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    ctx, _, _ = make_context(tmp_path_factory.mktemp("whole"))
    result = train.run(make_config(**SAVE_OFTEN), ctx)
    return without_clock(ctx.recorder.points), result


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."),
        MemoryError(),
    ],
)
def test_out_of_memory_is_told_with_numbers_and_advice(tmp_path, monkeypatch, error):
    ctx, _, _ = make_context(tmp_path)

    def failing(*args, **kwargs):
        raise error

    monkeypatch.setattr(engine, "accumulate", failing)
    with pytest.raises(InputError) as caught:
        train.run(make_config(**SAVE_OFTEN), ctx)
    [problem] = caught.value.problems
    assert "35,008 parameters" in problem.message and "4 sequences of up to 32 tokens at once (128" in problem.message
    assert "GB" in problem.message and problem.field == "micro_batch_sequences"
    assert "micro_batch_sequences 2" in problem.hint and "gradient_checkpointing" in problem.hint
    assert ("allocation of" in problem.message) == (str(error) != "")


def test_a_real_allocation_that_fails_is_recognised(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    monkeypatch.setattr(engine, "accumulate", lambda *args, **kwargs: torch.empty(1 << 50))
    with pytest.raises(InputError, match=r"allocation of \d+ bytes failed"):
        train.run(make_config(**SAVE_OFTEN), ctx)


def test_advice_names_only_what_is_not_in_use():
    used = {"micro_batch_sequences": 1, "gradient_checkpointing": True, "precision": "bf16"}
    assert advice(make_config(**used, base="checkpoint-1")) == (
        "try the LoRA adapter (no gradient and no optimizer state for the base)"
    )
    assert "smaller model" in advice(make_config(**used))


def test_another_runtime_error_stays_what_it_is(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)

    def failing(*args, **kwargs):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(engine, "accumulate", failing)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train.run(make_config(**SAVE_OFTEN), ctx)


@pytest.mark.parametrize("error", [NO_SPACE, SAFETENSORS_SAYS], ids=["OSError", "safetensors"])
def test_a_disk_full_at_a_resume_point_leaves_the_one_before_it_whole(tmp_path, monkeypatch, uninterrupted, error):
    ctx, _, _ = make_context(tmp_path)
    save_file, calls = resume_point.save_file, []

    def filling(tensors, path):
        calls.append(path)
        if len(calls) > 5:  # the second file of the second point
            path.write_bytes(b"half")
            raise error
        save_file(tensors, path)

    monkeypatch.setattr(resume_point, "save_file", filling)
    with pytest.raises(
        OSError, match=r"the disk is full: a resume point takes about [\d.]+ kB \(420,\d+ bytes\) in"
    ) as full:
        train.run(make_config(**SAVE_OFTEN), ctx)
    assert full.value.errno == errno.ENOSPC and str(ctx.scratch) in str(full.value)
    assert [path.name for path in (ctx.scratch / FOLDER).iterdir()] == ["step-000000003"]
    monkeypatch.setattr(resume_point, "save_file", save_file)
    result = train.run(make_config(**SAVE_OFTEN), ctx)
    assert without_clock(ctx.recorder.points) == uninterrupted[0]
    assert result.stored.digest == uninterrupted[1].stored.digest


def test_a_disk_full_at_a_checkpoint_leaves_no_part_of_it_and_the_run_only_seals_again(
    tmp_path, monkeypatch, uninterrupted
):
    ctx, _, _ = make_context(tmp_path)
    save = np.save

    def filling(path, *args, **kwargs):
        if "checkpoint" in str(path):
            raise NO_SPACE
        save(path, *args, **kwargs)

    monkeypatch.setattr(np, "save", filling)
    with pytest.raises(OSError, match="the disk is full: a checkpoint takes about"):
        train.run(make_config(**SAVE_OFTEN), ctx)
    assert not list((ctx.store.root / "checkpoint").iterdir())
    monkeypatch.setattr(np, "save", save)
    result = train.run(make_config(**SAVE_OFTEN), ctx)
    assert ctx.recorder.events[-1] == ("resumed", "resumed at step 16", 16)
    assert without_clock(ctx.recorder.points) == uninterrupted[0]
    assert result.stored.digest == uninterrupted[1].stored.digest


def test_a_base_with_a_flipped_bit_is_refused_by_its_hash(tmp_path, uninterrupted):
    ctx, _, _ = make_context(tmp_path)
    shutil.copytree(uninterrupted[1].stored.path.parents[1], ctx.store.root / "checkpoint")
    base = Checkpoint.open(ctx.store.load("checkpoint", uninterrupted[1].stored.digest))
    weights = bytearray((base.path / "model.safetensors").read_bytes())
    weights[-5] ^= 1
    (base.path / "model.safetensors").write_bytes(weights)
    ctx.artefacts["checkpoint-1"] = base
    with pytest.raises(InputError, match=r"the base is damaged: model\.safetensors was changed") as error:
        train.run(make_config(base="checkpoint-1", probes=[]), ctx)
    assert error.value.problems[0].field == "base" and ctx.recorder.points == []
