"""Conversations and preferences as tokens with a mask: read, cut to length, laid end to end, held out (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from tokenizers import Tokenizer

from chimera.errors import InputError, Problem
from curriculum_app.core.chat_format import ASSISTANT, ChatFormat, Segment
from curriculum_app.core.conversations import Chat, Message, NoExample, Reason, Said, chat_of, pair_of
from curriculum_app.core.documents import Document
from curriculum_app.core.packing import HeldOut, Int, Mask, Packed, Pieces, Tokens, token_dtype
from curriculum_app.core.tokenizer import Reading

TooLong = Literal["drop", "cut"]
ExampleForm = Literal["chat", "pairs"]
HINTS: dict[str, str] = {
    "chat": "import documents with messages, or with prompt and completion",
    "pairs": "import documents with prompt, chosen and rejected",
}


@dataclass(frozen=True)
class Half:
    """A text with its mask: 1 where a token is to be learnt."""

    tokens: Tokens
    mask: Mask


@dataclass(frozen=True)
class Example:
    """A conversation, or with a `rejected` half a preference."""

    chosen: Half
    rejected: Half | None = None

    @property
    def tokens(self) -> Tokens:
        if self.rejected is None:
            return self.chosen.tokens
        joined: Tokens = np.concatenate([self.chosen.tokens, self.rejected.tokens])
        return joined

    @property
    def mask(self) -> Mask:
        parts = [self.chosen] if self.rejected is None else [self.chosen, self.rejected]
        return np.concatenate([part.mask for part in parts])


@dataclass
class Tally:
    """How many documents became no example, by reason, and how many were cut; `first` says of which and why."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[Reason, str] = field(default_factory=dict)

    def leave_out(self, document: str, error: NoExample) -> None:
        self.counts[error.reason] += 1
        self.first.setdefault(error.reason, f"{document}: {error}")


class ExampleReader:
    """Makes examples of at most `longest` tokens (of a preference: in each half)."""

    def __init__(self, form: ExampleForm, reading: Reading, chat: ChatFormat, longest: int, too_long: TooLong) -> None:
        self.form, self.reading, self.chat, self.longest, self.too_long = form, reading, chat, longest, too_long
        self.tally = Tally()
        self._templated = Tokenizer.from_str(reading.tokenizer.to_str())
        self._templated.encode_special_tokens = False  # what the template writes are tokens, not their letters
        added = reading.tokenizer.get_added_tokens_decoder().values()
        self._control = [item.content for item in added if item.special]
        self._dtype = token_dtype(reading.vocab_size)

    def read(self, document: Document) -> Example | None:
        """The example of a document; None, and a count, if it gives none."""
        try:
            return self._example(document)
        except NoExample as error:
            self.tally.leave_out(document.id, error)
            return None

    def _example(self, document: Document) -> Example:
        if self.form == "chat":
            found = chat_of(document.meta)
            halves = [self._half(found)]
        else:
            pair = pair_of(document.meta)
            halves = [self._half(Chat(pair.prompt, answer)) for answer in (pair.chosen, pair.rejected)]
        cut = [self._fitting(half) for half in halves]
        self.tally.counts["cut"] += any(a is not b for a, b in zip(halves, cut, strict=True))
        return Example(*cut)

    def _half(self, chat: Chat) -> Half:
        parts = self._plain(chat.prompt, chat.completion)
        parts = self._turns(chat) if parts is None else parts
        if parts[0][1][0]:  # a target needs something before it
            parts.insert(0, ([self.reading.eos_id], [0]))
        ids, mask = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
        tokens: Tokens = ids.astype(self._dtype)  # type: ignore[assignment]
        return Half(tokens, mask.astype(np.uint8))

    def _plain(self, prompt: Said, completion: Said) -> list[tuple[list[int], list[int]]] | None:
        """A text and the one that follows it, with the end of text; the template is not asked. None for turns."""
        if not isinstance(prompt, str) or not isinstance(completion, str):
            return None
        if not completion.strip():
            raise NoExample("no_answer", "has an empty answer")
        ends = ([self.reading.eos_id], [1])
        return [*self._encoded([(prompt, False), (completion, True)], self.reading.tokenizer), ends]

    def _turns(self, chat: Chat) -> list[tuple[list[int], list[int]]]:
        prompt, answer = _messages(chat.prompt), _messages(chat.completion)
        turns = [*prompt, *answer]
        for turn in turns:
            if any(word in turn.content for word in self._control):
                raise NoExample("control_tokens", "holds the letters of a token that ends a turn or a text")
        if not any(turn.role == ASSISTANT and turn.content.strip() for turn in answer):
            raise NoExample("no_answer", "has no answer of the assistant")
        return self._encoded(self.chat.segments(turns, len(prompt)), self._templated)

    def _encoded(self, segments: Sequence[Segment], tokenizer: Tokenizer) -> list[tuple[list[int], list[int]]]:
        """Ids and mask of each segment; every one is encoded by itself, so that no token stands on a border."""
        found = [(tokenizer.encode(text, add_special_tokens=False).ids, learnt) for text, learnt in segments if text]
        return [(ids, [int(learnt)] * len(ids)) for ids, learnt in found if ids]

    def _fitting(self, half: Half) -> Half:
        if len(half.tokens) <= self.longest:
            return half
        kept = np.flatnonzero(half.mask[: self.longest])
        if self.too_long == "drop" or not len(kept):
            raise NoExample("too_long", f"has {len(half.tokens):,} tokens")
        end = int(kept[-1]) + 1
        return Half(half.tokens[:end], half.mask[:end])


def _messages(said: Said) -> tuple[Message, ...]:
    return () if isinstance(said, str) else said


def read_examples(
    reader: ExampleReader, documents: Iterable[Document], report: Callable[[int, str], None]
) -> list[Example | None]:
    """The example of every document, in order.

    Raises:
        InputError: there is none at all; says of the first document why.
    """
    found: list[Example | None] = []
    done = 0
    for number, document in enumerate(documents):
        found.append(reader.read(document))
        done += document.num_bytes
        if number % 256 == 0:
            report(done, "tokenising")
    if not any(found):  # an example is never empty
        why = next(iter(reader.tally.first.values()), "no documents")
        raise InputError(
            Problem(f"no document gives an example of {reader.form}; {why}", "form", hint=HINTS[reader.form])
        )
    return found


@dataclass(frozen=True)
class Laid:
    """Examples end to end: one sequence each, with what a table of them holds beside the tokens."""

    packed: Packed
    mask: Mask
    splits: Int | None


def lay(examples: Sequence[Example], rows: Int) -> Laid:
    """One sequence per example, in order; `rows` (M,) are their documents."""
    lengths = np.array([len(example.tokens) for example in examples], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    pieces = Pieces(np.arange(len(examples) + 1, dtype=np.int64), rows, lengths)
    tokens: Tokens = np.concatenate([example.tokens for example in examples])
    mask = np.concatenate([example.mask for example in examples])
    pairs = any(example.rejected is not None for example in examples)
    splits = np.array([len(example.chosen.tokens) for example in examples], dtype=np.int64) if pairs else None
    return Laid(Packed(tokens, offsets, pieces, 0), mask, splits)


def held_out_examples(examples: Sequence[Example], token_bytes: Int, rows: Int | None = None) -> HeldOut:
    """One window per conversation, of a preference its chosen half: the answers are predicted, the rest is context."""
    halves = [example.chosen for example in examples]
    offsets = np.cumsum([0, *(len(half.tokens) for half in halves)], dtype=np.int64)
    n_bytes = np.array([int(token_bytes[half.tokens[half.mask > 0]].sum()) for half in halves], dtype=np.int64)
    tokens: Tokens = np.concatenate([half.tokens for half in halves])
    return HeldOut(tokens, offsets, n_bytes, np.concatenate([half.mask for half in halves]), rows)
