"""From a dataset version to a sequence table: tokenizer, held-out text, packing, groups (pure).

Difficulty here is a proxy that no model was asked about: the rank of a document's length and of its density within its
domain (docs/curricula.md). Density is either how little zlib can shrink the text or how rare its tokens are.
Ranks are weighted by tokens, so bins of rank hold about equal text, and taken within a domain, so that a curriculum
over difficulty does not turn into one over domains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from chimera.errors import InputError, Problem
from curriculum_app.core.conditioning import Conditioning
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.dedup.alike import Alike
from curriculum_app.core.difficulty.compression import compression_ratio, shrink_short
from curriculum_app.core.difficulty.ranks import quantile_bin, ranks_within, weighted_ranks
from curriculum_app.core.difficulty.surprisal import mean_surprisal, unigram_bits, unigram_bits_per_byte
from curriculum_app.core.documents import Document
from curriculum_app.core.encoding import Report, Source, train_tokenizer
from curriculum_app.core.groupings.base import Corpus, Density, DocumentGrouping, Groups
from curriculum_app.core.holding_out import Cut, Sets, cut_domains
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int, Tokens, count_groups, mean_over_tokens
from curriculum_app.core.sequences import Grouping, SequenceContents, array_digest
from curriculum_app.core.sequencing import MadeSequences, make_sequences
from curriculum_app.core.tokenizer import Reading, reading_of_model

LENGTH_BINS = 8  # B of the scheduler's length histogram (docs/curricula.md)


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


def split_documents(survey: Survey, config: GroupConfig, alike: Alike) -> Cut:
    """One split per domain, in the order of `survey.domains`; nothing of domains apart may be held out.

    Raises:
        InputError: a domain apart is none of the version, or there is no other.
    """
    _require_domains(survey.domains, config)
    return cut_domains(
        {name: np.flatnonzero(survey.domain_of == number) for number, name in enumerate(survey.domains)},
        survey.num_bytes,
        Sets(alike.together, alike.ranks(config.seed)),
        config.held_out_tokens,
        config.held_out_share,
        apart=config.apart,
        all_usable=config.form == "text",
    )


def _require_domains(domains: Sequence[str], config: GroupConfig) -> None:
    unknown = [name for name in config.apart if name not in domains]
    if unknown:
        hint = f"one of {', '.join(domains)}"
        raise InputError([Problem(f"no domain {name!r} in the version", "apart", hint=hint) for name in unknown])
    if set(domains) <= set(config.apart):
        raise InputError(Problem("no domain is left to be held out", "apart", hint="leave one of them out"))


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
    alike: Alike,
    measured: Float | None = None,
    model: Path | None = None,
) -> tuple[SequenceContents, dict[str, Any]]:
    """Build the table of a dataset.

    Args:
        source: gives a fresh iterator over the documents at each call (they are read three times).
        groupings: those of the config, prepared.
        alike: which of the documents go together.
        measured: (D,) what stands for density in the difficulty, see `rank_documents`.
        model: the folder of the model whose tokenizer is used; None trains one.

    Returns:
        The contents, and facts for the manifest: `counts`, `domains`, `grouping_facts`, and of examples `left_out`.

    Raises:
        InputError: no documents, no example, too little text to hold out or to fill a sequence, or no fit tokenizer.
    """
    conditioning = Conditioning(config) if config.metadata != "none" else None
    groupings = [*groupings, conditioning] if conditioning else groupings
    survey = survey_documents(source(), report, groupings)
    cut = split_documents(survey, config, alike)
    size = int(survey.num_bytes.sum())
    report(size, "training the tokenizer" if model is None else "reading the tokenizer")
    if model is None:
        reading = train_tokenizer(source, survey.num_bytes, cut, config.vocab_size)
    else:
        reading = reading_of_model(model)
    made = make_sequences(
        source(), cut, reading, config, lambda done, message: report(size + done, message), conditioning
    )  # fmt: skip
    learnt = made.packed.tokens if conditioning is None or made.mask is None else made.packed.tokens[made.mask > 0]
    counts = np.bincount(learnt, minlength=reading.vocab_size)
    ranks = rank_documents(survey, made.encoded, counts, config, measured)
    groups = _groups(groupings, survey, made.encoded, counts, ranks, config)
    contents = _contents(survey, made, reading, config, _Judged(counts, ranks, groups, alike))
    return contents, _facts(survey, made, cut, alike) | {"grouping_facts": _grouping_facts(groupings, groups)}


@dataclass(frozen=True)
class _Judged:
    """Counts of the training tokens (V,); of the documents their ranks, groups by grouping, and what goes together."""

    counts: Int
    ranks: Ranks
    groups: dict[str, Groups]
    alike: Alike


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
    survey: Survey, made: MadeSequences, reading: Reading, config: GroupConfig, judged: _Judged
) -> SequenceContents:
    pieces = made.packed.pieces
    return SequenceContents(
        tokens=made.packed.tokens,
        offsets=made.packed.offsets,
        groupings={
            name: Grouping(found.names, count_groups(pieces, found.of_document, len(found.names)))
            for name, found in judged.groups.items()
        },
        bins=count_groups(pieces, _length_bins(made.encoded, made.training), LENGTH_BINS).toarray(),
        difficulty=mean_over_tokens(pieces, judged.ranks.difficulty),
        pieces=pieces,
        documents=_index(survey, made, judged.ranks, judged.alike),
        held_out=made.held_out,
        unigram_bits_per_byte={
            name: unigram_bits_per_byte(judged.counts, part) for name, part in made.held_out.items()
        },
        tokenizer_json=reading.saved(),
        vocab_size=reading.vocab_size,
        eos_id=reading.eos_id,
        sequence_length=config.sequence_length,
        mask=made.mask,
        splits=made.splits,
        chat_template=made.chat_template,
        form=config.form,
    )


def _length_bins(encoded: list[Tokens], training: Int) -> Int:
    """Shape (D,): token-weighted quantile bin of each training document's length; 0 for the others."""
    tokens = np.array([len(encoded[row]) for row in training], dtype=np.int64)
    bins = np.zeros(len(encoded), dtype=np.int64)
    bins[training] = quantile_bin(weighted_ranks(tokens, tokens), LENGTH_BINS)
    return bins


def _index(survey: Survey, made: MadeSequences, ranks: Ranks, alike: Alike) -> pa.Table:
    held = np.zeros(len(made.encoded), dtype=bool)
    held[np.concatenate(list(made.held_out_rows.values()))] = True
    measured: dict[str, Any] = {
        "tokens": np.array([len(item) for item in made.encoded], dtype=np.int64),
        "length_rank": ranks.length,
        "quality_rank": ranks.quality,
        "difficulty_bin": ranks.bin,
        "held_out": held,
        "content": alike.content,
        "together": alike.together,
    }
    return pa.table({**survey.columns, **measured})


def _facts(survey: Survey, made: MadeSequences, cut: Cut, alike: Alike) -> dict[str, Any]:
    tokens = np.array([len(item) for item in made.encoded], dtype=np.int64)
    trained = np.zeros(len(made.encoded), dtype=bool)
    trained[made.training] = True
    domains = {}
    for number, domain in enumerate(survey.domains):
        mine = survey.domain_of == number
        held_out = made.held_out.get(domain)  # none where no document of the domain is an example
        rows = made.held_out_rows.get(domain, np.zeros(0, dtype=np.int64))
        domains[domain] = {
            "documents": int(mine.sum()),
            "bytes": int(survey.num_bytes[mine].sum()),
            "tokens": int(tokens[mine].sum()),
            "training_documents": int((mine & trained).sum()),
            "held_out_documents": len(rows),
            "held_out_digest": array_digest(np.sort(alike.content[rows])),
            "beyond_share_documents": int((cut.sets.rank[rows] >= cut.share).sum()),
            "set_aside_documents": int((mine & made.kept_away).sum()) - len(rows),
            "held_out_tokens": 0 if held_out is None else held_out.predicted_tokens,
            "held_out_bytes": 0 if held_out is None else held_out.total_bytes,
        }
    counts = {
        "documents": len(made.encoded),
        "bytes": int(survey.num_bytes.sum()),
        "tokens": int(tokens.sum()),
        "tail_dropped_tokens": made.packed.dropped,
        "bytes_per_token": round(float(survey.num_bytes.sum() / max(tokens.sum(), 1)), 4),
    }
    if made.tally is None:
        return {"counts": counts, "domains": domains}
    return {"counts": counts | dict(made.tally.counts), "domains": domains, "left_out": made.tally.first}
