"""A chain of filters over documents, and the funnel that counts what each stage did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from curriculum_app.core.conversations import holds_example, rewritten
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import Drop, Filter, FilterChoice
from curriculum_app.core.text_places import moved


@dataclass
class StageCounts:
    """What one stage did to one domain. Bytes are UTF-8 bytes of text; seconds are summed over processes."""

    stage: str
    documents_in: int = 0
    documents_out: int = 0
    changed: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)  # of kept documents, such as no_url

    def keep(self, before: Document, after: Document, note: str = "") -> None:
        size = before.num_bytes
        self.documents_in += 1
        self.documents_out += 1
        self.bytes_in += size
        self.bytes_out += size if after.text is before.text else after.num_bytes
        self.changed += after.text != before.text
        if note:
            self.notes[note] = self.notes.get(note, 0) + 1

    def drop(self, document: Document, reason: str) -> None:
        self.documents_in += 1
        self.bytes_in += document.num_bytes
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def add(self, other: Mapping[str, Any]) -> None:
        """Add the counts of another shard, given as `as_json` gives them."""
        self.documents_in += other["in"]
        self.documents_out += other["out"]
        self.changed += other["changed"]
        self.bytes_in += other["bytes_in"]
        self.bytes_out += other["bytes_out"]
        self.seconds += other["seconds"]
        for mine, theirs in ((self.reasons, other["reasons"]), (self.notes, other.get("notes", {}))):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "in": self.documents_in,
            "out": self.documents_out,
            "dropped": self.documents_in - self.documents_out,
            "changed": self.changed,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "seconds": round(self.seconds, 3),
            "reasons": dict(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))),
            "notes": dict(sorted(self.notes.items())),
        }


Funnel = dict[str, list[dict[str, Any]]]


def merge_funnels(parts: Iterable[Funnel]) -> Funnel:
    """The sum of the funnels of shards (domain → stages in order)."""
    total: dict[str, list[StageCounts]] = {}
    for part in parts:
        for domain, stages in part.items():
            sums = total.setdefault(domain, [StageCounts(stage["stage"]) for stage in stages])
            for counts, stage in zip(sums, stages, strict=True):
                counts.add(stage)
    return {domain: [counts.as_json() for counts in stages] for domain, stages in sorted(total.items())}


class Chain:
    """The filters of one domain in order, with their counts."""

    def __init__(self, choices: Sequence[FilterChoice]) -> None:
        self._filters = [(_built(choice.model_dump_json()), StageCounts(choice.key)) for choice in choices]

    def judge(self, document: Document) -> Document | DroppedDocument:
        """The document as it comes out of the chain, or at which stage and why it was removed."""
        for step, counts in self._filters:
            start = time.perf_counter()
            verdict = step.judge(document)
            if not isinstance(verdict, Drop) and not verdict.document.text:
                verdict = Drop("empty")
            counts.seconds += time.perf_counter() - start
            if isinstance(verdict, Drop):
                counts.drop(document, verdict.reason)
                return DroppedDocument(document, counts.stage, verdict.reason, verdict.statistic)
            kept = _with_conversation(step, document, verdict.document)
            counts.keep(document, kept, verdict.note)
            document = _with_media_in_place(document, kept)
        return document

    def counts(self) -> list[dict[str, Any]]:
        return [counts.as_json() for _, counts in self._filters]


def _with_media_in_place(before: Document, after: Document) -> Document:
    """A filter that changes the text need not know of the media in it: they stay between the same words."""
    if not after.media or after.media is not before.media or after.text is before.text:
        return after
    return replace(after, media=moved(after.media, before.text, after.text))


def _with_conversation(step: Filter, before: Document, after: Document) -> Document:
    """What a filter changes in the text it changes in the messages too: training reads those."""
    if after.text == before.text or not holds_example(before.meta):
        return after
    return rewritten(after, lambda text: step.transform(replace(before, text=text)).text)


@lru_cache(maxsize=64)
def _built(choice: str) -> Filter:
    """Filters keep no state between documents, so a process builds each one (and loads its model) once."""
    built: Filter = FilterChoice.model_validate_json(choice).build()
    return built
