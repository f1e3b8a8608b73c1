"""Reads for the passport of a document: origin, stations, rules, duplicates, scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chimera.projects.access import Actor
from curriculum_app.core import asking_filters
from curriculum_app.core import dataset_version as core
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.documents import Document
from curriculum_app.core.examination import Step
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import clusters, columns, themes
from curriculum_app.selectors.datasets import lineage, opened

DUPLICATES_SHOWN = 50


@dataclass(frozen=True)
class Place:
    """A document of a version, as panels of higher apps are given it."""

    version: DatasetVersion
    document_id: str


@dataclass(frozen=True)
class Station:
    """What became of a document in one version: `found` is None where it is not in it at all."""

    version: DatasetVersion
    found: Document | DroppedDocument | None
    here: bool = False

    @property
    def dropped(self) -> DroppedDocument | None:
        return self.found if isinstance(self.found, DroppedDocument) else None


def stations(version: DatasetVersion, document_id: str) -> list[Station]:
    """From the raw version that holds it to the versions made of this one, in order of making."""
    related = lineage(version)
    rows = sorted({*related["ancestors"], version, *related["children"]}, key=lambda row: row.pk)
    found = [Station(row, _find(row, document_id), here=row == version) for row in rows]
    return [station for station in found if station.found is not None or station.version in related["children"]]


def _find(version: DatasetVersion, document_id: str) -> Document | DroppedDocument | None:
    version_opened = opened(version)
    return None if version_opened is None else version_opened.find(document_id)


def origin(version: DatasetVersion, found: Document | DroppedDocument) -> tuple[DatasetVersion, Document] | None:
    """The nearest version above this one that holds the document as it came in, and that document."""
    document = found.document if isinstance(found, DroppedDocument) else found
    level = list(version.parents.order_by("pk"))
    for parent in level:
        before = _find(parent, document.id)
        if isinstance(before, Document) and before.domain == document.domain:
            return parent, before
    return None


def examination(version: DatasetVersion, raw: Document) -> list[Step]:
    """Every rule of the version's recipe for the document, asked again in a process of its own.

    Raises:
        TimedOut, CallFailed: see `asking_filters.steps`.
    """
    params = version.manifest.get("recipe", {}).get("params", {})
    recipes = params.get("recipes", {})
    recipe = recipes.get(raw.domain, recipes.get("*", []))
    return asking_filters.steps(raw, [*recipe, *params.get("final_filters", [])])


def duplicates(version: core.DatasetVersion, document_id: str) -> list[DroppedDocument]:
    """What was dropped because this document was kept, the first few."""
    return version.dropped_for(document_id, DUPLICATES_SHOWN)


@dataclass(frozen=True)
class Score:
    """The score of a classifier."""

    classifier: Any
    value: float
    passes: bool


def scores(version: DatasetVersion, document_id: str) -> list[Score]:
    """By every classifier that has scored this version, newest first."""
    rows = version.classifiers.select_related("theme").order_by("-pk")
    found = [(row, themes.opened_classifier(row)) for row in rows]
    version_opened = opened(version)
    if version_opened is None or not any(classifier for _, classifier in found):
        return []
    numbers = version_opened.numbers_of({document_id})
    if not numbers:
        return []
    values = [(row, float(np.asarray(item.scores)[numbers[0]])) for row, item in found if item is not None]
    return [Score(row, value, value >= row.manifest["measured"]["threshold"]) for row, value in values]


def passport(actor: Actor, version: DatasetVersion, found: Document | DroppedDocument) -> dict[str, Any]:
    """Everything the page shows at once; the rules come after it, because they take a moment."""
    document = found.document if isinstance(found, DroppedDocument) else found
    version_opened = opened(version)
    kept = isinstance(found, Document)
    return {
        "place": Place(version, document.id),
        "stations": stations(version, document.id),
        "origin": origin(version, found),
        "duplicates": duplicates(version_opened, document.id) if kept and version_opened is not None else [],
        "cluster": clusters.of_document(version, document.id) if kept else None,
        "values": columns.values_of_document(version, document.id) if kept else [],
        "scores": scores(version, document.id) if kept else [],
    }
