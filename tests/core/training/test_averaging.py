"""Averages of checkpoints: their weights by hand, the mean tensor by tensor, what is refused, what is sealed."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from chimera.artefacts import file_facts
from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context
from training_app.core.averages.base import AVERAGES
from training_app.core.averaging import Source, tied_names, write_average
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_average import AverageConfig
from training_app.core.jobs import average, train

LORA = {"key": "lora", "config": {"rank": 4}}
torch_test = pytest.mark.torch


@pytest.mark.parametrize(
    ("key", "config", "expected"),
    [
        ("ema", {}, [0.32768, 0.08192, 0.1024, 0.128, 0.16, 0.2]),
        ("uniform", {}, [1 / 6] * 6),
        ("wma", {}, [k / 21 for k in range(1, 7)]),
        ("ema", {"alpha": 0.5, "debias": True}, [k / 63 for k in (1, 2, 4, 8, 16, 32)]),
    ],
)
def test_the_weights_of_six_checkpoints_are_those_worked_by_hand(key, config, expected):
    weights = AVERAGES.build(key, config).weights(6)
    assert weights == pytest.approx(expected, abs=1e-12) and sum(weights) == pytest.approx(1)


def test_the_exponential_weights_are_those_of_the_recursion():
    models, mean = np.random.default_rng(0).normal(size=5), None
    for model in models:
        mean = model if mean is None else 0.3 * model + 0.7 * mean
    assert AVERAGES.build("ema", {"alpha": 0.3}).weights(5) @ models == pytest.approx(mean)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"checkpoints": ["checkpoint-1"]}, "two or more"),
        ({"checkpoints": ["checkpoint-1", "checkpoint-1"]}, "named twice"),
        ({"run": "run-1"}, "not both"),
        ({"run": "1"}, "pattern"),
    ],
)
def test_what_does_not_name_checkpoints_is_refused(changes, told):
    named = {"name": "mean", "checkpoints": ["checkpoint-1", "checkpoint-2"]}
    with pytest.raises(ValidationError, match=told):
        AverageConfig.model_validate(named | changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 8 steps that kept every second (`checkpoint-1` … `-4`), and two adapters on its end (`-5`, `-6`)."""
    ctx, table, _ = make_context(tmp_path_factory.mktemp("averages"), num_sequences=32)
    result = train.run(make_config(keep_every_steps=2, probes=[]), ctx)
    stored = [*ctx.recorder.kept.values(), result.stored]
    ctx.artefacts |= {f"checkpoint-{place}": Checkpoint.open(each) for place, each in enumerate(stored, start=1)}
    ctx.recorder.last = None
    ctx.recorder.kept.clear()
    rate = {"key": "constant", "config": {"peak": 0.1, "warmup_fraction": 0}}
    lora = make_config(
        base="checkpoint-4", adapter=LORA, keep_every_steps=4, batch_sequences=4, probes=[], learning_rate=rate
    )
    adapted = train.run(lora, ctx)
    ctx.artefacts["checkpoint-5"] = Checkpoint.open(ctx.recorder.kept[4])
    ctx.artefacts["checkpoint-6"] = Checkpoint.open(adapted.stored)
    return ctx, table


def averaged(ctx, *numbers, **settings):
    config = {"name": "mean", "checkpoints": [f"checkpoint-{number}" for number in numbers], **settings}
    return Checkpoint.open(average.run(AverageConfig.model_validate(config), ctx).stored)


def close(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name


@torch_test
def test_an_average_is_the_weighted_sum_of_whole_models_from_the_oldest_to_the_newest(trained):
    ctx, _ = trained
    found = averaged(ctx, 3, 1, 4, 2)
    sources = [ctx.artefacts[f"checkpoint-{number}"] for number in (1, 2, 3, 4)]
    weights = [0.512, 0.128, 0.16, 0.2]
    assert found.manifest["averaged"] == [source.digest for source in sources]
    assert found.manifest["average"]["weights"] == pytest.approx(weights)
    models = [source.load_model().state_dict() for source in sources]
    mean = {name: sum(w * m[name] for w, m in zip(weights, models, strict=True)) for name in models[0]}
    close(found.load_model().state_dict(), mean)
    assert not (found.path / "optimizer.safetensors").exists()
    assert set(load_file(found.path / "model.safetensors")) == set(load_file(sources[0].path / "model.safetensors"))


@torch_test
def test_an_average_knows_what_it_is_and_is_scored_on_the_text_of_its_sources(trained):
    from training_app.core.held_out import HeldOutText

    ctx, table = trained
    found, newest = averaged(ctx, 3, 4, weights={"key": "uniform"}), ctx.artefacts["checkpoint-4"]
    facts = ("parameters", "architecture", "context_length", "vocab_size", "step", "tokens", "schedule", "sequences")
    assert {name: found.manifest[name] for name in facts} == {name: newest.manifest[name] for name in facts}
    scores = HeldOutText(table.held_out(), table.eos_id, torch.device("cpu")).score(found.load_model())
    assert found.manifest["summary"]["held_out"] == pytest.approx(scores.by_domain())
    assert pq.read_table(found.path / "held_out.parquet").equals(scores.table())
    assert found.manifest["adapter"] is None and "train_config" not in found.manifest


@torch_test
def test_the_same_average_again_is_the_same_artefact(trained):
    ctx, _ = trained
    first, again, other = averaged(ctx, 1, 2), averaged(ctx, 2, 1, name="again"), averaged(ctx, 1, 3)
    assert first.digest == again.digest and other.digest != first.digest
    assert ctx.store.verify(first.stored) == {}


@torch_test
def test_adapters_are_averaged_as_what_they_add_to_the_weights(trained):
    """Merged models are averaged: mean(B) mean(A) is not mean(B A)."""
    ctx, _ = trained
    first, second = (ctx.artefacts[f"checkpoint-{number}"] for number in (5, 6))
    found = averaged(ctx, 5, 6, weights={"key": "uniform"})
    merged = [source.load_model().state_dict() for source in (first, second)]
    mean = {name: (merged[0][name] + merged[1][name]) / 2 for name in merged[0]}
    close(found.load_model().state_dict(), mean)
    factors = [load_file(source.path / "adapter_model.safetensors") for source in (first, second)]
    name = next(key for key in factors[0] if key.endswith("q_proj.lora_A.weight"))
    a, b = (torch.stack([f[key] for f in factors]) for key in (name, name.replace("lora_A", "lora_B")))
    apart = (4.0 * (b @ a).mean(0) - 4.0 * b.mean(0) @ a.mean(0)).abs().max()  # alpha / rank = 4
    assert apart > 1e-3, "the two ways differ here, so the test can tell them apart"
    assert not found.is_adapter and not list(ctx.scratch.glob("tmp*"))


@torch_test
def test_numbers_of_other_types_tied_weights_and_half_precision(trained, tmp_path):
    """Whole numbers are the newest model's; bfloat16 is summed in float32; what is tied is written once."""
    ctx, _ = trained
    shape, rng = ctx.artefacts["checkpoint-1"], torch.Generator().manual_seed(0)
    sources, halves = [], []
    for place in range(3):
        half = torch.randn(5, 3, generator=rng).to(torch.bfloat16)
        halves.append(half.float())
        tensors = {"model.embed_tokens.weight": half, "count": torch.tensor([place, 7]), "flag": torch.tensor(True)}
        if place:
            tensors["lm_head.weight"] = half.clone()
        save_file(tensors, tmp_path / f"{place}.safetensors")
        sources.append(Source("", f"checkpoint-{place}", shape, tmp_path / f"{place}.safetensors"))
    assert tied_names(shape.path) == {"lm_head.weight"}
    parameters = write_average(sources, [0.2, 0.3, 0.5], tmp_path / "mean.safetensors", lambda: None)
    found = load_file(tmp_path / "mean.safetensors")
    assert parameters == 15 and set(found) == {"model.embed_tokens.weight", "count", "flag"}
    expected = 0.2 * halves[0] + 0.3 * halves[1] + 0.5 * halves[2]
    assert torch.allclose(found["model.embed_tokens.weight"], expected, atol=1e-7)
    assert found["model.embed_tokens.weight"].dtype == torch.float32
    assert found["count"].tolist() == [2, 7] and found["flag"].dtype == torch.bool


def changed(ctx, number, name, change):
    """`checkpoint-9`: a copy of a checkpoint with one file changed and sealed again."""
    source = ctx.artefacts[f"checkpoint-{number}"]
    with ctx.store.stage("checkpoint") as stage:
        shutil.copytree(source.path, stage.path, dirs_exist_ok=True)
        (stage.path / "manifest.json").unlink()
        change(stage.path / name)
        digest = file_facts(stage.path / name)["sha256"]
        ctx.artefacts["checkpoint-9"] = Checkpoint.open(stage.seal(digest, dict(source.manifest)))


def edit_json(path, edit):
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


def swap_two_words(tokenizer):
    vocabulary = tokenizer["model"]["vocab"]
    first, second = list(vocabulary)[:2]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


def edit_weights(path, edit):
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, {"format": "pt"})


def other_config(path):
    edit_json(path, lambda config: config["rope_parameters"].update(rope_theta=500.0))


def other_words(path):
    edit_json(path, swap_two_words)


def other_shape(path):
    edit_weights(path, lambda tensors: tensors.update({"model.norm.weight": torch.ones(7)}))


def not_a_number(path):
    edit_weights(path, lambda tensors: tensors["model.norm.weight"].fill_(float("nan")))


@torch_test
@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("config.json", other_config, r"checkpoint-9 differs from checkpoint-4: rope_parameters is .*500"),
        ("tokenizer.json", other_words, "another tokenizer"),
        ("model.safetensors", other_shape, r"model\.norm\.weight has shape \[7\], not \[32\]"),
        ("model.safetensors", not_a_number, r"checkpoint-9 holds NaN or infinity in model\.norm\.weight"),
    ],
)
def test_a_checkpoint_of_another_model_is_named_with_what_differs(trained, name, change, told):
    ctx, _ = trained
    changed(ctx, 3, name, change)
    with pytest.raises(InputError, match=told) as error:
        averaged(ctx, 9, 4)
    assert error.value.problems[0].field == "checkpoints.0" and error.value.problems[0].file == name
    assert not list((ctx.store.root / "checkpoint").glob("tmp-*"))


@torch_test
def test_a_damaged_source_is_refused(trained):
    ctx, _ = trained
    changed(ctx, 3, "generation_config.json", lambda path: path.write_text("{}"))
    (ctx.artefacts["checkpoint-9"].path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"checkpoint-9 is damaged: model\.safetensors was changed"):
        averaged(ctx, 4, 9)
