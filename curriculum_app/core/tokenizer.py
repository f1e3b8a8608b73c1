"""Byte-level BPE tokenizers trained on the corpus itself (pure; HF `tokenizers`)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from curriculum_app.core.packing import Int

END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 0
SMALLEST_VOCABULARY = 257  # 256 bytes and end-of-text


def train_bpe(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer with `END_OF_TEXT` as token `END_OF_TEXT_ID`.

    Every byte has a token and nothing is normalised, so any text decodes back exactly. The result depends only on the
    texts and the size: pairs of equal count are merged in order of their ids.
    """
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def byte_tokenizer() -> Tokenizer:
    """One token per byte and no merges: what `train_bpe` gives at the smallest vocabulary."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {END_OF_TEXT: END_OF_TEXT_ID, **{letter: number + 1 for number, letter in enumerate(alphabet)}}
    tokenizer = _byte_level(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def token_bytes(tokenizer: Tokenizer) -> Int:
    """Shape (V,): UTF-8 bytes each token stands for; 0 for `END_OF_TEXT`.

    In the byte-level alphabet every character of a token's name stands for one byte.
    """
    sizes = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    for name, number in tokenizer.get_vocab().items():
        sizes[number] = 0 if name == END_OF_TEXT else len(name)
    return sizes
