"""The last pass of curation: duplicates left out, final filters applied, every removed document written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chimera.context import Context
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.curation_shard import ShardResult
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.dedup.stage import Verdict
from curriculum_app.core.documents import Document
from curriculum_app.core.pipeline import Chain, Funnel, StageCounts

NEAR_DUPLICATES = "near_duplicates"


class Finish:
    """The last pass: leave out duplicates, apply the final filters, copy what the recipes dropped."""

    def __init__(self, config: CurateConfig, funnel: Funnel) -> None:
        self._filtered = funnel
        self._enabled = config.near_duplicates.enabled
        self._chains = {domain: Chain(config.final_filters) for domain in funnel}
        self._duplicates = {domain: StageCounts(NEAR_DUPLICATES) for domain in funnel}

    def items(
        self, shards: Sequence[ShardResult], duplicates: Mapping[int, Verdict], ctx: Context
    ) -> Iterator[Document | dict[str, Any]]:
        """Documents of the new version and rows of dropped ones, in the order of the input."""
        number = 0
        for done, shard in enumerate(shards):
            ctx.check()
            ctx.progress(done, len(shards), unit="shards", message="writing")
            yield from shard.dropped_rows()
            for document in shard.kept():
                result = self._judge(document, duplicates.get(number))
                yield result if isinstance(result, Document) else result.as_row()
                number += 1

    def _judge(self, document: Document, found: Verdict | None) -> Document | DroppedDocument:
        counts = self._duplicates[document.domain]
        if found is not None:
            counts.drop(document, "near_duplicate")
            return DroppedDocument(
                document,
                stage=NEAR_DUPLICATES,
                reason="near_duplicate",
                statistic=found.edge_jaccard,
                kept_id=found.kept_id,
                jaccard=found.jaccard,
                edge_id=found.edge_id,
            )
        counts.keep(document, document)
        return self._chains[document.domain].judge(document)

    def funnel(self) -> Funnel:
        """All stages of every domain in order."""
        return {
            domain: [
                *stages,
                *([self._duplicates[domain].as_json()] if self._enabled else []),
                *self._chains[domain].counts(),
            ]
            for domain, stages in self._filtered.items()
        }
