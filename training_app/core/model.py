"""Models trained from scratch: the Llama architecture of `transformers`, built without any download."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.utils import logging

from training_app.core.configs import ModelConfig

logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a worker's stderr is a log, not a terminal


def build_model(config: ModelConfig, *, vocab_size: int, max_length: int, eos_id: int, seed: int) -> PreTrainedModel:
    """A freshly initialised float32 causal language model; equal arguments give bit-equal weights."""
    torch.manual_seed(seed)
    llama = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=config.tie_embeddings,
        initializer_range=config.initializer_range,
        bos_token_id=eos_id,
        eos_token_id=eos_id,
        pad_token_id=None,
        use_cache=False,
    )
    model = LlamaForCausalLM(llama)
    model.set_attn_implementation("sdpa")
    return model


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


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters, tied ones once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
