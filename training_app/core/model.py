"""Models: built from a config without any download, or gone on with from a checkpoint."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from chimera.errors import InputError, Problem
from training_app.core.architectures.base import Architecture, TextShape

logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a worker's stderr is a log, not a terminal


def build_model(architecture: Architecture, text: TextShape, *, seed: int) -> PreTrainedModel:
    """A freshly initialised float32 causal language model; equal arguments give bit-equal weights."""
    torch.manual_seed(seed)
    config = architecture.transformers_config(text)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    model.config.use_cache = False
    set_fast_attention(model)
    return model


def set_fast_attention(model: PreTrainedModel) -> None:
    """The fused kernel where the architecture has attention that can use it."""
    if model._supports_sdpa:
        model.set_attn_implementation("sdpa")


def require_plain_head(model: PreTrainedModel) -> None:
    """Check by trying that logits are the last hidden states times the output matrix: the fused loss relies on it.

    Raises:
        InputError: the architecture scales, caps or shifts its logits, or its sizes do not fit each other.
    """
    tokens = torch.arange(1, 5, device=model.device)[None] % model.config.vocab_size
    was_training, head = model.training, head_weight(model)
    model.train(False)
    with torch.no_grad():
        before = head.clone()
        head.mul_(1000.0)  # a cap that fresh, small logits never reach shows now
        logits = _first_logits(model, tokens)
        plain = last_hidden(model, tokens) @ head.T
        head.copy_(before)
    model.train(was_training)
    if plain.shape != logits.shape or not torch.allclose(plain, logits, rtol=1e-3, atol=1e-2):
        message = f"the logits of {model.config.model_type} are more than hidden states times the output matrix"
        hint = "choose an architecture without scaled, capped or biased logits"
        raise InputError(Problem(message, field="model", hint=hint))


def _first_logits(model: PreTrainedModel, tokens_BT: Tensor) -> Tensor:
    try:
        logits: Tensor = model(input_ids=tokens_BT, use_cache=False).logits
    except RuntimeError as error:
        hint = "heads, key-value heads and sizes must divide each other as the architecture asks"
        message = f"the sizes of this {model.config.model_type} do not fit each other: {error}"
        raise InputError(Problem(message, field="model", hint=hint)) from error
    return logits


def last_hidden(model: PreTrainedModel, input_BT: Tensor) -> Tensor:
    """The states [B, T, H] that the output layer would turn into logits."""
    hidden: Tensor = model.base_model(input_ids=input_BT, use_cache=False).last_hidden_state
    return hidden


def head_weight(model: PreTrainedModel) -> Tensor:
    """The output layer's matrix [V, H] (the embedding itself when tied)."""
    weight: Tensor = model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
    return weight


def hidden_linears(model: PreTrainedModel) -> dict[str, nn.Linear]:
    """Every Linear inside the blocks, by name. The output layer is left out: tied, its gradient is the embedding's."""
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear) and m is not head}


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that move, by name, tied ones once."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def num_parameters(model: nn.Module, *, trained_only: bool = True) -> int:
    """Parameters (those that move, or all), tied ones once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trained_only)


def context_length(model: PreTrainedModel) -> int | None:
    """The longest sequence the model was made for, where its config says so."""
    found = getattr(model.config, "max_position_embeddings", None)
    return int(found) if found else None
