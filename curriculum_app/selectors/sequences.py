"""Reads of sequence sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tokenizers
from django.shortcuts import get_object_or_404

from chimera.format import grouped, percent
from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core.sequences import DocumentPiece, SequenceTable
from curriculum_app.models import SequenceSet


def sequences_get(actor: Actor, pk: int) -> SequenceSet:
    """The sequence set of this project with its dataset, or 404."""
    found = SequenceSet.objects.select_related("dataset", "job")
    return get_object_or_404(found, project=actor.project, pk=pk)


def opened(row: SequenceSet) -> SequenceTable | None:
    """The table, or None when its files are not on this machine."""
    return refs.opened(SequenceTable, row)


@dataclass(frozen=True)
class GroupRow:
    """A group: its training tokens, their share, its documents (None in tables of before they were counted)."""

    name: str
    tokens: int
    share: float
    documents: int | None
    span: tuple[float, float] | None  # of the measure, for quantiles


@dataclass(frozen=True)
class GroupingTable:
    """A grouping of a sequence set with its groups in their own order; `note` says what its facts say."""

    name: str
    title: str
    rows: list[GroupRow]
    note: str

    @property
    def spans(self) -> bool:
        return any(row.span for row in self.rows)


def groupings(manifest: dict[str, Any]) -> list[GroupingTable]:
    """Every grouping of a sequence set: what pools are drawn by, then the others by name."""
    facts = manifest.get("grouping_facts", {})
    in_order = sorted(manifest["groupings"], key=lambda name: (name != "domain", name != "difficulty", name))
    return [_grouping(manifest, name, facts.get(name, {})) for name in in_order]


def _grouping(manifest: dict[str, Any], name: str, facts: dict[str, Any]) -> GroupingTable:
    names, tokens = manifest["groupings"][name], manifest["tokens_by_group"][name]
    total = sum(tokens) or 1
    documents, edges = facts.get("documents", [None] * len(names)), facts.get("edges", [])
    rows = [
        GroupRow(
            group, count, count / total, documents[at], tuple(edges[at]) if at < len(edges) and edges[at] else None
        )
        for at, (group, count) in enumerate(zip(names, tokens, strict=True))
    ]
    title = facts.get("title", name.capitalize())
    return GroupingTable(name, title, rows, _note(name, facts))


def _note(name: str, facts: dict[str, Any]) -> str:
    parts = [name] if name.startswith("quality-") else []
    if facts.get("unassigned"):
        share = percent(facts["unassigned"] / sum(facts["documents"]))
        parts.append(f"{grouped(facts['unassigned'])} documents ({share}) have no node")
    if facts.get("joined"):
        parts.append(f"{facts['joined']} smaller ones are together as other")
    if "metadata" in facts:
        parts.append(f"{grouped(facts['context_tokens'])} tokens are metadata ({facts['metadata']}) and not learnt")
        without = facts["without_metadata"] + facts["too_long_metadata"]
        parts.append(f"{grouped(without)} documents of the first part have none, or too much")
    if "clustering" in facts:
        parts.append(f"{facts['clustering']}, {facts['encoder']}")
    return "; ".join(parts)


@dataclass(frozen=True)
class HeldOutRow:
    """Held-out text of a domain. `unigram` is the bits per byte that token frequencies alone reach."""

    domain: str
    documents: int | None
    tokens: int | None
    bytes: int | None
    unigram: float | None


def held_out(manifest: dict[str, Any]) -> list[HeldOutRow]:
    unigram, facts = manifest["unigram_bits_per_byte"], manifest.get("domains", {})
    return [
        _held_out_row(domain, facts.get(domain, {}), unigram.get(domain)) for domain in manifest["held_out_domains"]
    ]


def _held_out_row(domain: str, facts: dict[str, int], unigram: float | None) -> HeldOutRow:
    documents, tokens, size = (facts.get(f"held_out_{name}") for name in ("documents", "tokens", "bytes"))
    return HeldOutRow(domain, documents, tokens, size, unigram)


@dataclass(frozen=True)
class ReadSequence:
    """One training sequence as text, with the documents its tokens came from."""

    number: int
    tokens: int
    text: str
    pieces: list[DocumentPiece]


def read_sequence(table: SequenceTable, number: int) -> ReadSequence | None:
    """Sequence `number` decoded by its own tokenizer; None when there is no such sequence."""
    if not 0 <= number < table.num_sequences:
        return None
    tokenizer = tokenizers.Tokenizer.from_file(str(table.tokenizer_path))
    ids = table.tokens_of(number).tolist()
    return ReadSequence(number, len(ids), tokenizer.decode(ids, skip_special_tokens=False), table.documents_of(number))
