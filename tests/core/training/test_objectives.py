"""Objectives beside next-token: their losses by a plain formula, in parts, over a resume, and what they refuse."""

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax, logsigmoid

from chimera.context import LocalRecorder, Paused
from chimera.errors import InputError
from curriculum_app.core.schedule import Schedule
from tests.core.curriculum.sequence_factory import build_sequences
from tests.core.training.objective_factory import batch_of, gradients, move, objective_of, tables, tiny
from tests.core.training.run_factory import StoppingContext, make_config
from training_app.core.engine import accumulate, prepare
from training_app.core.jobs import train
from training_app.core.order import DeliveryMismatch, require_delivered_as_planned, token_hash
from training_app.core.pair_loss import Answers, pair_losses

pytestmark = pytest.mark.torch
BOTH = pytest.mark.parametrize(("form", "key"), [("chat", "supervised"), ("pairs", "preference")])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tables(tmp_path_factory.mktemp("objectives"))


def schedule_of(context, table, count: int) -> Schedule:
    from curriculum_app.core.configs_order import ScheduleConfig
    from curriculum_app.core.jobs import schedule

    config = ScheduleConfig(
        name="s", sequences="sequences-1", policy={"key": "shuffle"}, budget_tokens=int(table.lengths[:count].sum())
    )
    return Schedule.open(schedule.run(config, context).stored)


def log_likelihoods(model, batch) -> torch.Tensor:
    """Per text of the batch, by the whole logits: Σ log p(target)."""
    logits = model(input_ids=batch.inputs, use_cache=False).logits.double()
    picked = log_softmax(logits, -1).gather(2, batch.targets[:, :, None])[:, :, 0]
    return (picked * (batch.weights > 0)).sum(1)


@pytest.mark.parametrize("prompts_too", [False, True])
def test_the_supervised_loss_is_the_mean_over_the_answers_tokens(made, prompts_too):
    table = made["chat"][1]
    objective = objective_of("supervised", prompts_too=prompts_too)
    batch, model = batch_of(table, objective), tiny(table)
    rows = [int(table.lengths[row] - 1 if prompts_too else table.mask_of(row)[1:].sum()) for row in range(6)]
    assert batch.total == sum(rows) and (batch.weights > 0).sum(1).tolist() == rows
    found = objective.loss(model, batch, with_entropy=True)
    likelihood = log_likelihoods(model, batch)
    assert found.loss.item() == pytest.approx(-likelihood.sum().item() / sum(rows), abs=1e-6)
    assert found.row_losses.tolist() == pytest.approx((-likelihood / torch.tensor(rows)).tolist(), abs=1e-6)
    assert len(found.entropy_N) == sum(rows)


@pytest.mark.parametrize(("loss", "smoothing"), [("sigmoid", 0.0), ("sigmoid", 0.2), ("ipo", 0.0)])
def test_the_preference_loss_and_its_gradients_by_the_plain_formula(made, loss, smoothing):
    table = made["pairs"][1]
    objective = objective_of("preference", loss=loss, label_smoothing=smoothing, beta=0.4)
    batch, model = batch_of(table, objective), tiny(table)
    objective.prepare(model)
    with torch.no_grad():
        start = log_likelihoods(model, batch)
    move(model, seed=1)
    found = objective.loss(model, batch, with_entropy=True)
    found.loss.backward()
    ours = gradients(model)
    model.zero_grad()
    ratios = log_likelihoods(model, batch) - start
    if loss == "ipo":
        ratios = ratios / (batch.weights > 0).sum(1)
    delta = ratios[:6] - ratios[6:]
    plain = -(1 - smoothing) * logsigmoid(0.4 * delta) - smoothing * logsigmoid(-0.4 * delta)
    plain = (delta - 1 / 0.8) ** 2 if loss == "ipo" else plain
    plain.mean().backward()
    assert found.loss.item() == pytest.approx(plain.mean().item(), abs=1e-6)
    assert found.row_losses.tolist() == pytest.approx(plain.tolist(), abs=1e-5)
    for name, grad in gradients(model).items():
        torch.testing.assert_close(ours[name], grad, atol=1e-6, rtol=1e-4)
    assert found.values["reward/margin"] == pytest.approx(
        found.values["reward/chosen"] - found.values["reward/rejected"]
    )
    assert len(found.entropy_N) == int((batch.weights > 0).sum())


def test_a_pair_worked_by_hand():
    """Log-ratios 0.5 and −0.5 over 2 and 4 tokens: β 0.1 gives −log σ(0.1), ipo (0.25 + 0.125 − 5)²."""
    answers = Answers(torch.tensor([-1.5, -2.5]), torch.tensor([-2.0, -2.0]), torch.tensor([2.0, 4.0]))
    for loss, value in (("sigmoid", 0.6443967), ("ipo", 21.390625)):
        config = objective_of("preference", loss=loss, beta=0.1).config
        assert pair_losses(answers, config).tolist() == pytest.approx([value], abs=1e-5)


def test_the_reference_under_an_adapter_is_the_base_and_leaves_everything_as_it_was(made):
    table = made["pairs"][1]
    objective = objective_of("preference")
    model, base, batch = tiny(table, lora=True), tiny(table), batch_of(table, objective)
    objective.prepare(model)
    assert objective.reference.copy is None
    found = objective.loss(model, batch, with_entropy=False)
    policy, start = log_likelihoods(model, batch), log_likelihoods(base, batch)
    ratio = (policy - start)[:6].mean().item()
    assert found.values["reward/chosen"] == pytest.approx(0.1 * ratio, abs=1e-5) and abs(ratio) > 1e-4
    assert model.training == base.training
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained and all("lora_" in name for name in trained)


@BOTH
def test_parts_of_a_step_add_up_to_the_whole(made, form, key):
    context, table = made[form]
    context.artefacts["schedule-1"] = schedule = schedule_of(context, table, 20)
    found = []
    for size in (0, 3):
        config = make_config(objective={"key": key}, batch_sequences=8, micro_batch_sequences=size, probes=[])
        run = prepare(config, schedule, table)
        move(run.model, seed=2)
        values = accumulate(run, run.batches[0], with_entropy=True)
        found.append((values, gradients(run.model)))
    (whole, grads), (parts, others) = found
    assert parts.loss == pytest.approx(whole.loss, abs=1e-6) and parts.values == pytest.approx(whole.values, abs=1e-5)
    torch.testing.assert_close(parts.row_losses, whole.row_losses)
    for name, grad in grads.items():
        torch.testing.assert_close(others[name], grad, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("form", "key", "adapter"),
    [("chat", "supervised", False), ("pairs", "preference", False), ("pairs", "preference", True)],
)
def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(made, tmp_path, form, key, adapter):
    context, table = made[form]
    schedule = schedule_of(context, table, 24)
    config = make_config(objective={"key": key}, probes=[], checkpoint_every_steps=2, evaluate_every=0)
    finished = []
    for stop in (False, True):
        ctx = StoppingContext(tmp_path / str(stop))
        ctx.store, ctx.artefacts = context.store, {**context.artefacts, "schedule-1": schedule}
        run_config = config
        if adapter:
            ctx.artefacts["checkpoint-1"] = base_of(context, table, schedule)
            run_config = make_config(**{**config.as_json(), "base": "checkpoint-1", "adapter": {"key": "lora"}})
        if stop:
            ctx.wish, ctx.when = "pause", lambda step: step == 3
            with pytest.raises(Paused):
                train.run(run_config, ctx)
            ctx.wish = "none"
        finished.append(train.run(run_config, ctx))
    first, second = (result.stored.manifest for result in finished)
    assert [r.summary.delivered_digest for r in finished] == [schedule.order_digest] * 2
    weights = "adapter_model.safetensors" if adapter else "model.safetensors"
    assert first["files"][weights]["sha256"] == second["files"][weights]["sha256"]
    assert finished[0].summary.last_loss == finished[1].summary.last_loss


def base_of(context, table, schedule):
    from training_app.core.checkpoint import Checkpoint

    if "base" not in context.artefacts:
        ctx = StoppingContext(context.root / "base")
        ctx.store, ctx.artefacts = context.store, {**context.artefacts, "schedule-1": schedule}
        objective = {"key": "next_token" if table.form == "chat" else "preference"}
        config = make_config(objective=objective, probes=[], evaluate_every=0, batch_sequences=12)
        context.artefacts["base"] = Checkpoint.open(train.run(config, ctx).stored)
    return context.artefacts["base"]


@BOTH
def test_the_tokens_fed_are_the_rows_tokens_and_a_swapped_half_is_noticed(made, form, key):
    context, table = made[form]
    schedule, objective = schedule_of(context, table, 8), objective_of(key)
    arrays = objective.collate(schedule.rows, table)
    hashes = [token_hash(objective.fed(index, schedule.rows, arrays)) for index in range(len(schedule.rows))]
    require_delivered_as_planned(schedule.rows, np.array(hashes, dtype=np.uint64), schedule.rows, table)
    arrays.inputs[[-1, 0]] = arrays.inputs[[0, -1]]
    wrong = [token_hash(objective.fed(index, schedule.rows, arrays)) for index in range(len(schedule.rows))]
    with pytest.raises(DeliveryMismatch, match="tokens fed at row 0"):
        require_delivered_as_planned(schedule.rows, np.array(wrong, dtype=np.uint64), schedule.rows, table)


@pytest.mark.parametrize(
    ("form", "key", "said", "hint"),
    [
        ("text", "supervised", "do not say which tokens are answers", "form chat"),
        ("text", "preference", "no pairs of answers", "form pairs"),
        ("chat", "preference", "no pairs of answers", "form pairs"),
        ("pairs", "supervised", "pairs of answers", "preference"),
        ("pairs", "next_token", "pairs of answers", "preference"),
    ],
)
def test_an_objective_says_which_sequences_it_needs(made, tmp_path, form, key, said, hint):
    table = build_sequences(StoppingContext(tmp_path).store, num_documents=40) if form == "text" else made[form][1]
    with pytest.raises(InputError, match=said) as raised:
        objective_of(key).require(table)
    assert raised.value.problems[0].field == "objective" and hint in raised.value.problems[0].hint


def test_a_run_on_conversations_learns_their_answers_and_is_scored_on_them(made, tmp_path):
    context, table = made["chat"]
    context.artefacts["schedule-1"] = schedule_of(context, table, 45)
    context.recorder = LocalRecorder()
    rate = {"key": "cosine", "config": {"peak": 0.01}}
    config = make_config(objective={"key": "supervised"}, batch_sequences=3, learning_rate=rate, evaluate_every=0)
    result = train.run(config, context)
    assert result.summary.last_loss < result.summary.first_loss - 1
    assert result.summary.held_out.keys() == {"art", "maths"}
    folder = context.store.load("checkpoint", result.stored.digest).path
    assert "<|assistant|>" in (folder / "chat_template.jinja").read_text()
