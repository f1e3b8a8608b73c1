"""A dataset version's text at a glance: bars of lengths, sources and languages from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.format import compact

BYTES_PER_TOKEN = 4  # usual for English and byte-level BPE; the exact number is known after grouping


@dataclass(frozen=True)
class Bar:
    """A name with its documents; `fraction` is its share of all (lengths: of the most frequent length)."""

    name: str
    documents: int
    fraction: float


@dataclass(frozen=True)
class Glance:
    """What the overview of a version draws. `languages` is empty when no document names one."""

    documents: int
    characters: int
    estimated_tokens: int
    lengths: list[Bar]
    sources: list[Bar]
    languages: list[Bar]


def glance(manifest: dict[str, Any]) -> Glance | None:
    """None for versions made before lengths were counted, and for empty ones."""
    facts, counts = manifest.get("text"), manifest.get("counts", {})
    if not facts or not facts["lengths"]:
        return None
    most = max(count for _, count in facts["lengths"])
    by_length = dict(facts["lengths"])
    span = range(min(by_length), max(by_length) + 1)  # with the empty ones between, so that gaps are seen
    lengths = [Bar(_span(k), by_length.get(k, 0), by_length.get(k, 0) / most) for k in span]
    languages = _bars(facts["languages"])
    said = any(name for name, _ in facts["languages"]["names"])
    return Glance(
        documents=counts["documents"],
        characters=facts["characters"],
        estimated_tokens=counts["bytes"] // BYTES_PER_TOKEN,
        lengths=lengths,
        sources=_bars(facts["sources"]),
        languages=languages if said else [],
    )


def _span(power: int) -> str:
    return f"{compact(2**power)} – {compact(2 ** (power + 1) - 1)}"


def _bars(facts: dict[str, Any]) -> list[Bar]:
    named = [(name or "not stated", count) for name, count in facts["names"]]
    rows = [*named, *([("all others", facts["more"])] if facts["more"] else [])]
    total = sum(count for _, count in rows)
    return [Bar(name, count, count / total) for name, count in rows]
