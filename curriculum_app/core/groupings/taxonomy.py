"""By taxonomy node: where a document stands in a tree of capabilities."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, Groups, LabelGrouping

UNASSIGNED = "unassigned"
_KEYS = ("taxonomy", "node")


@GROUPINGS.register("taxonomy")
class Taxonomy(LabelGrouping):
    """The path in `meta.taxonomy` or `meta.node`, cut at a depth, after the taxonomies of LAB (arXiv 2403.01081).

    A path is a text with slashes or a list of names. Documents without one are "unassigned", and counted as such.
    """

    title = "Taxonomy node"
    summary = "The path in a document's meta (taxonomy or node); reports how many have none."
    key = "taxonomy"

    class Config(chimera.typed.Config):
        depth: int = Field(2, title="Depth", description="Levels of the path that count.", ge=1, le=16)
        largest: int = Field(64, title="Nodes", description="The largest so many; the rest is one group.", ge=1, le=512)

    config: Config

    @property
    def largest(self) -> int:
        return self.config.largest

    def label(self, document: Document) -> str:
        path = next((document.meta[key] for key in _KEYS if document.meta.get(key)), None)
        return "/".join(_levels(path)[: self.config.depth]) or UNASSIGNED

    def assign(self, corpus: Corpus) -> Groups:
        groups = super().assign(corpus)
        number = self._numbers.get(UNASSIGNED, -1)
        without = sum(label == number for label in self._labels)
        return Groups(groups.names, groups.of_document, {**groups.facts, "unassigned": without})


def _levels(path: Any) -> list[str]:
    parts = path if isinstance(path, list) else str(path or "").split("/")
    return [name for name in (str(part).strip() for part in parts) if name]
