"""The last pass of curation: duplicates left out, final filters applied, every removed document written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from chimera.context import Context
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.curation_shard import ShardResult
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.dedup.sketches import Sketcher
from curriculum_app.core.dedup.stage import EXACT_DUPLICATES, NEAR_DUPLICATES, REASONS, Verdict, sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.core.pipeline import Chain, Funnel, StageCounts


class Finish:
    """The last pass: leave out duplicates, apply the final filters, copy what the recipes dropped.

    `sketches` gets a sketch of every document of the new version, as it is published, so that later versions need
    not read these texts again.
    """

    def __init__(self, config: CurateConfig, funnel: Funnel, sketches: RowWriter) -> None:
        self._filtered = funnel
        self._sketches, self._sketcher = sketches, Sketcher(sketching(config))
        stages = [EXACT_DUPLICATES] if config.exact_duplicates != "off" else []
        stages += [NEAR_DUPLICATES] if config.near_duplicates.enabled else []
        self._duplicates = {domain: {stage: StageCounts(stage) for stage in stages} for domain in funnel}
        self._chains = {domain: Chain(config.final_filters) for domain in funnel}

    def items(
        self, shards: Sequence[ShardResult], duplicates: Mapping[int, Verdict], ctx: Context
    ) -> Iterator[Document | dict[str, Any]]:
        """Documents of the new version and rows of dropped ones, in the order of the input."""
        number = 0
        for done, shard in enumerate(shards):
            ctx.check()
            ctx.progress(done, len(shards), unit="shards", message="writing")
            yield from shard.dropped_rows()
            for document, sketch in zip_longest(shard.kept(), shard.sketch_rows()):
                result = self._judge(document, duplicates.get(number))
                if isinstance(result, Document):
                    self._add_sketch(document, result, sketch)
                yield result if isinstance(result, Document) else result.as_row()
                number += 1

    def _add_sketch(self, before: Document, after: Document, sketch: dict[str, Any] | None) -> None:
        if sketch is not None:
            self._sketches.add(sketch if after == before else self._sketcher.sketch(after).as_row())

    def _judge(self, document: Document, found: Verdict | None) -> Document | DroppedDocument:
        for stage, counts in self._duplicates[document.domain].items():
            if found is not None and found.stage == stage:
                counts.drop(document, REASONS[stage])
                return DroppedDocument(
                    document,
                    stage=stage,
                    reason=REASONS[stage],
                    statistic=found.edge_jaccard,
                    kept_id=found.kept_id,
                    jaccard=found.jaccard,
                    edge_id=found.edge_id,
                    kept_in=found.kept_in or None,
                )
            counts.keep(document, document)
        return self._chains[document.domain].judge(document)

    def funnel(self) -> Funnel:
        """All stages of every domain in order."""
        return {
            domain: [
                *stages,
                *(counts.as_json() for counts in self._duplicates[domain].values()),
                *self._chains[domain].counts(),
            ]
            for domain, stages in self._filtered.items()
        }
