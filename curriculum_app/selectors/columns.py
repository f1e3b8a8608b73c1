"""Reads of the measured columns of dataset versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from django.shortcuts import get_object_or_404

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core import dataset_version as core
from curriculum_app.core.column_statistics import share_below
from curriculum_app.core.columns import ColumnFacts, Columns
from curriculum_app.core.documents import Document
from curriculum_app.models import ColumnSet, DatasetVersion

Order = Literal["lowest", "highest", "missing"]
EXTREMES = 25


def sets_of(version: DatasetVersion) -> list[ColumnSet]:
    """The column sets of a version, newest first."""
    return list(ColumnSet.objects.select_related("job").filter(dataset=version).order_by("-pk"))


def set_get(actor: Actor, pk: int) -> ColumnSet:
    """The column set of this project, or 404."""
    return get_object_or_404(ColumnSet, project=actor.project, pk=pk)


def opened(row: ColumnSet) -> Columns | None:
    """The columns, or None when their files are not on this machine."""
    return refs.opened(Columns, row)


def facts(row: ColumnSet) -> list[ColumnFacts]:
    """What the manifest says of each column; domains in their own order, which JSON in the database does not keep."""
    domains = row.manifest["domains"]
    ordered = [
        {**item, "domains": {name: item["domains"][name] for name in domains}} for item in row.manifest["columns"]
    ]
    return [ColumnFacts.model_validate(item) for item in ordered]


@dataclass(frozen=True)
class Agreement:
    """Spearman's ρ of two columns and the documents that both have a number for; `level` is ρ in fifths."""

    other: str
    rho: float | None
    documents: int

    @property
    def level(self) -> int:
        return round(5 * (self.rho or 0.0))


def agreement(row: ColumnSet) -> list[tuple[ColumnFacts, list[Agreement]]]:
    """Every column with its rank correlation to every column."""
    columns, said = facts(row), row.manifest["rank_correlation"]
    return [
        (
            column,
            [
                Agreement(other.title, rho, documents)
                for other, rho, documents in zip(columns, said["rho"][place], said["documents"][place], strict=True)
            ],
        )
        for place, column in enumerate(columns)
    ]


@dataclass(frozen=True)
class Extreme:
    """A document, its number in the column that orders the table, and those in the other columns."""

    document: Document
    value: float
    others: list[float]


def extremes(
    columns: Columns, version: core.DatasetVersion, name: str, order: Order, domain: str | None
) -> list[Extreme]:
    """The documents with the lowest or highest finite numbers of a column, or the first without one."""
    rows = extreme_rows(columns, name, order, domain)
    ordered, others = columns.column(name), [columns.column(other) for other in columns.names if other != name]
    return [
        Extreme(document, float(ordered[row]), [float(column[row]) for column in others])
        for row, document in zip(rows, version.documents_at(rows), strict=True)
    ]


def extreme_rows(columns: Columns, name: str, order: Order, domain: str | None) -> list[int]:
    """Places in the order of the documents; equal numbers stand in that order."""
    values = columns.column(name)
    wanted = np.isfinite(values) ^ (order == "missing")
    if domain is not None:
        wanted &= columns.domain_codes() == columns.domains.index(domain)
    rows = np.flatnonzero(wanted)
    if order != "missing":
        sign = 1 if order == "lowest" else -1
        rows = rows[np.argsort(sign * values[rows], kind="stable")]
    return [int(row) for row in rows[:EXTREMES]]


@dataclass(frozen=True)
class DocumentValue:
    """One number of a document. `percentile` in [0, 1] is its place among the documents of its domain."""

    column: ColumnFacts
    value: float
    percentile: float | None
    columns: ColumnSet


def values_of_document(version: DatasetVersion, document_id: str) -> list[DocumentValue]:
    """Every column that was measured for a document, each from the newest set that holds it; the newest set first."""
    found: dict[str, DocumentValue] = {}
    for row in sets_of(version):
        columns = opened(row)
        place = columns.row_of(document_id) if columns is not None else None
        if columns is not None and place is not None:
            new = [column for column in columns.facts if column.name not in found]
            found |= {value.column.name: value for value in _values_at(row, columns, place, new)}
    return list(found.values())


def _values_at(row: ColumnSet, columns: Columns, place: int, wanted: Sequence[ColumnFacts]) -> list[DocumentValue]:
    codes = columns.domain_codes()
    domain = codes == codes[place]
    values = [(column, columns.column(column.name)) for column in wanted]
    return [
        DocumentValue(column, float(numbers[place]), share_below(numbers[domain], float(numbers[place])), row)
        for column, numbers in values
    ]
