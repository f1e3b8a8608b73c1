"""Held-out text as text: the document and the words of each window, and the same text in other tokens (pure).

Windows are laid out as lm-eval's `get_rolling_token_windows` does (v0.4): each token is predicted once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Encoding, Tokenizer

from chimera.errors import InputError, Problem
from curriculum_app.core.packing import HeldOut, Int, Mask, Tokens, token_dtype
from curriculum_app.core.tokenizer import vocabulary

_WORD = re.compile(r"\S+")
_SHOWN = 20  # characters around the first place that differs


def rolling_windows(
    tokens: Sequence[int], prefix: int, max_len: int, context_len: int = 1
) -> Iterator[tuple[list[int], list[int]]]:
    """`(inputs, predicted)` of windows in which every token is predicted once.

    The first predicts up to `max_len` tokens from the prefix, each later one `max_len - context_len + 1` more; the last
    one reaches back as far as `max_len` inputs allow. Tokens 0..9 with prefix -1, `max_len` 4 and `context_len` 1:
    ([-1,0,1,2], [0,1,2,3]), ([3,4,5,6], [4,5,6,7]), ([5,6,7,8], [8,9]).

    Raises:
        ValueError: not 1 ≤ context_len ≤ max_len.
    """
    if not 1 <= context_len <= max_len:
        raise ValueError(f"a context of {context_len} does not fit into {max_len} tokens")
    stream = [prefix, *tokens]
    done = min(max_len, len(tokens))
    if done:
        yield stream[:done], stream[1 : done + 1]
    while done < len(tokens):
        end = min(done + max_len - context_len + 1, len(tokens))
        yield stream[end - max_len : end], stream[done + 1 : end + 1]
        done = end


def document_of_window(part: HeldOut, eos_id: int) -> Int:
    """Shape (W,): number of the document each window is of, from 0.

    Where that is not stored: text begins a document with the end-of-text token, which no text holds; every conversation
    is one window.
    """
    if part.documents is not None:
        changes: Int = np.cumsum(np.diff(part.documents, prepend=part.documents[:1]) != 0)
        return changes
    if part.mask is not None:
        return np.arange(part.num_sequences, dtype=np.int64)
    numbers: Int = np.cumsum(part.tokens[part.offsets[:-1]] == eos_id) - 1
    return numbers


def texts_of(part: HeldOut, tokenizer: Tokenizer, eos_id: int) -> list[str]:
    """The predicted text of each document.

    A document that was cut inside a character ends in U+FFFD.
    """
    owner = document_of_window(part, eos_id)
    predicted = np.split(part.predicted(), np.cumsum(part.predicted_by_window())[:-1])
    joined = [
        np.concatenate([predicted[window] for window in np.flatnonzero(owner == number)]).tolist()
        for number in range(int(owner.max(initial=-1)) + 1)
    ]
    texts: list[str] = tokenizer.decode_batch(joined, skip_special_tokens=True)  # which have no bytes
    return texts


def words_by_window(part: HeldOut, tokenizer: Tokenizer, eos_id: int) -> Int:
    """Shape (W,): words (runs without white space) that begin in each window; their sum is that of the documents."""
    owner = document_of_window(part, eos_id)
    found = np.zeros(part.num_sequences, dtype=np.int64)
    for number, text in enumerate(texts_of(part, tokenizer, eos_id)):
        windows = np.flatnonzero(owner == number)
        ends = np.cumsum(part.n_bytes[windows])
        before = _bytes_before(text)
        starts = before[[match.start() for match in _WORD.finditer(text)]] if text.strip() else np.zeros(0, np.int64)
        place = np.minimum(np.searchsorted(ends, starts, side="right"), len(windows) - 1)
        found[windows] += np.bincount(place, minlength=len(windows))
    return found


def _bytes_before(text: str) -> Int:
    """Shape (characters + 1,): UTF-8 bytes before each character, and in all."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


@dataclass(frozen=True)
class Recut:
    """How text is cut for a model: its tokenizer, the token that ends a text, and the inputs it takes at once."""

    tokenizer: Tokenizer
    eos_id: int
    max_len: int
    context_len: int = 1

    @classmethod
    def of_file(cls, path: Path, eos_id: int, max_len: int, context_len: int = 1) -> Recut:
        """With the tokenizer of a `tokenizer.json`; the letters of its control tokens in a text are letters."""
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        return cls(tokenizer, eos_id, max_len, context_len)


def recut(held_out: dict[str, HeldOut], tokenizer: Tokenizer, eos_id: int, how: Recut) -> dict[str, HeldOut]:
    """The same bytes of the same documents, in the tokens of another tokenizer.

    Args:
        tokenizer, eos_id: those the held-out text was made with.

    Raises:
        InputError: conversations, whose template belongs to their tokenizer; or a text that the other tokenizer does
            not give back as it was, with the first place that differs.
    """
    found = {}
    for domain, part in held_out.items():
        if part.mask is not None:
            hint = "choose sequences made with this checkpoint's tokenizer"
            raise InputError(
                Problem(
                    "conversations are laid out in the control tokens of their own tokenizer, "
                    "so the checkpoint, which has another, cannot be scored on them",
                    field="sequences",
                    hint=hint,
                )
            )
        found[domain] = _recut(domain, texts_of(part, tokenizer, eos_id), part, eos_id, how)
    return found


def _recut(domain: str, texts: list[str], part: HeldOut, eos_id: int, how: Recut) -> HeldOut:
    expected = np.bincount(document_of_window(part, eos_id), part.n_bytes).astype(np.int64)
    windows: list[list[int]] = []
    masks: list[Mask] = []
    n_bytes: list[int] = []
    documents: list[int] = []
    for number, encoding in enumerate(how.tokenizer.encode_batch(texts, add_special_tokens=False)):
        _require_same(domain, number, texts[number], int(expected[number]), encoding, how.tokenizer)
        ends = _byte_ends(texts[number], encoding)
        done = 0
        for inputs, predicted in rolling_windows(encoding.ids, how.eos_id, how.max_len, how.context_len):
            windows.append([*inputs, predicted[-1]])
            masks.append((np.arange(len(inputs) + 1) > len(inputs) - len(predicted)).astype(np.uint8))
            documents.append(number)
            last = done + len(predicted)
            n_bytes.append(int(ends[last] - ends[done]))
            done = last
    offsets = np.cumsum([0, *map(len, windows)], dtype=np.int64)
    tokens: Tokens = np.concatenate(windows).astype(token_dtype(vocabulary(how.tokenizer)))  # type: ignore[assignment]
    rows = np.arange(int(offsets[-1])) if part.documents is None else part.documents
    first = np.unique(document_of_window(part, eos_id), return_index=True)[1]
    return HeldOut(tokens, offsets, np.array(n_bytes), np.concatenate(masks), rows[first][documents])


def _byte_ends(text: str, encoding: Encoding) -> Int:
    """Shape (tokens + 1,): bytes of the text up to each token's end; what the last one leaves over is its own.

    A character that several tokens share counts for the first of them.
    """
    ends = np.array([0, *(end for _, end in encoding.offsets)], dtype=np.int64)
    ends[-1] = len(text) if len(ends) > 1 else 0
    return _bytes_before(text)[np.maximum.accumulate(ends)]


def _require_same(domain: str, number: int, text: str, n_bytes: int, encoding: Encoding, tokenizer: Tokenizer) -> None:
    """Raises InputError where a text does not come back as it was, or cannot be told from its first tokens."""
    if len(text.encode()) != n_bytes:
        message = f"document {number + 1} of {domain} was cut inside a character, so its bytes are no text"
        raise InputError(Problem(message, field="sequences", hint="group the dataset again"))
    again: str = tokenizer.decode(encoding.ids, skip_special_tokens=False)
    if again == text:
        return
    place = next((i for i, (a, b) in enumerate(zip(text, again, strict=False)) if a != b), min(len(text), len(again)))
    was, became = (repr(said[max(place - 5, 0) : place + _SHOWN]) for said in (text, again))
    raise InputError(
        Problem(
            f"the checkpoint's tokenizer does not give document {number + 1} of {domain} back as it was: "
            f"from character {place + 1} on {was} becomes {became}",
            field="sequences",
            hint="a tokenizer that changes text or has no token for some of it cannot be scored on exactly these bytes",
        )
    )
