"""From a dataset version to a sequence table: tokenizer, held-out text, packing, groups (pure).

Difficulty here is a proxy that no model was asked about: the rank of a document's length and of its density within its
domain (docs/curricula.md). Density is either how little zlib can shrink the text or how rare its tokens are.
Ranks are weighted by tokens, so bins of rank hold about equal text, and taken within a domain, so that a curriculum
over difficulty does not turn into one over domains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from chimera.errors import InputError, Problem
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.difficulty.compression import compression_ratio, shrink_short
from curriculum_app.core.difficulty.ranks import quantile_bin, ranks_within, weighted_ranks
from curriculum_app.core.difficulty.surprisal import mean_surprisal, unigram_bits, unigram_bits_per_byte
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import Corpus, Density, DocumentGrouping, Groups
from curriculum_app.core.holding_out import Split, hold_out, split_domain, tokenizer_sample
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import (
    HeldOut,
    Int,
    Packed,
    Tokens,
    count_groups,
    held_out_windows,
    mean_over_tokens,
    pack,
    token_dtype,
)
from curriculum_app.core.sequences import Grouping, SequenceContents
from curriculum_app.core.tokenizer import END_OF_TEXT_ID, token_bytes, train_bpe

LENGTH_BINS = 8  # B of the scheduler's length histogram (docs/curricula.md)
BATCH_BYTES = 1_000_000
Source = Callable[[], Iterable[Document]]
Report = Callable[[int, str], None]  # bytes done of twice the corpus, what is being done; may raise to stop


@dataclass(frozen=True)
class Survey:
    """What one pass over the documents tells; all arrays have one entry per document."""

    columns: dict[str, list[str]]  # id, domain, title, source, license, url
    domains: tuple[str, ...]
    domain_of: Int
    num_bytes: Int
    ratios: Float  # compression


def survey_documents(
    documents: Iterable[Document], report: Report, groupings: Sequence[DocumentGrouping] = ()
) -> Survey:
    """Read every document once, and let the groupings look at it.

    Raises:
        InputError: there is no document.
    """
    names = ("id", "domain", "title", "source", "license", "url")
    columns: dict[str, list[str]] = {name: [] for name in names}
    num_bytes, ratios, done = [], [], 0
    for number, document in enumerate(documents):
        for name in names:
            columns[name].append(getattr(document, name))
        num_bytes.append(document.num_bytes)
        ratios.append(compression_ratio(document.text))
        for grouping in groupings:
            grouping.look(document)
        done += num_bytes[-1]
        if number % 256 == 0:
            report(done, "measuring documents")
    if not num_bytes:
        raise InputError(Problem("the dataset version holds no documents", field="dataset", hint="choose another one"))
    domains = tuple(sorted(set(columns["domain"])))
    domain_of = np.array([domains.index(name) for name in columns["domain"]], dtype=np.int64)
    return Survey(columns, domains, domain_of, np.array(num_bytes, dtype=np.int64), np.array(ratios))


def split_documents(survey: Survey, config: GroupConfig) -> list[Split]:
    """One seeded split per domain, in the order of `survey.domains`."""
    splits = []
    for number in range(len(survey.domains)):
        rng = np.random.default_rng([config.seed, number])
        rows = np.flatnonzero(survey.domain_of == number)
        splits.append(split_domain(rows, survey.num_bytes, config.held_out_tokens, rng))
    return splits


def train_tokenizer(source: Source, survey: Survey, splits: list[Split], config: GroupConfig) -> Tokenizer:
    """Train the BPE on a sample balanced over domains that holds no reserved document."""
    rows = set(tokenizer_sample([split.rest for split in splits], survey.num_bytes).tolist())
    texts = (document.text for row, document in enumerate(source()) if row in rows)
    tokenizer = train_bpe(texts, config.vocab_size)
    tokenizer.encode_special_tokens = True  # "<|endoftext|>" inside a document is text, never an end
    return tokenizer


def encode_documents(tokenizer: Tokenizer, documents: Iterable[Document], report: Report) -> list[Tokens]:
    """Token ids of every document, in order."""
    dtype = token_dtype(tokenizer.get_vocab_size())
    encoded: list[Tokens] = []
    done = 0
    for batch in _batches(documents):
        for item in tokenizer.encode_batch_fast(batch):
            ids: Tokens = np.array(item.ids, dtype=dtype)  # type: ignore[assignment]
            encoded.append(ids)
        done += sum(len(text.encode()) for text in batch)
        report(done, "tokenising")
    return encoded


def _batches(documents: Iterable[Document]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for document in documents:
        batch.append(document.text)
        size += len(document.text)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@dataclass(frozen=True)
class Parts:
    """Training rows in packing order, and per domain the beginnings of held-out documents and their rows."""

    training: Int
    held_out_rows: dict[str, Int]
    held_out: dict[str, list[Tokens]]


def part_documents(survey: Survey, splits: list[Split], encoded: list[Tokens], config: GroupConfig) -> Parts:
    """Hold text out of each domain and shuffle the rest."""
    rows: dict[str, Int] = {}
    texts: dict[str, list[Tokens]] = {}
    for domain, split in zip(survey.domains, splits, strict=True):
        texts[domain] = hold_out(domain, [encoded[row] for row in split.reserve], config.held_out_tokens)
        rows[domain] = split.reserve[: len(texts[domain])]
    training = np.ones(len(encoded), dtype=bool)
    training[np.concatenate(list(rows.values()))] = False
    order = np.random.default_rng(config.seed).permutation(np.flatnonzero(training))
    return Parts(order, rows, texts)


@dataclass(frozen=True)
class Ranks:
    """Per document: token-weighted ranks within its domain, and what follows from them."""

    length: Float
    quality: Float
    difficulty: Float
    bin: Int


def rank_documents(
    survey: Survey, encoded: list[Tokens], counts: Int, config: GroupConfig, measured: Float | None = None
) -> Ranks:
    """Rank documents by length and density, each within its domain; `counts` (V,) are training token counts.

    `measured` (D,) takes the place of density: higher is harder, NaN gets the middle rank.
    """
    tokens = np.array([len(item) for item in encoded], dtype=np.int64)
    density = density_of(survey, encoded, counts, config.quality_measure) if measured is None else measured
    known = ~np.isnan(density)
    length, quality = ranks_within(tokens, tokens, survey.domain_of), np.full(len(tokens), 0.5)
    quality[known] = ranks_within(density[known], tokens[known], survey.domain_of[known])
    difficulty = config.length_weight * length + (1 - config.length_weight) * quality
    cell = quantile_bin(length, config.length_bins) * config.quality_bins + quantile_bin(quality, config.quality_bins)
    return Ranks(length, quality, difficulty, cell)


def density_of(survey: Survey, encoded: list[Tokens], counts: Int, measure: Density) -> Float:
    """Shape (D,): how dense each text is, higher is denser."""
    if measure == "compression":
        return -shrink_short(survey.ratios, survey.num_bytes)
    return mean_surprisal(encoded, unigram_bits(counts))


def difficulty_names(config: GroupConfig) -> tuple[str, ...]:
    """Names of the difficulty bins, length first."""
    density = config.column or "density"
    return tuple(
        f"length {i + 1}/{config.length_bins}, {density} {j + 1}/{config.quality_bins}"
        for i in range(config.length_bins)
        for j in range(config.quality_bins)
    )


def group_documents(
    source: Source,
    config: GroupConfig,
    groupings: Sequence[DocumentGrouping],
    report: Report,
    measured: Float | None = None,
) -> tuple[SequenceContents, dict[str, Any]]:
    """Build the table of a dataset.

    Args:
        source: gives a fresh iterator over the documents at each call (they are read three times).
        groupings: those of the config, prepared.
        measured: (D,) what stands for density in the difficulty, see `rank_documents`.

    Returns:
        The contents, and facts for the manifest: `counts`, `domains`, `grouping_facts`.

    Raises:
        InputError: no documents, or too little text to hold out or to fill a sequence.
    """
    survey = survey_documents(source(), report, groupings)
    splits = split_documents(survey, config)
    size = int(survey.num_bytes.sum())
    report(size, "training the tokenizer")
    tokenizer = train_tokenizer(source, survey, splits, config)
    encoded = encode_documents(tokenizer, source(), lambda done, message: report(size + done, message))
    parts = part_documents(survey, splits, encoded, config)
    packed = pack([encoded[row] for row in parts.training], parts.training, END_OF_TEXT_ID, config.sequence_length)
    if len(packed.offsets) == 1:
        raise InputError(Problem("too little text to fill one sequence", field="sequence_length", hint="lower it"))
    sizes = token_bytes(tokenizer)
    held_out = {
        domain: held_out_windows(texts, sizes, END_OF_TEXT_ID, config.sequence_length)
        for domain, texts in parts.held_out.items()
    }
    counts = np.bincount(packed.tokens, minlength=tokenizer.get_vocab_size())
    ranks = rank_documents(survey, encoded, counts, config, measured)
    groups = _groups(groupings, survey, encoded, counts, ranks, config)
    judged = _Judged(counts, ranks, groups)
    contents = _contents(survey, encoded, parts, packed, held_out, tokenizer, config, judged)
    facts = _facts(survey, encoded, parts, packed, held_out)
    return contents, facts | {"grouping_facts": _grouping_facts(groupings, groups)}


@dataclass(frozen=True)
class _Judged:
    """Counts of the training tokens (V,), ranks of the documents, and their groups by the name of the grouping."""

    counts: Int
    ranks: Ranks
    groups: dict[str, Groups]


def _groups(
    groupings: Sequence[DocumentGrouping],
    survey: Survey,
    encoded: list[Tokens],
    counts: Int,
    ranks: Ranks,
    config: GroupConfig,
) -> dict[str, Groups]:
    """Every grouping's groups, by its name."""
    corpus = Corpus(
        tokens=np.array([len(item) for item in encoded], dtype=np.int64),
        num_bytes=survey.num_bytes,
        domains=survey.domains,
        domain_of=survey.domain_of,
        difficulty=Groups(difficulty_names(config), ranks.bin),
        density=lambda measure: density_of(survey, encoded, counts, measure),
    )
    return {grouping.name: grouping.assign(corpus) for grouping in groupings}


def _grouping_facts(groupings: Sequence[DocumentGrouping], groups: dict[str, Groups]) -> dict[str, Any]:
    """What pages say of a grouping beside its tokens: title, documents of each group, and its own facts."""
    found = {}
    for grouping in groupings:
        made = groups[grouping.name]
        documents = np.bincount(made.of_document, minlength=len(made.names)).tolist()
        found[grouping.name] = {"title": grouping.title, "documents": documents, **made.facts}
    return found


def _contents(
    survey: Survey,
    encoded: list[Tokens],
    parts: Parts,
    packed: Packed,
    held_out: dict[str, HeldOut],
    tokenizer: Tokenizer,
    config: GroupConfig,
    judged: _Judged,
) -> SequenceContents:
    return SequenceContents(
        tokens=packed.tokens,
        offsets=packed.offsets,
        groupings={
            name: Grouping(made.names, count_groups(packed.pieces, made.of_document, len(made.names)))
            for name, made in judged.groups.items()
        },
        bins=count_groups(packed.pieces, _length_bins(encoded, parts.training), LENGTH_BINS).toarray(),
        difficulty=mean_over_tokens(packed.pieces, judged.ranks.difficulty),
        pieces=packed.pieces,
        documents=_index(survey, encoded, judged.ranks, parts),
        held_out=held_out,
        unigram_bits_per_byte={name: unigram_bits_per_byte(judged.counts, part) for name, part in held_out.items()},
        tokenizer_json=tokenizer.to_str(),
        vocab_size=tokenizer.get_vocab_size(),
        eos_id=END_OF_TEXT_ID,
        sequence_length=config.sequence_length,
    )


def _length_bins(encoded: list[Tokens], training: Int) -> Int:
    """Shape (D,): token-weighted quantile bin of each training document's length; 0 for the others."""
    tokens = np.array([len(encoded[row]) for row in training], dtype=np.int64)
    bins = np.zeros(len(encoded), dtype=np.int64)
    bins[training] = quantile_bin(weighted_ranks(tokens, tokens), LENGTH_BINS)
    return bins


def _index(survey: Survey, encoded: list[Tokens], ranks: Ranks, parts: Parts) -> pa.Table:
    held = np.ones(len(encoded), dtype=bool)
    held[parts.training] = False
    measured: dict[str, Any] = {
        "tokens": np.array([len(item) for item in encoded], dtype=np.int64),
        "length_rank": ranks.length,
        "quality_rank": ranks.quality,
        "difficulty_bin": ranks.bin,
        "held_out": held,
    }
    return pa.table({**survey.columns, **measured})


def _facts(
    survey: Survey, encoded: list[Tokens], parts: Parts, packed: Packed, held_out: dict[str, HeldOut]
) -> dict[str, Any]:
    tokens = np.array([len(item) for item in encoded], dtype=np.int64)
    trained = np.zeros(len(encoded), dtype=bool)
    trained[parts.training] = True
    domains = {}
    for number, domain in enumerate(survey.domains):
        mine = survey.domain_of == number
        domains[domain] = {
            "documents": int(mine.sum()),
            "bytes": int(survey.num_bytes[mine].sum()),
            "tokens": int(tokens[mine].sum()),
            "training_documents": int((mine & trained).sum()),
            "held_out_documents": len(parts.held_out_rows[domain]),
            "held_out_tokens": held_out[domain].predicted_tokens,
            "held_out_bytes": held_out[domain].total_bytes,
        }
    counts = {
        "documents": len(encoded),
        "bytes": int(survey.num_bytes.sum()),
        "tokens": int(tokens.sum()),
        "tail_dropped_tokens": packed.dropped,
        "bytes_per_token": round(float(survey.num_bytes.sum() / max(tokens.sum(), 1)), 4),
    }
    return {"counts": counts, "domains": domains}
