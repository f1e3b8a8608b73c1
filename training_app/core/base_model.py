"""The model a run starts from: new, or a checkpoint that must fit the sequences."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import different_vocabularies
from training_app.core.architectures.base import TextShape
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.model import build_model, context_length, require_plain_head, set_fast_attention


def starting_model(config: TrainConfig, table: SequenceTable, base: Checkpoint | None) -> PreTrainedModel:
    """The model before its first step, on the CPU, in float32; equal arguments give bit-equal weights.

    Raises:
        InputError: the base does not read these sequences, or its architecture cannot be trained here.
    """
    longest = table.longest_text
    if base is None:
        text = TextShape(vocab_size=table.vocab_size, max_length=longest, eos_id=table.eos_id)
        model = build_model(config.model.build(), text, seed=config.seed)
    else:
        require_same_tokenizer(base, table)
        model = base.load_model()
        model.config.use_cache = False
        set_fast_attention(model)
        require_context(model, longest)
        torch.manual_seed(config.seed)  # of an adapter's first weights and of dropout
    require_plain_head(model)
    config.adapter.build().apply(model)
    if config.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model


def require_undamaged(base: Checkpoint, field: str = "base", name: str = "the base") -> None:
    """Every file of `base`, and of what an adapter sits on, is as it was sealed (read once: 500 MB take a second).

    `field` and `name` say what it is in the config.

    Raises:
        InputError: a file is missing or was changed; says which.
    """
    damaged = ArtefactStore(base.path.parents[2]).verify(base.stored)
    if damaged:
        said = "; ".join(f"{file} {problem}" for file, problem in damaged.items())
        hint = "choose another checkpoint, or bring its files back from a copy: nothing is made of damaged weights"
        raise InputError(Problem(f"{name} is damaged: {said}", field=field, file=str(base.path), hint=hint))
    if base.is_adapter:
        require_undamaged(base.load_base(), field, name)


def require_same_tokenizer(base: Checkpoint, table: SequenceTable) -> None:
    """The sequences were cut by the tokenizer that the base reads: every token has the same id in both.

    Raises:
        InputError: they were not.
    """
    differ = different_vocabularies(base.tokenizer_path, table.tokenizer_path)
    if differ is not None:
        message = f"the sequences were made with another tokenizer ({differ[1]:,} tokens; the base has {differ[0]:,})"
        hint = "group the dataset again with the tokenizer of this checkpoint"
        raise InputError(Problem(message, field="base", hint=hint))


def require_context(model: PreTrainedModel, longest: int) -> None:
    """
    Raises:
        InputError: the sequences are longer than the model reads.
    """
    context = context_length(model)
    if context is not None and longest > context:
        message = f"the sequences have up to {longest:,} tokens, the base reads {context:,}"
        raise InputError(
            Problem(message, field="base", hint=f"group the dataset into sequences of {context:,} or fewer")
        )
