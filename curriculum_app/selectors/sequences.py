"""Reads of sequence sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tokenizers
from django.shortcuts import get_object_or_404

from chimera.projects.access import Actor
from curriculum_app.core.sequences import DocumentPiece, SequenceTable
from curriculum_app.models import SequenceSet


def sequences_get(actor: Actor, pk: int) -> SequenceSet:
    """The sequence set of this project with its dataset, or 404."""
    found = SequenceSet.objects.select_related("dataset", "job")
    return get_object_or_404(found, project=actor.project, pk=pk)


def opened(row: SequenceSet) -> SequenceTable | None:
    """The table, or None when its files are not on this machine."""
    try:
        return SequenceTable.open(row.stored())
    except FileNotFoundError:
        return None


def groups(manifest: dict[str, Any], grouping: str) -> list[tuple[str, int, float]]:
    """`(group, tokens, share)` of a grouping in its own order."""
    tokens = manifest["tokens_by_group"][grouping]
    total = sum(tokens) or 1
    return [(name, count, count / total) for name, count in zip(manifest["groupings"][grouping], tokens, strict=True)]


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
