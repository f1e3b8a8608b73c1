"""Runs that go on from a checkpoint: forks, continued training, adapters."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from chimera.errors import InputError
from curriculum_app.core.schedule import ROW
from tests.core.training.run_factory import make_config, make_context
from training_app.core.base_model import require_same_tokenizer
from training_app.core.checkpoint import Checkpoint
from training_app.core.jobs import train

pytestmark = pytest.mark.torch
LORA = {"key": "lora", "config": {"rank": 4}}


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A run of 16 steps that kept its eighth, and its context, where `checkpoint-1` is what it kept."""
    ctx, table, schedule = make_context(tmp_path_factory.mktemp("parent"))
    result = train.run(make_config(keep_every_steps=8, keep_moments=True, probes=[]), ctx)
    ctx.artefacts |= {
        "checkpoint-1": Checkpoint.open(ctx.recorder.kept[8]),
        "checkpoint-2": Checkpoint.open(result.stored),
    }
    return ctx, result, table, schedule


def test_a_checkpoint_kept_in_mid_run_knows_where_it_stands(parent):
    ctx, result, _, schedule = parent
    kept = ctx.artefacts["checkpoint-1"]
    assert list(ctx.recorder.kept) == [8] and kept.manifest["next_row"] == 32
    assert kept.summary.steps == 8 and kept.summary.held_out_macro > result.summary.held_out_macro
    assert np.array_equal(np.load(kept.path / "delivered.npy"), schedule.rows[:32])
    assert kept.manifest["parameters"] == 35_008 and kept.manifest["base"] is None


def test_keeping_checkpoints_changes_nothing_that_is_learnt(parent, tmp_path):
    ctx, _, _ = make_context(tmp_path)
    plain = Checkpoint.open(train.run(make_config(probes=[]), ctx).stored)
    assert plain.weights_digest == parent[0].artefacts["checkpoint-2"].weights_digest


def test_a_fork_with_the_optimizer_s_state_ends_with_the_weights_of_its_parent(parent):
    ctx, result, _, _ = parent
    ctx.recorder.points.clear()
    ctx.recorder.last = None
    fork = make_config(base="checkpoint-1", first_row=32, carry_moments=True, keep_moments=True, probes=[])
    found = train.run(fork, ctx)
    assert Checkpoint.open(found.stored).weights_digest == Checkpoint.open(result.stored).weights_digest
    assert [tokens for _, tokens, _ in ctx.recorder.points] == list(range(9 * 128, 17 * 128, 128))
    assert found.stored.manifest["base"] == ctx.artefacts["checkpoint-1"].digest
    assert found.stored.manifest["next_row"] == 64 and found.summary.delivered_digest == found.summary.planned_digest


def test_a_fork_with_a_fresh_optimizer_goes_its_own_way(parent):
    ctx, result, _, _ = parent
    ctx.recorder.last = None
    found = train.run(make_config(base="checkpoint-1", first_row=32, probes=[], seed=5), ctx)
    assert Checkpoint.open(found.stored).weights_digest != Checkpoint.open(result.stored).weights_digest


def test_lora_moves_its_adapter_only_and_reloads_merged_with_the_same_scores(parent):
    ctx, _, table, _ = parent
    ctx.recorder.last = None
    found = train.run(make_config(base="checkpoint-2", adapter=LORA, probes=[{"key": "stable_rank"}]), ctx)
    checkpoint = Checkpoint.open(found.stored)
    weights = load_file(checkpoint.path / "adapter_model.safetensors")
    assert checkpoint.is_adapter and not (checkpoint.path / "model.safetensors").exists()
    assert {name.split(".")[-2] for name in weights} == {"lora_A", "lora_B"} and len(weights) == 2 * 4 * 2
    assert found.summary.parameters == sum(w.numel() for w in weights.values()) == 2 * 4 * 2 * 4 * 32
    from training_app.core.held_out import HeldOutText

    model = checkpoint.load_model()
    scores = HeldOutText(table.held_out(), table.eos_id, model.device).score(model)
    assert scores.macro == pytest.approx(found.summary.held_out_macro, abs=1e-5)
    assert not any("lora" in name for name, _ in model.named_parameters())


def test_a_killed_lora_run_resumes_to_the_same_bits(parent):
    ctx, _, _, _ = parent
    config = make_config(base="checkpoint-2", adapter=LORA, probes=[], seed=3, checkpoint_every_steps=3)
    ctx.recorder.last = None
    whole = Checkpoint.open(train.run(config, ctx).stored)
    write, ctx.recorder.last = ctx.recorder.write, None

    def dying(step, tokens, values):
        write(step, tokens, values)
        if step == 7:
            raise KeyboardInterrupt

    ctx.recorder.write = dying
    with pytest.raises(KeyboardInterrupt):
        train.run(config, ctx)
    ctx.recorder.write = write
    assert ctx.recorder.last.step == 6
    assert Checkpoint.open(train.run(config, ctx).stored).weights_digest == whole.weights_digest


def test_an_adapter_for_layers_that_are_not_there_names_those_that_are(parent):
    ctx = parent[0]
    config = make_config(base="checkpoint-2", adapter={"key": "lora", "config": {"targets": ["c_attn"]}})
    with pytest.raises(InputError, match=r"no layer c_attn.*q_proj"):
        train.run(config, ctx)


def test_an_adapter_without_a_base_is_refused():
    with pytest.raises(ValueError, match="needs a base"):
        make_config(adapter=LORA)


def test_sequences_of_another_tokenizer_are_refused(parent, tmp_path):
    ctx, _, table, _ = parent
    other = json.loads(table.tokenizer_path.read_text())
    first, second = list(other["model"]["vocab"])[:2]
    vocab = other["model"]["vocab"]
    vocab[first], vocab[second] = vocab[second], vocab[first]
    (tmp_path / "tokenizer.json").write_text(json.dumps(other))

    class Swapped:
        tokenizer_path = tmp_path / "tokenizer.json"

    require_same_tokenizer(ctx.artefacts["checkpoint-1"], table)
    with pytest.raises(InputError, match="another tokenizer") as error:
        require_same_tokenizer(ctx.artefacts["checkpoint-1"], Swapped())
    assert error.value.problems[0].field == "base"


def test_a_fork_behind_the_end_of_the_schedule_is_refused(parent):
    with pytest.raises(InputError, match="none is left from row 64"):
        train.run(make_config(base="checkpoint-1", first_row=64), parent[0])


def test_moments_that_were_not_kept_cannot_be_carried_on(parent, tmp_path):
    ctx, _, _ = make_context(tmp_path)
    ctx.artefacts["checkpoint-3"] = Checkpoint.open(train.run(make_config(probes=[]), ctx).stored)
    ctx.recorder.last = None
    with pytest.raises(InputError, match="holds no optimizer state"):
        train.run(make_config(base="checkpoint-3", carry_moments=True), ctx)


def test_one_loss_is_kept_for_every_row(parent):
    _, result, _, schedule = parent
    losses = np.load(result.stored.path / "row_losses.npy")
    assert losses.shape == (64,) and np.isfinite(losses).all() and schedule.rows.dtype == ROW
    first = torch.tensor(losses[:4]).mean()
    assert float(first) == pytest.approx(result.summary.first_loss, rel=1e-5)
