"""Tokens of dataset versions under the tokenizers of a project, as far as they have been counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

from chimera.artefacts import ArtefactStore
from chimera.jobs.models import Job, State
from chimera.projects.models import Project
from curriculum_app.core.token_counts import KIND, TOKENS_PER_IMAGE, count_digest
from curriculum_app.models import DatasetVersion, SequenceSet


@dataclass(frozen=True)
class ProjectTokenizer:
    """A tokenizer, known by the newest sequence set that has it."""

    sha256: str
    uid: str
    label: str
    vocabulary: int


@dataclass(frozen=True)
class Lost:
    """Tokens that one stage took out of one domain, with the documents it dropped."""

    stage: str
    documents: int
    tokens: int


@dataclass(frozen=True)
class DomainTokens:
    """One domain. `raw` is None where the versions it was made from were not counted."""

    domain: str
    raw: int | None
    kept: int
    media: int
    lost: list[Lost]
    sources: list[tuple[str, int]]

    @property
    def total(self) -> int:
        """Kept tokens of text and media."""
        return self.kept + self.media

    @property
    def dropped(self) -> int:
        return sum(item.tokens for item in self.lost)

    @property
    def cut(self) -> int | None:
        """What raw text lost by being changed and not by being dropped: markup, lines, replaced addresses."""
        return None if self.raw is None else self.raw - self.kept - self.dropped

    @property
    def share(self) -> float | None:
        return self.kept / self.raw if self.raw else None


@dataclass(frozen=True)
class TokenTable:
    """All domains of a version under one tokenizer."""

    tokenizer: ProjectTokenizer
    tokens_per_image: int
    domains: list[DomainTokens]

    @cached_property
    def by_domain(self) -> dict[str, DomainTokens]:
        return {item.domain: item for item in self.domains}

    @property
    def kept(self) -> int:
        return sum(item.kept for item in self.domains)

    @property
    def media(self) -> int:
        return sum(item.media for item in self.domains)

    @property
    def raw(self) -> int | None:
        return None if any(item.raw is None for item in self.domains) else sum(item.raw or 0 for item in self.domains)


def tokenizers(project: Project) -> list[ProjectTokenizer]:
    """The different tokenizers of a project, the newest first."""
    found: dict[str, ProjectTokenizer] = {}
    for row in SequenceSet.objects.filter(project=project).order_by("-pk"):
        sha = row.manifest.get("files", {}).get("tokenizer.json", {}).get("sha256")
        if sha and sha not in found:
            found[sha] = ProjectTokenizer(sha, row.uid, row.label, row.manifest["vocab_size"])
    return list(found.values())


def tokens_of(version: DatasetVersion, known: list[ProjectTokenizer] | None = None) -> list[TokenTable]:
    """A table for every tokenizer of the project (`known`, if they were asked for) under which it was counted."""
    known = tokenizers(version.project) if known is None else known
    if not known:
        return []
    per_image = tokens_per_image(version)
    found = [_table(version, tokenizer, per_image) for tokenizer in known]
    return [table for table in found if table is not None]


def tokens_per_image(version: DatasetVersion) -> int:
    """What the newest count of the version took an image for."""
    jobs = Job.objects.filter(project=version.project_id, kind="count-tokens", state=State.SUCCEEDED)
    newest = jobs.filter(config__dataset=version.uid).order_by("-pk").values_list("config", flat=True).first()
    return int(newest["tokens_per_image"]) if newest else TOKENS_PER_IMAGE


def _table(version: DatasetVersion, tokenizer: ProjectTokenizer, per_image: int) -> TokenTable | None:
    counted = _counts(version.digest, tokenizer.sha256, per_image)
    if counted is None:
        return None
    parents = [_counts(digest, tokenizer.sha256, per_image) for digest in version.manifest.get("parents", [])]
    raw: dict[str, int] | None = None
    if parents and None not in parents:
        raw = {}
        for parent in parents:
            for domain, tally in (parent or {})["domains"].items():
                raw[domain] = raw.get(domain, 0) + tally["tokens"]
    names = sorted({*counted["domains"], *counted["dropped"], *(raw or {})})
    order = _stage_order(version.manifest)
    return TokenTable(tokenizer, per_image, [_domain(name, counted, raw, order) for name in names])


def _domain(name: str, counted: Mapping[str, Any], raw: dict[str, int] | None, order: dict[str, int]) -> DomainTokens:
    kept = counted["domains"].get(name, {"tokens": 0, "media_tokens": 0})
    lost = [
        Lost(stage, tally["documents"], tally["tokens"]) for stage, tally in counted["dropped"].get(name, {}).items()
    ]
    sources = [(source, tally["tokens"]) for source, tally in counted["sources"].get(name, {}).items()]
    return DomainTokens(
        domain=name,
        raw=None if raw is None else raw.get(name, 0),
        kept=kept["tokens"],
        media=kept["media_tokens"],
        lost=sorted(lost, key=lambda item: order.get(item.stage, len(order))),
        sources=sorted(sources, key=lambda item: (-item[1], item[0])),
    )


def _stage_order(manifest: Mapping[str, Any]) -> dict[str, int]:
    names = [stage["stage"] for stages in manifest.get("funnel", {}).values() for stage in stages]
    return {name: position for position, name in enumerate(dict.fromkeys(names))}


def _counts(dataset: str, tokenizer: str, per_image: int) -> dict[str, Any] | None:
    store = ArtefactStore(settings.DATA_DIR / "artefacts")
    try:
        return store.load(KIND, count_digest(dataset, tokenizer, per_image)).manifest
    except FileNotFoundError:
        return None
