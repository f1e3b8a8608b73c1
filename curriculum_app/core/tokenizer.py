"""Byte-level BPE tokenizers: trained on the corpus itself, or of a model (pure; HF `tokenizers`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from chimera.artefacts import MANIFEST
from chimera.errors import InputError, Problem
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
    """Shape (V,): UTF-8 bytes each token stands for; 0 for special ones such as `END_OF_TEXT`.

    In the byte-level alphabet every character of a token's name stands for one byte.
    """
    sizes = np.zeros(vocabulary(tokenizer), dtype=np.int64)
    for name, number in tokenizer.get_vocab().items():
        sizes[number] = len(name)
    for number, added in tokenizer.get_added_tokens_decoder().items():
        sizes[number] = 0 if added.special else len(added.content.encode())
    return sizes


def inside_character(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Shape (V,): whether a token begins in the middle of a character, with a continuation byte of UTF-8.

    The byte-level alphabet (GPT-2's) names bytes that are no printable letter by the letters from 256 on, in order.
    """
    found = np.zeros(vocabulary(tokenizer), dtype=bool)
    for name, number in tokenizer.get_vocab().items():
        first = ord(name[0]) if name else 0
        found[number] = 0xA1 <= first <= 0xBF or 0x100 + 34 <= first <= 0x100 + 67
    for number in tokenizer.get_added_tokens_decoder():
        found[number] = False
    return found


def vocabulary(tokenizer: Tokenizer) -> int:
    """One more than the highest token id (ids may have holes)."""
    return int(max(tokenizer.get_vocab().values())) + 1


def different_vocabularies(one: Path, other: Path) -> tuple[int, int] | None:
    """How many tokens each of two `tokenizer.json` has; None where every token has the same id in both."""
    if one.read_bytes() == other.read_bytes():
        return None
    ours, theirs = (Tokenizer.from_file(str(file)).get_vocab() for file in (one, other))
    return None if ours == theirs else (len(ours), len(theirs))


@dataclass(frozen=True)
class Reading:
    """How texts become tokens: `eos_id` ends a text. `folder` holds the model it belongs to, if it is of one."""

    tokenizer: Tokenizer
    eos_id: int = END_OF_TEXT_ID
    folder: Path | None = None

    @property
    def vocab_size(self) -> int:
        return vocabulary(self.tokenizer)

    def saved(self) -> str:
        """The tokenizer as its own `tokenizer.json` says it, or as it was trained."""
        own = self.folder / "tokenizer.json" if self.folder else None
        return own.read_text(encoding="utf-8") if own else str(self.tokenizer.to_str())

    @property
    def end(self) -> str:
        """The token that ends a text, in letters."""
        return str(self.tokenizer.id_to_token(self.eos_id))


def reading_of_model(folder: Path) -> Reading:
    """The tokenizer of a stored model or sequence table, with "<|endoftext|>" inside a document read as text.

    Raises:
        InputError: its tokens do not stand for bytes, or it has none that ends a text.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    if not _is_byte_level(json.loads(tokenizer.to_str())):
        hint = "choose a checkpoint with a byte-level BPE, as those of GPT-2, Llama 3, Qwen and SmolLM are"
        message = "the tokens of this checkpoint do not stand for bytes, so bits per byte cannot be counted"
        raise InputError(Problem(message, field="tokenizer", hint=hint))
    eos_id = _end_in(folder)
    if not isinstance(eos_id, int):
        hint = "choose another, or give its config.json an eos_token_id"
        raise InputError(Problem("this checkpoint has no token that ends a text", field="tokenizer", hint=hint))
    return Reading(tokenizer, eos_id, folder)


def _end_in(folder: Path) -> Any:
    """The token that ends a text, as a model's config or a table's manifest says it."""
    if not (folder / "config.json").is_file():
        return json.loads((folder / MANIFEST).read_text()).get("eos_id")
    said = json.loads((folder / "config.json").read_text()).get("eos_token_id")
    return said[0] if isinstance(said, list) and said else said


def _is_byte_level(described: dict[str, Any]) -> bool:
    """Whether a tokenizer.json cuts bytes, and adds no space that was not there."""
    before = described.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before])
    levels = [step for step in steps if step.get("type") == "ByteLevel"]
    return (
        described["model"].get("type") == "BPE"
        and bool(levels)
        and not any(step.get("add_prefix_space") for step in levels)
    )
