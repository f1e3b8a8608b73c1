"""Tiny models and batches of conversations and pairs for tests of objectives."""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from chimera.context import LocalContext
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.example_factory import build_examples
from training_app.core.adapters.base import ADAPTERS
from training_app.core.architectures.base import TextShape
from training_app.core.configs import TINY
from training_app.core.model import build_model, trained_parameters
from training_app.core.objectives.base import OBJECTIVES, Objective
from training_app.core.order import Batch, Batches

RANK = 4


def tables(root: Path) -> dict[str, tuple[LocalContext, SequenceTable]]:
    return {form: build_examples(root / form, form) for form in ("chat", "pairs")}


def tiny(table: SequenceTable, *, seed: int = 0, lora: bool = False) -> PreTrainedModel:
    """36 k parameters; with an adapter whose weights have moved already, else its gradients would say little."""
    shape = TextShape(vocab_size=table.vocab_size, max_length=table.longest_text, eos_id=table.eos_id)
    model = build_model(TINY.build(), shape, seed=seed)
    if lora:
        ADAPTERS.build("lora", {"rank": RANK, "alpha": 2.0 * RANK}).apply(model)
        move(model, seed=5)
    return model


def move(model: PreTrainedModel, *, seed: int, size: float = 0.05) -> None:
    """Add noise to what is trained, so that a model is no longer its reference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in trained_parameters(model).values():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))


def batch_of(table: SequenceTable, objective: Objective, count: int = 6) -> Batch:
    rows = rows_of(table, torch.arange(count).numpy())
    return Batches(rows, table, count, torch.device("cpu"), objective)[0]


def objective_of(key: str, **config: Any) -> Objective:
    return OBJECTIVES.build(key, config)


def gradients(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    found = {name: parameter.grad for name, parameter in trained_parameters(model).items()}
    return {name: grad.clone() for name, grad in found.items() if grad is not None}
