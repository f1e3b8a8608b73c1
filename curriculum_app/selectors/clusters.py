"""Reads of clusterings: rows, clusters under the names people gave them, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core.clustering.artefact import Clustering as Opened
from curriculum_app.models import Clustering, ClusterName, DatasetVersion
from curriculum_app.selectors.window import Window

# From the best down: at least this silhouette (Kaufman & Rousseeuw 1990) or adjusted Rand index (Steinley 2004).
_STRUCTURE = [(0.71, "clear clusters"), (0.51, "reasonable clusters"), (0.26, "weak clusters, many documents between")]
_STABLE = [(0.9, "another seed finds the same"), (0.65, "another seed finds much the same")]
_NO_STRUCTURE = "no clear borders: a division, not a discovery"
_UNSTABLE = "another seed divides differently"


def clusterings(version: DatasetVersion) -> QuerySet[Clustering]:
    """Those of a dataset version, newest first."""
    return Clustering.objects.filter(dataset=version).order_by("-pk")


def clustering_get(actor: Actor, pk: int) -> Clustering:
    """The clustering of this project with its dataset, or 404."""
    found = Clustering.objects.select_related("dataset", "job").prefetch_related("names")
    return get_object_or_404(found, project=actor.project, pk=pk)


def opened(row: Clustering) -> Opened | None:
    """The artefact, or None when its files are not on this machine."""
    return refs.opened(Opened, row)


@dataclass(frozen=True)
class ClusterRow:
    """A cluster as pages show it. `name` is what somebody called it, else what was suggested; people count from 1."""

    facts: dict[str, Any]
    given: ClusterName | None
    share: float  # of all documents
    bar: float  # of the largest cluster

    @property
    def number(self) -> int:
        return int(self.facts["number"])

    @property
    def shown(self) -> int:
        return self.number + 1

    @property
    def name(self) -> str:
        return self.given.name if self.given else str(self.facts["name"])

    @property
    def series(self) -> int:
        return self.number % 8 + 1

    @property
    def domains(self) -> list[tuple[str, float]]:
        """The three largest with their shares of the cluster's documents."""
        return [(name, count / self.facts["documents"]) for name, count in self.facts["domains"][:3]]

    @property
    def terms(self) -> list[str]:
        return [term for term, _ in self.facts["terms"]]


def clusters(row: Clustering, clustering: Opened) -> list[ClusterRow]:
    """Every cluster, the largest first."""
    given = {name.number: name for name in row.names.all()}
    found = clustering.clusters
    total, largest = clustering.manifest["documents"], found[0]["documents"]
    return [
        ClusterRow(facts, given.get(facts["number"]), facts["documents"] / total, facts["documents"] / largest)
        for facts in found
    ]


def documents(clustering: Opened, cluster: ClusterRow) -> Window[dict[str, Any]]:
    """The documents of a cluster, the nearest to its centre first."""
    return Window(cluster.facts["documents"], lambda offset, limit: clustering.documents(cluster.number, offset, limit))


def in_words(quality: dict[str, Any]) -> dict[str, str]:
    """What silhouette and stability say."""
    structure, stable = quality["silhouette"], quality["stability"]
    return {
        "silhouette": _word(structure, _STRUCTURE, _NO_STRUCTURE) if structure is not None else "one cluster only",
        "stability": _word(stable, _STABLE, _UNSTABLE),
    }


def _word(value: float, scale: list[tuple[float, str]], otherwise: str) -> str:
    return next((word for least, word in scale if value >= least), otherwise)


def of_document(version: DatasetVersion, document_id: str) -> tuple[Clustering, ClusterRow, float] | None:
    """The cluster of a document in the newest clustering of its version, and the cosine to the centre."""
    row = clusterings(version).prefetch_related("names").first()
    found = opened(row) if row is not None else None
    place = found.of_document(document_id) if found is not None else None
    if row is None or found is None or place is None:
        return None
    number, cosine = place
    return row, next(cluster for cluster in clusters(row, found) if cluster.number == number), cosine
