"""Tokens of dataset versions per domain, as their sequence sets counted them with their tokenizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curriculum_app.models import DatasetVersion, SequenceSet


@dataclass(frozen=True)
class TokenTable:
    """Counts with one tokenizer: domain → (before, after); None where that version has no set with this tokenizer."""

    tokenizer: str
    sets: list[SequenceSet]
    rows: list[tuple[str, int | None, int | None]]
    total: tuple[int | None, int | None]


def token_tables(left: DatasetVersion, right: DatasetVersion) -> list[TokenTable]:
    """One table per tokenizer that has cut either version, the newest set of each first."""
    sets = SequenceSet.objects.filter(dataset__in={left.pk, right.pk}).order_by("-pk")
    found: dict[str, list[SequenceSet]] = {}
    for row in sets:
        found.setdefault(_tokenizer(row.manifest), []).append(row)
    return [_table(tokenizer, rows, left, right) for tokenizer, rows in found.items()]


def _table(tokenizer: str, sets: list[SequenceSet], left: DatasetVersion, right: DatasetVersion) -> TokenTable:
    sides = [next((_tokens(row.manifest) for row in sets if row.dataset_id == side.pk), None) for side in (left, right)]
    domains = sorted({domain for side in sides for domain in side or {}})
    rows = [(domain, *_pair(sides, domain)) for domain in domains]
    before, after = (None if side is None else sum(side.values()) for side in sides)
    return TokenTable(tokenizer, sets, rows, (before, after))


def _pair(sides: list[dict[str, int] | None], domain: str) -> tuple[int | None, int | None]:
    before, after = (None if side is None else side.get(domain, 0) for side in sides)
    return before, after


def _tokenizer(manifest: dict[str, Any]) -> str:
    """What tells tokenizers apart: the hash of their file."""
    return str(manifest.get("files", {}).get("tokenizer.json", {}).get("sha256", ""))


def _tokens(manifest: dict[str, Any]) -> dict[str, int]:
    """Domain → tokens for training and tokens held out."""
    names = manifest.get("groupings", {}).get("domain", [])
    tokens = dict(zip(names, manifest.get("tokens_by_group", {}).get("domain", []), strict=False))
    for domain, facts in manifest.get("domains", {}).items():
        tokens[domain] = tokens.get(domain, 0) + int(facts.get("held_out_tokens", 0))
    return tokens
