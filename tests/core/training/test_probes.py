"""Probes: worked numbers, declared keys, no disturbance."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from chimera.context import Paused
from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context, step_view, without_clock
from training_app.core.checkpoint import Checkpoint
from training_app.core.engine import Run, prepare
from training_app.core.fed import Fed
from training_app.core.jobs import train
from training_app.core.metric_keys import describe
from training_app.core.model import trained_parameters
from training_app.core.part_gradients import above_diagonal, cosines, equal_parts, gram, sketch
from training_app.core.probes.attention_entropy import attention_entropy, measured, normalised_entropy
from training_app.core.probes.base import PROBES, StepView
from training_app.core.probes.gradient_cosine import against_the_rest
from training_app.core.probes.noise_scale import NoiseScale, noise_scale, norms_of_parts
from training_app.core.probes.spectral import spectrum
from training_app.core.probes.stable_rank import StableRank, stable_rank
from training_app.core.probing import measure
from training_app.core.resume_point import RunState


@pytest.fixture(scope="module")
def stepped(tmp_path_factory) -> tuple[Run, StepView]:
    """A run after its first backward pass, as probes see it."""
    _, table, schedule = make_context(tmp_path_factory.mktemp("probes"))
    run = prepare(make_config(), schedule, table)
    return run, step_view(run)


def test_stable_rank_of_the_worked_examples():
    assert stable_rank(torch.tensor([[3.0, 0.0], [0.0, 4.0]])) == pytest.approx(1.5625)
    ranks = [stable_rank(torch.diag(torch.tensor(d))) for d in ([2.0, 2.0], [3.0, 1.0], [1.0, 0.0])]
    assert ranks == pytest.approx([2, 1.1111111, 1])
    assert min(ranks) == pytest.approx(1) and sum(ranks) / 3 == pytest.approx(1.3703704)


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (12, 12)])
def test_stable_rank_equals_the_full_svd_whatever_the_scale(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    singular = torch.linalg.svdvals(matrix.double())
    expected = float((singular**2).sum() / singular[0] ** 2)
    assert stable_rank(matrix) == pytest.approx(expected, rel=1e-5)
    assert stable_rank(matrix * 1e-30) == pytest.approx(expected, rel=1e-5)


def test_stable_rank_of_a_zero_gradient_is_nan():
    assert math.isnan(stable_rank(torch.zeros(3, 4)))


def test_layers_without_gradient_are_left_out_and_counted(stepped):
    run, view = stepped
    probe = StableRank(StableRank.Config())
    before = probe.measure(view)
    weight = run.model.model.layers[0].mlp.up_proj.weight
    kept, weight.grad = weight.grad, torch.zeros_like(weight)
    after = probe.measure(view)
    weight.grad = kept
    assert (before["stable_rank/zero_gradients"], after["stable_rank/zero_gradients"]) == (0, 1)
    assert 1 <= after["stable_rank/min"] <= after["stable_rank/mean"]


def test_attention_entropy_of_the_worked_rows():
    rows = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    assert attention_entropy(rows).tolist() == pytest.approx([0, 0.6931472, 1.0296530])
    assert normalised_entropy(rows).tolist() == pytest.approx([1, 0.9372306])


@pytest.mark.parametrize("entry", list(PROBES), ids=lambda entry: entry.key)
def test_every_probe_declares_its_keys_and_disturbs_nothing(entry, stepped):
    run, view = stepped
    config = entry.config(**({"per_layer": True} if "per_layer" in entry.config.model_fields else {}))
    gradients = [p.grad.clone() for p in run.model.parameters()]
    weights, random_state = [p.detach().clone() for p in run.model.parameters()], torch.get_rng_state()
    values = entry.cls(config).measure(view)
    assert values and all(math.isfinite(value) for value in values.values())
    assert all(any(declared.matches(key) for declared in entry.cls.metrics) for key in values)
    assert all(describe(key).title != key for key in values)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(p.grad, g) for p, g in zip(run.model.parameters(), gradients, strict=True))
    assert all(torch.equal(p, w) for p, w in zip(run.model.parameters(), weights, strict=True))
    assert run.model.config._attn_implementation == "sdpa"


def test_untrained_attention_is_close_to_uniform_and_token_entropy_to_a_uniform_guess(stepped):
    _, view = stepped
    attention = PROBES.build("attention_entropy").measure(view)["attention_entropy"]
    tokens = PROBES.build("token_entropy").measure(view)["token_entropy"]
    assert 0.99 < attention <= 1.0
    assert math.log(257) - 0.05 < tokens <= math.log(257)


def gram_matrix(*vectors: tuple[float, ...]) -> np.ndarray:
    return gram([torch.tensor(vector) for vector in vectors])


def test_cosines_of_the_worked_vectors():
    found = above_diagonal(cosines(gram_matrix((1.0, 0.0), (1.0, 1.0), (0.0, 2.0))))
    assert found.tolist() == pytest.approx([0.7071068, 0, 0.7071068])


def test_noise_scale_of_the_worked_examples():
    gradient, variance = noise_scale(5, 2, 8, 32)
    assert (gradient, variance, variance / gradient) == pytest.approx((1, 32, 32))
    per_example = gram_matrix((1.0, 0.0), (3.0, 0.0), (2.0, 2.0), (2.0, -2.0))
    gradient, variance = noise_scale(*norms_of_parts(per_example), 1, 4)
    assert (gradient, variance, variance / gradient) == pytest.approx((3.1666667, 3.3333333, 1.0526316))


def test_noise_scale_is_the_ratio_of_averages_and_hidden_where_it_has_no_meaning(stepped):
    _, view = stepped
    probe = NoiseScale(NoiseScale.Config(memory=0.5, parts=2))
    for first, second in (((1.0, 0.0), (-1.0, 0.0)), ((3.0, 1.0), (3.0, -1.0))):
        shared = {("gram of parts", 2): gram_matrix(first, second)}
        values = probe.measure(dataclasses.replace(view, shared=shared))
        if second[0] < 0:
            assert values["noise_scale/gradient"] < 0 and "noise_scale" not in values
    # b = 2, B = 4: (|G|², tr Σ) = (-1, 4) and (8, 4); weights 1/3 and 2/3
    assert values["noise_scale/gradient"] == pytest.approx(5) and values["noise_scale"] == pytest.approx(4 / 5)
    again = NoiseScale(NoiseScale.Config(memory=0.5, parts=2))
    again.load_state_dict(json.loads(json.dumps(probe.state_dict())))
    assert again.state_dict() == probe.state_dict()


def test_a_batch_that_is_no_number_leaves_the_averages_alone(stepped):
    _, view = stepped
    probe = NoiseScale(NoiseScale.Config(parts=2))
    shared = {("gram of parts", 2): gram_matrix((math.nan, 0.0), (1.0, 0.0))}
    assert probe.measure(dataclasses.replace(view, shared=shared)) == {} and probe.weight == 0


def test_gradients_of_the_parts_add_up_to_that_of_the_step(stepped):
    run, view = stepped
    parts = [view.gradient_of(part) for part in equal_parts(view.batch, 2)]
    for weight, first, second in zip(trained_parameters(run.model).values(), *parts, strict=True):
        assert torch.allclose(first + second, weight.grad, atol=1e-6)


def test_a_sketch_keeps_inner_products(stepped):
    _, view = stepped
    first, second = (view.gradient_of(part) for part in equal_parts(view.batch, 2))
    whole = gram([torch.cat([g.flatten() for g in side]) for side in (first, second)])
    small = gram([sketch(side, 4096) for side in (first, second)])
    assert cosines(small)[0, 1] == pytest.approx(cosines(whole)[0, 1], abs=4 / math.sqrt(4096))
    assert np.diag(small) == pytest.approx(np.diag(whole), rel=0.1)
    assert torch.equal(sketch(first, 4096), sketch(first, 4096))


def test_a_group_against_the_rest_of_the_batch():
    found = against_the_rest(gram_matrix((1.0, 0.0), (1.0, 1.0), (0.0, 2.0)), [0.5, 0.25, 0.25])
    # (1, 0)/2 against (.25, .75); (1, 1)/4 against (.5, .5); (0, 2)/4 against (.75, .25)
    assert found == pytest.approx([1 / math.sqrt(10), 1, 1 / math.sqrt(10)])


def test_a_grouping_the_sequences_do_not_have_is_refused_with_those_they_have(stepped):
    _, view = stepped
    with pytest.raises(InputError, match="no grouping 'colour'") as error:
        PROBES.build("gradient_cosine", {"grouping": "colour"}).measure(view)
    assert "domain" in error.value.problems[0].hint


def test_spectrum_of_the_worked_example():
    found = spectrum(torch.diag(torch.tensor([3.0, 4.0])))
    expected = (0.6534182, 0.9426832, 0.64, 1.9796263, 1.8545994)
    assert dataclasses.astuple(found) == pytest.approx(expected) and not found.saturated
    assert spectrum(torch.diag(torch.tensor([1.0, 0.1])).bfloat16()).saturated
    assert spectrum(torch.zeros(2, 2)) is None


def test_what_attention_measures_say_of_three_rows():
    rows = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.001, 0.999]])[None, None]
    found = measured(rows)
    assert found.sharpness == pytest.approx([(0.5 + 0.999) / 2])
    assert found.saturated == pytest.approx([0.5]) and found.first_token == pytest.approx([0.25])
    window = normalised_entropy(torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]]), window=2)
    assert window.tolist() == pytest.approx([1, 1])


def test_convolution_layers_have_no_attention_and_a_compiled_model_is_measured_too(tmp_path):
    _, table, schedule = make_context(tmp_path)
    config = {"hidden_size": 32, "num_layers": 3, "num_heads": 2, "intermediate_size": 64, "attention_every": 3}
    run = prepare(make_config(model={"key": "lfm2", "config": config}), schedule, table)
    run.model.base_model.compile(backend="eager")
    view = step_view(run)
    values = measure([PROBES.build("attention_entropy", {"per_head": True})], view, compiled=True)
    assert {key for key in values if "layer" in key} == {"attention_entropy/layer/2"}
    assert {key for key in values if "/head/" in key} == {"attention_entropy/head/2.0", "attention_entropy/head/2.1"}


def test_probes_leave_the_random_state_of_a_model_with_dropout_alone(tmp_path):
    _, table, schedule = make_context(tmp_path)
    settings = {"n_embd": 16, "n_layer": 1, "n_head": 2, "attn_pdrop": 0.5}
    config = {"model_type": "gpt2", "settings": settings}
    run = prepare(make_config(model={"key": "any_causal", "config": config}), schedule, table)
    run.model.train()
    view = step_view(run)
    before = torch.get_rng_state()
    measure([entry.cls(entry.config()) for entry in PROBES], view, compiled=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_stable_rank_of_an_adapter_is_that_of_its_matrices(tmp_path):
    ctx, table, schedule = make_context(tmp_path, num_sequences=8)
    base = Checkpoint.open(train.run(make_config(evaluate_every=0), ctx).stored)
    adapter = {"key": "lora", "config": {"rank": 2}}
    ctx.artefacts["checkpoint-1"] = base
    run = prepare(make_config(base="checkpoint-1", adapter=adapter), schedule, table, base)
    values = PROBES.build("stable_rank").measure(step_view(run))
    layers = {key for key in values if "/layer/" in key}
    assert len(layers) == 8 and all(".lora_B." in key for key in layers)  # B starts at zero, so dL/dA is zero
    assert values["stable_rank/zero_gradients"] == 8


def test_loss_by_group_is_weighted_by_tokens_and_starts_anew_at_every_point(stepped):
    run, view = stepped
    state = RunState(step=4)
    for step in range(4):
        state.delivered.append(run.batches[step].rows)
        state.row_losses.append(np.full(4, 10.0 * step, dtype=np.float32))
    rows, losses = run.batches[4].rows, np.full(4, 40, dtype=np.float32)
    losses[0] = np.nan
    fed = Fed(rows[:0], state, rows, losses, 20)
    values = PROBES.build("group_loss", {"every": 3}).measure(
        dataclasses.replace(view, step=5, batch=run.batches[4], fed=fed)
    )
    known = np.concatenate([run.batches[3].rows, rows[1:]])  # steps 4 and 5
    counts = run.table.grouping("domain").dense(known["sequence"])
    present = counts.sum(0) > 0
    expected = (np.array([30.0] * 4 + [40.0] * 3) @ counts[:, present] / counts[:, present].sum(0)).tolist()
    names = [name for name, there in zip(run.table.grouping("domain").names, present, strict=True) if there]
    assert values | {f"group_loss/domain/{n}": pytest.approx(v) for n, v in zip(names, expected, strict=True)} == values
    assert sum(key.startswith("group_loss/domain/") for key in values) == len(names)
    assert {key.split("/")[1] for key in values} == {"domain", "difficulty"}


def test_exposures_count_what_was_fed_whenever_they_are_asked(stepped):
    run, view = stepped
    repeated = run.batches[0].rows
    state = RunState(step=5, delivered=[repeated] * 5, row_losses=[np.zeros(4, np.float32)] * 5)
    fed = Fed(run.batches[1].rows, state, repeated, np.zeros(4, np.float32), 24)
    late = PROBES.build("exposures")
    values = late.measure(dataclasses.replace(view, fed=fed))
    assert values["exposures/max"] == 6 and values["exposures/sequences"] == 8
    assert values["exposures/mean"] == pytest.approx(3.5) and values["exposures/over_four"] == pytest.approx(6 / 7)
    early = PROBES.build("exposures")
    early.measure(
        dataclasses.replace(view, fed=Fed(run.batches[1].rows, RunState(), repeated, np.zeros(4, np.float32), 4))
    )
    assert early.measure(dataclasses.replace(view, fed=fed)) == values


def test_norms_and_the_moments_of_adam_follow_the_step(tmp_path):
    _, table, schedule = make_context(tmp_path)
    run = prepare(make_config(), schedule, table)
    view, probe = step_view(run), PROBES.build("norms", {"per_layer": True})
    before = {name: weight.detach().clone() for name, weight in trained_parameters(run.model).items()}
    values = probe.measure(view)
    run.optimizer.step()
    values |= probe.after_update(view)
    after = trained_parameters(run.model)
    update = math.sqrt(sum(float((after[name].detach() - weight).pow(2).sum()) for name, weight in before.items()))
    size = math.sqrt(sum(float(weight.pow(2).sum()) for weight in before.values()))
    found = [values[f"norm/{key}"] for key in ("weights", "update", "update_ratio")]
    assert found == pytest.approx([size, update, update / size], rel=1e-4)
    assert sum("/layer/" in key for key in values) == sum(weight.ndim == 2 for weight in after.values())
    moments = [state["exp_avg_sq"].sqrt() for state in run.optimizer.state.values()]
    adam = PROBES.build("adam_variance").measure(view)
    assert adam["adam/variance_max"] == pytest.approx(max(float(root.max()) for root in moments))
    assert adam["adam/variance_sum"] == pytest.approx(sum(float(root.sum()) for root in moments), rel=1e-4)


def test_every_probe_goes_on_after_a_kill_as_if_nothing_had_happened(tmp_path):
    settings = {"probes": [{"key": entry.key, "config": {"every": 3}} for entry in PROBES], "evaluate_every": 0}
    whole, _, _ = make_context(tmp_path / "whole")
    train.run(make_config(**settings), whole)
    ctx, _, _ = make_context(tmp_path / "stopped")
    ctx.wish, ctx.when = "pause", lambda step: step == 7
    with pytest.raises(Paused):
        train.run(make_config(**settings), ctx)
    ctx.when = lambda step: False
    train.run(make_config(**settings), ctx)
    assert without_clock(ctx.recorder.points) == without_clock(whole.recorder.points)
    assert any("noise_scale/variance" in values for _, _, values in whole.recorder.points)
