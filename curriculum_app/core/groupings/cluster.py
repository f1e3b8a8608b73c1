"""By cluster: what a clustering of this very dataset version has found."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import chimera.typed
from chimera.errors import InputError, Problem
from chimera.refs import Ref
from curriculum_app.core.clustering.artefact import Clustering
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, DocumentGrouping, Groups, Opener


@GROUPINGS.register("cluster")
class Cluster(DocumentGrouping):
    """Clusters of embeddings as groups of a mixture (CLIMB, arXiv 2504.13161)."""

    title = "Cluster"
    summary = "The clusters that the job Cluster has found in this dataset version."
    key = "cluster"

    class Config(chimera.typed.Config):
        clustering: Ref[Clustering] | None = Field(None, title="Clustering", description="Of this dataset version.")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self._clustering: Clustering | None = None

    def prepare(self, dataset: str, open_: Opener) -> None:
        if self.config.clustering is None:
            raise InputError(Problem("no clustering is chosen", "clustering", hint="run Cluster first, then choose it"))
        clustering: Clustering = open_(self.config.clustering)
        if clustering.dataset != dataset:
            message = f"{self.config.clustering} belongs to another dataset version"
            raise InputError(Problem(message, "clustering", hint="choose one of this version, or run Cluster on it"))
        self._clustering = clustering

    def meaning(self) -> dict[str, Any]:
        assert self._clustering is not None
        return {"clustering": self._clustering.digest}

    def assign(self, corpus: Corpus) -> Groups:
        assert self._clustering is not None
        names = tuple(f"{item['number'] + 1} {item['name']}" for item in self._clustering.clusters)
        facts = {"clustering": str(self.config.clustering), "encoder": self._clustering.manifest["encoder"]}
        return Groups(names, self._clustering.assignment.cluster, facts)
