"""Every objective beside trl's own: loss and gradients of the same batch of the same model, to 1e-5."""

import copy
import os
from typing import Any

import pytest
import torch

from tests.core.training.objective_factory import (
    RANK,
    batch_of,
    gradients,
    move,
    objective_of,
    tables,
    tiny,
)

os.environ.setdefault("HF_HUB_OFFLINE", "1")
trl = pytest.importorskip("trl", reason="trl is in the dev extra")
pytestmark = pytest.mark.torch
SETTINGS = {"report_to": [], "use_cpu": True, "bf16": False, "disable_tqdm": True, "gradient_checkpointing": False}
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return {form: table for form, (_, table) in tables(tmp_path_factory.mktemp("parity")).items()}


def theirs(kind: str, table, root, model, reference=None, lora: bool = False, **config: Any):
    """trl's trainer around a model; only its loss is used. The one document it is given only pleases it."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PreTrainedTokenizerFast

    names = {"SFT": ["text"], "DPO": ["prompt", "chosen", "rejected"]}[kind]
    end = "<|endoftext|>"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(table.tokenizer_path), eos_token=end, pad_token=end)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"]
    adapter = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=targets, task_type="CAUSAL_LM") if lora else None
    more = {"ref_model": reference} if kind == "DPO" else {}
    return getattr(trl, f"{kind}Trainer")(
        model=model,
        args=getattr(trl, f"{kind}Config")(output_dir=str(root), **SETTINGS, **config),
        train_dataset=Dataset.from_list([dict.fromkeys(names, "a")]),
        processing_class=tokenizer,
        peft_config=adapter,
        **more,
    )


def texts_of(batch) -> dict[str, torch.Tensor]:
    """Our tensors as trl takes them: whole texts, a mask of what is real, and one of what is learnt."""
    tokens = torch.cat([batch.inputs[:, :1], batch.targets], dim=1)
    learnt = torch.cat([torch.zeros_like(batch.inputs[:, :1]), (batch.weights > 0).long()], dim=1)
    last = learnt.flip(1).argmax(1, keepdim=True)
    real = (torch.arange(tokens.shape[1])[None] < tokens.shape[1] - last).long()
    return {"input_ids": tokens, "attention_mask": real, "completion_mask": learnt}


def assert_equal_gradients(ours: dict[str, torch.Tensor], model) -> None:
    found = {name.removeprefix("base_model.model."): p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert found.keys() == ours.keys()
    assert max(float(grad.abs().max()) for grad in ours.values()) > 1e-4
    for name, grad in ours.items():
        torch.testing.assert_close(grad, found[name], atol=TOLERANCE, rtol=TOLERANCE, msg=name)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("key", ["next_token", "supervised"])
def test_next_token_and_supervised_losses_are_those_of_the_sft_trainer(made, tmp_path, key, lora):
    table, objective = made["chat"], objective_of(key)
    batch, model, base = batch_of(table, objective), tiny(table, lora=lora), tiny(table)
    trainer = theirs("SFT", table, tmp_path, base, lora=lora)
    copy_adapter(model, trainer.model, lora)
    found = objective.loss(model, batch, with_entropy=False)
    found.loss.backward()
    texts = texts_of(batch)
    labels = texts["input_ids"].masked_fill(texts["completion_mask"] == 0, -100)
    inputs = {"input_ids": texts["input_ids"], "attention_mask": texts["attention_mask"], "labels": labels}
    loss = trainer.compute_loss(trainer.model, inputs)
    loss.backward()
    assert found.loss.item() == pytest.approx(loss.item(), abs=TOLERANCE)
    assert_equal_gradients(gradients(model), trainer.model)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo"])
def test_the_preference_loss_is_that_of_the_dpo_trainer(made, tmp_path, loss_type, lora):
    table, objective = made["pairs"], objective_of("preference", loss=loss_type, beta=0.3)
    batch, model, start = batch_of(table, objective), tiny(table, lora=lora), tiny(table)
    objective.prepare(model)
    if not lora:
        move(model, seed=6)
    theirs_now = start if lora else copy.deepcopy(model)
    reference = None if lora else start
    trainer = theirs("DPO", table, tmp_path, theirs_now, reference, lora, loss_type=loss_type, beta=0.3)
    copy_adapter(model, trainer.model, lora)
    found = objective.loss(model, batch, with_entropy=False)
    found.loss.backward()
    loss = trainer.compute_loss(trainer.model, texts_of(batch))
    loss.backward()
    assert found.loss.item() == pytest.approx(loss.item(), abs=TOLERANCE)
    assert_equal_gradients(gradients(model), trainer.model)
    logged = {name: values[0] for name, values in trainer._metrics["train"].items()}
    said = {"reward/chosen": "rewards/chosen", "reward/margin": "rewards/margins", "logps/rejected": "logps/rejected"}
    for ours, name in {**said, "reward/accuracy": "rewards/accuracies"}.items():
        assert found.values[ours] == pytest.approx(logged[name], abs=1e-4), ours


def copy_adapter(source, target, lora: bool) -> None:
    """Their new adapter gets the weights of ours."""
    if lora:
        ours = dict(source.named_parameters())
        with torch.no_grad():
            for name, parameter in target.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(ours[name.removeprefix("base_model.model.")])
