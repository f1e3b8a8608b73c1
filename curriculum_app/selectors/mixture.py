"""Reads of mixtures: saved versions, what may fill a row, and the ledger with the tokens that have been counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from django.shortcuts import get_object_or_404

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from curriculum_app.core.mixture_draft import Draft, Fill, changes
from curriculum_app.core.mixture_ledger import Ledger, Line
from curriculum_app.models import DatasetVersion, MixturePlan
from curriculum_app.selectors.tokens import TokenTable, tokenizers, tokens_of

_VERSIONS = 30  # offered to fill a row


def plans(actor: Actor) -> list[MixturePlan]:
    """The newest version of every mixture."""
    newest: dict[str, MixturePlan] = {}
    for plan in MixturePlan.objects.filter(project=actor.project).order_by("-pk"):
        newest.setdefault(plan.name, plan)
    return list(newest.values())


def plan_get(actor: Actor, pk: int) -> MixturePlan:
    """The version of this project, or 404."""
    return get_object_or_404(MixturePlan, project=actor.project, pk=pk)


def history(plan: MixturePlan) -> list[tuple[MixturePlan, list[str]]]:
    """All versions of a mixture, newest first, each with what is different from the one before."""
    versions = list(MixturePlan.objects.filter(project=plan.project_id, name=plan.name).order_by("version"))
    found: list[tuple[MixturePlan, list[str]]] = []
    for before, after in zip([None, *versions], versions, strict=False):
        said = changes(before.rows, after.rows) if before else ["first version"]
        if before and before.budget_tokens != after.budget_tokens:
            said.append(f"budget {before.budget_tokens:,} → {after.budget_tokens:,} tokens")
        found.append((after, said))
    return found[::-1]


def fillings(actor: Actor) -> list[tuple[str, list[tuple[str, str]]]]:
    """What may fill a row: label of a version → `(key, domain)`, the newest versions first."""
    rows = DatasetVersion.objects.filter(project=actor.project, deleted_at=None).order_by("-pk")[:_VERSIONS]
    return [
        (
            f"{row.label} ({row.get_stage_display()})",
            [(Fill(row.uid, domain).key, domain) for domain in sorted(row.manifest.get("domains", {}))],
        )
        for row in rows
    ]


@dataclass(frozen=True)
class LedgerRow:
    """A line of the ledger with its share of all unique tokens, and what is to be known about its data."""

    line: Line
    actual: float | None
    notes: list[str]


@dataclass
class Computed:
    """The ledger of a draft, or the problems it has; and the counts of the versions that fill it."""

    ledger: Ledger | None = None
    rows: list[LedgerRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tables: list[tuple[DatasetVersion, TokenTable]] = field(default_factory=list)
    uncounted: list[DatasetVersion] = field(default_factory=list)


def computed(actor: Actor, draft: Draft) -> Computed:
    """Need, epochs and the largest budgets of a draft under its tokenizer (the newest one if it names none)."""
    draft = replace(draft, tokenizer=draft.tokenizer or next((each.uid for each in tokenizers(actor.project)), ""))
    found = Computed()
    versions = _versions(actor, draft)
    counted: dict[str, TokenTable] = {}
    for version in versions.values():
        table = next((each for each in tokens_of(version) if each.tokenizer.uid == draft.tokenizer), None)
        if table is None:
            found.uncounted.append(version)
        else:
            counted[version.uid] = table
            found.tables.append((version, table))
    unique = [_unique(row.fills, counted) for _, row in draft.filled]
    try:
        found.ledger = draft.ledger(unique)
    except InputError as error:
        found.problems = error.problems
        return found
    notes = _notes(draft, versions)
    total = sum(count or 0 for count in unique)
    for line, said in zip(found.ledger.lines, notes, strict=True):
        count = line.target.unique
        found.rows.append(LedgerRow(line, count / total if count is not None and total else None, said))
    return found


def _versions(actor: Actor, draft: Draft) -> dict[str, DatasetVersion]:
    """The versions that fill rows, by uid, those that exist in the project."""
    uids = {fill.dataset for _, row in draft.filled for fill in row.fills}
    numbers = [int(uid.rpartition("-")[2]) for uid in uids if uid.rpartition("-")[2].isdecimal() and len(uid) < 28]
    rows = DatasetVersion.objects.filter(project=actor.project, pk__in=numbers).order_by("pk")
    return {row.uid: row for row in rows if row.uid in uids}


def _unique(fills: tuple[Fill, ...], counted: dict[str, TokenTable]) -> int | None:
    """Tokens of text and media that fill a row; None if a part is not counted, or nothing fills it."""
    if not fills or any(fill.dataset not in counted for fill in fills):
        return None
    cells = [counted[fill.dataset].by_domain.get(fill.domain) for fill in dict.fromkeys(fills)]
    return sum(cell.total for cell in cells if cell)


def _notes(draft: Draft, versions: dict[str, DatasetVersion]) -> list[list[str]]:
    """Per row: data that is missing, raw, or fills another row too."""
    uses = Counter(fill for _, row in draft.filled for fill in set(row.fills))
    notes = []
    for _, row in draft.filled:
        said = [] if row.fills else ["nothing fills it yet"]
        for fill in dict.fromkeys(row.fills):
            version = versions.get(fill.dataset)
            name = f"{version.label}, {fill.domain}" if version else f"{fill.dataset}, {fill.domain}"
            if version is None:
                said.append(f"{name}: not in this project")
            elif version.stage == DatasetVersion.Stage.RAW:
                said.append(f"{name}: raw, duplicates are in it")
            if uses[fill] > 1:
                said.append(f"{name}: fills another row too")
        notes.append(said)
    return notes
