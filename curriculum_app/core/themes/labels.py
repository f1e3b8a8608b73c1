"""`LabelSet`: the answers of people to the question of a theme, frozen with the texts they are about (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.typed import sha256_json
from curriculum_app.core.parquet_rows import RowWriter, read_rows

FILE = "labels.parquet"
HELD_OUT_SHARE = 0.3
_SCHEMA = pa.schema(
    [
        ("text_sha256", pa.string()),
        ("text", pa.string()),
        ("value", pa.bool_()),
        ("answers", pa.int64()),
        ("agreeing", pa.int64()),
    ]
)


def text_sha256(text: str) -> str:
    """How a text is known to labels: hex sha256 of its UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_held_out(sha256: str) -> bool:
    """Whether a text measures the classifier instead of training it: by its hash, so for ever the same."""
    return int(sha256[:8], 16) < HELD_OUT_SHARE * 2**32


@dataclass(frozen=True)
class Answer:
    """One person's answer about one text."""

    text_sha256: str
    annotator: str
    value: bool


@dataclass(frozen=True)
class Verdict:
    """What the majority says about a text; a tie has no verdict."""

    value: bool
    answers: int
    agreeing: int


def verdicts(answers: Iterable[Answer]) -> dict[str, Verdict]:
    """Text → the answer of the majority of its annotators; texts with a tie are left out."""
    by_text: dict[str, list[bool]] = {}
    for answer in answers:
        by_text.setdefault(answer.text_sha256, []).append(answer.value)
    found = {}
    for sha256, values in sorted(by_text.items()):
        yes = sum(values)
        if 2 * yes != len(values):
            found[sha256] = Verdict(2 * yes > len(values), len(values), max(yes, len(values) - yes))
    return found


def cohen_kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Agreement of two annotators beyond chance on the same texts (Cohen 1960); NaN where chance agrees fully."""
    n = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    yes = sum(first) * sum(second) / n**2
    expected = yes + (n - sum(first)) * (n - sum(second)) / n**2
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def freeze_labels(store: ArtefactStore, theme: Mapping[str, str], rows: Iterable[tuple[str, Verdict]]) -> Stored:
    """Seal `(text, verdict)` pairs as a label set; equal labels of an equal theme give the same one.

    `theme` holds slug, name and question.
    """
    ordered = sorted(((text_sha256(text), text, verdict) for text, verdict in rows), key=lambda row: row[0])
    digest = sha256_json([dict(theme), [(sha256, verdict.value) for sha256, _, verdict in ordered]])
    with store.stage(LabelSet.ref_kind) as stage:
        with RowWriter(stage.path / FILE, _SCHEMA) as writer:
            for sha256, text, verdict in ordered:
                writer.add({"text_sha256": sha256, "text": text, **vars(verdict)})
        return stage.seal(digest, {"theme": dict(theme), "counts": _counts(ordered)})


def _counts(ordered: list[tuple[str, str, Verdict]]) -> dict[str, dict[str, int]]:
    counts = {part: {"positive": 0, "negative": 0} for part in ("training", "held_out")}
    for sha256, _, verdict in ordered:
        part = "held_out" if is_held_out(sha256) else "training"
        counts[part]["positive" if verdict.value else "negative"] += 1
    return counts


@dataclass(frozen=True)
class Labelled:
    """Texts with their labels, in order of their hash."""

    texts: list[str]
    values: list[bool]


class LabelSet(Opened):
    """A sealed label set."""

    ref_kind: ClassVar[str] = "labels"

    def part(self, *, held_out: bool) -> Labelled:
        """The labels that train, or those that measure."""
        rows = [row for row in read_rows(self.path / FILE) if is_held_out(row["text_sha256"]) == held_out]
        return Labelled([row["text"] for row in rows], [row["value"] for row in rows])
