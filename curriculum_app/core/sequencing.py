"""From encoded documents to sequences, in the form that is asked for: packed text, conversations, pairs (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from chimera.errors import InputError, Problem
from curriculum_app.core.chat_format import ChatFormat
from curriculum_app.core.conditioning import Conditioning
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.encoding import Report, encode_documents
from curriculum_app.core.examples import Example, ExampleReader, Tally, held_out_examples, lay, read_examples
from curriculum_app.core.holding_out import Split, hold_out, hold_out_whole
from curriculum_app.core.packing import HeldOut, Int, Mask, Packed, Tokens, held_out_windows, joined, pack
from curriculum_app.core.tokenizer import Reading, token_bytes


@dataclass(frozen=True)
class MadeSequences:
    """What is trained on and what is held out.

    `encoded` are the tokens of every document (none where it gives no example), `training` the rows of the training
    documents in the order of the sequences. `mask` is None where every token is a target; examples also have `splits`
    (pairs), `chat_template` and `tally`.
    """

    encoded: list[Tokens]
    training: Int
    held_out_rows: dict[str, Int]
    held_out: dict[str, HeldOut]
    packed: Packed
    mask: Mask | None = None
    splits: Int | None = None
    chat_template: str = ""
    tally: Tally | None = None


def make_sequences(
    documents: Iterable[Document],
    domains: Sequence[str],
    splits: Sequence[Split],
    reading: Reading,
    config: GroupConfig,
    report: Report,
    conditioning: Conditioning | None = None,
) -> MadeSequences:
    """Sequences of the form the config asks for; `splits` are those of the `domains`.

    Packed text is put under metadata by `conditioning`.

    Raises:
        InputError: no example, or too little text to hold out or to fill a sequence.
    """
    reserves = dict(zip(domains, splits, strict=True))
    if config.form == "text":
        return _text(encode_documents(reading, documents, report), reserves, reading, config, conditioning)
    chat = ChatFormat.of(reading, plain=config.chat_template == "plain")
    reader = ExampleReader(config.form, reading, chat, config.sequence_length, config.too_long)
    examples = read_examples(reader, documents, report)
    return _examples(examples, reserves, reader, config)


def _text(
    encoded: list[Tokens],
    reserves: dict[str, Split],
    reading: Reading,
    config: GroupConfig,
    conditioning: Conditioning | None,
) -> MadeSequences:
    rows: dict[str, Int] = {}
    held_out: dict[str, HeldOut] = {}
    sizes, length = token_bytes(reading.tokenizer), config.sequence_length
    for domain, split in reserves.items():
        if domain not in config.apart:
            texts = hold_out(domain, [encoded[row] for row in split.reserve], config.held_out_tokens)
            rows[domain] = split.reserve[: len(texts)]
            held_out[domain] = held_out_windows(texts, sizes, reading.eos_id, length)
    training = _training_order(np.ones(len(encoded), dtype=bool), rows, config.seed)
    apart = [training[np.isin(training, reserves[domain].rest)] for domain in sorted(config.apart)]
    training = training[~np.isin(training, np.concatenate([*apart, training[:0]]))]
    packed, mask = _packed(encoded, training, apart, reading, config, conditioning)
    if len(packed.offsets) == 1:
        raise InputError(Problem("too little text to fill one sequence", field="sequence_length", hint="lower it"))
    return MadeSequences(encoded, np.concatenate([*apart, training]), rows, held_out, packed, mask)


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


def _examples(
    examples: list[Example | None], reserves: dict[str, Split], reader: ExampleReader, config: GroupConfig
) -> MadeSequences:
    """One sequence per example; whole examples are held out."""
    nothing: Tokens = np.zeros(0, dtype=np.uint16)
    encoded = [nothing if example is None else example.tokens for example in examples]
    sizes = token_bytes(reader.reading.tokenizer)
    rows: dict[str, Int] = {}
    held_out: dict[str, HeldOut] = {}
    for domain, split in reserves.items():
        reserve = [int(row) for row in split.reserve if examples[row] is not None]
        if not any(examples[row] for row in (*split.reserve, *split.rest)):
            continue
        count = hold_out_whole(domain, [len(encoded[row]) for row in reserve], config.held_out_tokens)
        rows[domain] = np.array(reserve[:count], dtype=np.int64)
        held_out[domain] = held_out_examples([found for row in reserve[:count] if (found := examples[row])], sizes)
    training = _training_order(np.array([example is not None for example in examples]), rows, config.seed)
    laid = lay([found for row in training if (found := examples[row])], training)
    return MadeSequences(
        encoded, training, rows, held_out, laid.packed, laid.mask, laid.splits, reader.chat.template, reader.tally
    )


def _training_order(usable: np.ndarray, held_out: dict[str, Int], seed: int) -> Int:
    """The rows of what is usable and not held out, shuffled."""
    usable[np.concatenate(list(held_out.values()))] = False
    order: Int = np.random.default_rng(seed).permutation(np.flatnonzero(usable))
    return order
