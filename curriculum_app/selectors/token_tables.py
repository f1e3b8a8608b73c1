"""Tokens of two dataset versions side by side, per domain, under each tokenizer that has counted one of them."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.projects.models import Project
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors.tokens import ProjectTokenizer, TokenTable, tokenizers, tokens_of


@dataclass(frozen=True)
class TokenDifference:
    """Kept tokens of text under one tokenizer: domain → (before, after); None where that version is not counted."""

    tokenizer: ProjectTokenizer
    rows: list[tuple[str, int | None, int | None]]
    total: tuple[int | None, int | None]
    uncounted: list[DatasetVersion]


@dataclass(frozen=True)
class TokenDifferences:
    """A table per tokenizer; `tokenizers` are all of the project."""

    tables: list[TokenDifference]
    tokenizers: list[ProjectTokenizer]


def token_differences(project: Project, left: DatasetVersion, right: DatasetVersion) -> TokenDifferences:
    """What has been counted of the two versions, the newest tokenizer first."""
    known = tokenizers(project)
    pair = (left, right)
    counted = [{table.tokenizer.sha256: table for table in tokens_of(side, known)} for side in pair]
    tables = [
        _table(tokenizer, pair, [side.get(tokenizer.sha256) for side in counted])
        for tokenizer in known
        if any(tokenizer.sha256 in side for side in counted)
    ]
    return TokenDifferences(tables, known)


def _table(
    tokenizer: ProjectTokenizer, pair: tuple[DatasetVersion, DatasetVersion], sides: list[TokenTable | None]
) -> TokenDifference:
    domains = sorted({name for side in sides if side is not None for name in side.by_domain})
    rows = [(name, *_both(sides, name)) for name in domains]
    before, after = (None if side is None else side.kept for side in sides)
    uncounted = [version for version, side in zip(pair, sides, strict=True) if side is None]
    return TokenDifference(tokenizer, rows, (before, after), uncounted)


def _both(sides: list[TokenTable | None], domain: str) -> tuple[int | None, int | None]:
    before, after = (_kept(side, domain) for side in sides)
    return before, after


def _kept(side: TokenTable | None, domain: str) -> int | None:
    if side is None:
        return None
    found = side.by_domain.get(domain)
    return found.kept if found else 0
