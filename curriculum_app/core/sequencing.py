"""From encoded documents to sequences, in the form that is asked for: packed text, conversations, pairs (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chimera.errors import InputError, Problem
from curriculum_app.core.chat_format import ChatFormat
from curriculum_app.core.conditioning import Conditioning
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.encoding import Report, encode_documents
from curriculum_app.core.examples import Example, ExampleReader, Tally, held_out_examples, lay, read_examples
from curriculum_app.core.holding_out import Cut, hold_out, hold_out_whole
from curriculum_app.core.packing import HeldOut, Int, Mask, Packed, Tokens, held_out_windows, joined, pack
from curriculum_app.core.tokenizer import Reading, inside_character, token_bytes


@dataclass(frozen=True)
class MadeSequences:
    """What is trained on and what is held out; `kept_away` (D,) are documents that were, or are kept as if they were.

    `encoded` are the tokens of every document (none where it gives no example), `training` the rows of the training
    documents in the order of the sequences. `mask` is None where every token is a target; examples also have `splits`
    (pairs), `chat_template` and `tally`.
    """

    encoded: list[Tokens]
    training: Int
    held_out_rows: dict[str, Int]
    held_out: dict[str, HeldOut]
    kept_away: NDArray[np.bool_]
    packed: Packed
    mask: Mask | None = None
    splits: Int | None = None
    chat_template: str = ""
    tally: Tally | None = None


def make_sequences(
    documents: Iterable[Document],
    cut: Cut,
    reading: Reading,
    config: GroupConfig,
    report: Report,
    conditioning: Conditioning | None = None,
) -> MadeSequences:
    """Sequences of the form the config asks for; `cut` says what of each domain may be held out.

    Packed text is put under metadata by `conditioning`.

    Raises:
        InputError: no example, or too little text to hold out or to fill a sequence.
    """
    if config.form == "text":
        return _text(encode_documents(reading, documents, report), cut, reading, config, conditioning)
    chat = ChatFormat.of(reading, plain=config.chat_template == "plain")
    reader = ExampleReader(config.form, reading, chat, config.sequence_length, config.too_long)
    examples = read_examples(reader, documents, report)
    return _examples(examples, cut, reader, config)


def _text(
    encoded: list[Tokens],
    cut: Cut,
    reading: Reading,
    config: GroupConfig,
    conditioning: Conditioning | None,
) -> MadeSequences:
    rows: dict[str, Int] = {}
    held_out: dict[str, HeldOut] = {}
    sizes, inside, length = token_bytes(reading.tokenizer), inside_character(reading.tokenizer), config.sequence_length
    for domain, split in cut.splits.items():
        if domain not in config.apart:
            firsts = cut.sets.firsts(split.reserve)
            texts = hold_out(domain, [encoded[row] for row in firsts], config.held_out_tokens, inside)
            rows[domain] = firsts[: len(texts)]
            held_out[domain] = held_out_windows(texts, sizes, reading.eos_id, length, rows[domain])
    kept_away = cut.kept_from_training(rows)
    training = _shuffled(~kept_away, config.seed)
    apart = [training[np.isin(training, cut.splits[domain].rest)] for domain in sorted(config.apart)]
    training = training[~np.isin(training, np.concatenate([*apart, training[:0]]))]
    packed, mask = _packed(encoded, training, apart, reading, config, conditioning)
    if len(packed.offsets) == 1:
        raise InputError(Problem("too little text to fill one sequence", field="sequence_length", hint="lower it"))
    return MadeSequences(encoded, np.concatenate([*apart, training]), rows, held_out, kept_away, packed, mask)


def _packed(
    encoded: list[Tokens],
    training: Int,
    apart: Sequence[Int],
    reading: Reading,
    config: GroupConfig,
    conditioning: Conditioning | None,
) -> tuple[Packed, Mask | None]:
    """The domains apart, each in sequences of its own, then the rest; with a mask where metadata is only context."""

    def plain(rows: Int) -> Packed:
        return pack([encoded[row] for row in rows], rows, reading.eos_id, config.sequence_length)

    alone = [plain(rows) for rows in apart]
    if conditioning is None:
        return joined([*alone, plain(training)]) if alone else plain(training), None
    rest, mask = conditioning.pack(encoded, training, np.concatenate([*apart, training[:0]]), reading)
    ones = np.ones(sum(len(part.tokens) for part in alone), dtype=np.uint8)
    return joined([*alone, rest]), np.concatenate([ones, mask])


def _examples(examples: list[Example | None], cut: Cut, reader: ExampleReader, config: GroupConfig) -> MadeSequences:
    """One sequence per example; whole examples are held out."""
    nothing: Tokens = np.zeros(0, dtype=np.uint16)
    encoded = [nothing if example is None else example.tokens for example in examples]
    sizes = token_bytes(reader.reading.tokenizer)
    rows: dict[str, Int] = {}
    held_out: dict[str, HeldOut] = {}
    usable = np.array([example is not None for example in examples])
    for domain, split in cut.splits.items():
        if not usable[split.reserve].any() and not usable[split.rest].any():
            continue
        firsts = cut.sets.firsts(split.reserve[usable[split.reserve]])
        count = hold_out_whole(domain, [len(encoded[row]) for row in firsts], config.held_out_tokens)
        rows[domain] = firsts[:count]
        chosen = [found for row in rows[domain] if (found := examples[row])]
        held_out[domain] = held_out_examples(chosen, sizes, rows[domain])
    kept_away = cut.kept_from_training(rows)
    training = _shuffled(usable & ~kept_away, config.seed)
    laid = lay([found for row in training if (found := examples[row])], training)
    return MadeSequences(
        encoded, training, rows, held_out, kept_away, laid.packed, laid.mask, laid.splits,
        reader.chat.template, reader.tally,
    )  # fmt: skip


def _shuffled(chosen: NDArray[np.bool_], seed: int) -> Int:
    """The rows that are chosen, in random order."""
    order: Int = np.random.default_rng(seed).permutation(np.flatnonzero(chosen))
    return order
