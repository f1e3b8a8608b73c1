"""The kind `sample-rules`: a sample of every domain with what each rule of its recipe measures (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any

from chimera.artefacts import Stored
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import canonical_json
from curriculum_app.core.configs import EVERY_OTHER_DOMAIN
from curriculum_app.core.configs_rules import SampleRulesConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import Filter, Measured
from curriculum_app.core.parquet_rows import RowWriter, read_rows
from curriculum_app.core.provenance import code_version
from curriculum_app.core.rule_sample import (
    DOCUMENTS_FILE,
    DOCUMENTS_SCHEMA,
    ROW_GROUP,
    RULES_FILE,
    RULES_SCHEMA,
    TEXTS_FILE,
    TEXTS_SCHEMA,
    RuleSample,
    measure_chain,
    read_places,
)


@dataclass(frozen=True)
class RuleSampleResult:
    """A sealed `RuleSample`."""

    stored: Stored


@dataclass
class _Draw:
    """The documents of one domain with the smallest hashes so far: a uniform sample that knows no order."""

    size: int
    population: int = 0
    chosen: list[tuple[int, int, int, int]] = field(default_factory=list)  # −hash, file, row group, row

    def offer(self, key: int, place: tuple[int, int, int]) -> None:
        self.population += 1
        if len(self.chosen) < self.size:
            heappush(self.chosen, (-key, *place))
        elif -key > self.chosen[0][0]:
            heapreplace(self.chosen, (-key, *place))


def run(config: SampleRulesConfig, ctx: Context) -> RuleSampleResult:
    """Draw the sample, measure it, seal it.

    Raises:
        InputError: the dataset versions hold no documents.
    """
    versions = [ctx.open(dataset) for dataset in config.datasets]
    files = [path for version in versions for path in version.files]
    draws = _draw(config, files, ctx)
    if not draws:
        raise InputError(Problem("the dataset versions hold no documents", "datasets", hint="import some first"))
    filters = {
        domain: [choice.build() for choice in [*config.recipe_of(domain), *config.final_filters]] for domain in draws
    }
    with ctx.store.stage(RuleSample.ref_kind) as stage, _Writer(stage.path) as writer:
        total = sum(len(draw.chosen) for draw in draws.values())
        for domain, draw in draws.items():
            for document in _read(draw, files):
                ctx.check()
                ctx.progress(writer.documents, total, unit="documents", message=f"measuring {domain}")
                writer.add(document, filters[domain])
        writer.close()
        manifest = {
            "name": config.name,
            "parents": [version.digest for version in versions],
            "domains": _facts(config, draws),
            "documents": total,
            "final_filters": [choice.as_json() for choice in config.final_filters],
            "seed": config.seed,
            "code_version": code_version(),
        }
        return RuleSampleResult(stage.seal(_digest(config, versions, writer), manifest))


def _draw(config: SampleRulesConfig, files: Sequence[Path], ctx: Context) -> dict[str, _Draw]:
    """Domain → its sample; reads ids only, and its result does not depend on the order of the documents."""
    from xxhash import xxh3_64_intdigest

    draws: dict[str, _Draw] = {}
    for number, path in enumerate(files):
        for group, ids, domains in read_places(path):
            ctx.check()
            ctx.progress(number, len(files), unit="files", message="drawing the sample")
            for row, (name, domain) in enumerate(zip(ids, domains, strict=True)):
                draw = draws.setdefault(domain, _Draw(config.documents))
                key = f"{config.seed}\0{domain}\0{name}".encode("utf-8", "surrogatepass")
                draw.offer(xxh3_64_intdigest(key), (number, group, row))
    return dict(sorted(draws.items()))


def _read(draw: _Draw, files: Sequence[Path]) -> Iterator[Document]:
    """The drawn documents in the order of the data; each row group is read once."""
    wanted: dict[tuple[int, int], set[int]] = {}
    for _, file, group, row in draw.chosen:
        wanted.setdefault((file, group), set()).add(row)
    for (file, group), rows in sorted(wanted.items()):
        for row, values in enumerate(read_rows(files[file], group)):
            if row in rows:
                yield Document.from_row(values)


class _Writer:
    """Writes the three tables of a rule sample and hashes what they say."""

    def __init__(self, folder: Path) -> None:
        self.documents = 0
        self.hash = hashlib.sha256()
        self._documents = RowWriter(folder / DOCUMENTS_FILE, DOCUMENTS_SCHEMA, ROW_GROUP)
        self._texts = RowWriter(folder / TEXTS_FILE, TEXTS_SCHEMA, ROW_GROUP)
        self._rules = RowWriter(folder / RULES_FILE, RULES_SCHEMA, 1 << 14)
        self._open = True

    def add(self, document: Document, filters: Sequence[Filter]) -> None:
        number = {"document": self.documents}
        self._documents.add(number | document.as_row())
        self.hash.update(document.canonical() + b"\n")
        before = document.text
        for place, step in enumerate(measure_chain(filters, document)):
            where = {**number, "step": place}
            rows = [where | _row(item) for item in step.measured]
            self._rules.extend(rows)
            self.hash.update(canonical_json(rows) + b"\n")
            if step.after.text != before:
                self._texts.add(where | step.after.as_row())
                before = step.after.text
        self.documents += 1

    def close(self) -> None:
        if self._open:
            self._open = False
            for rows in (self._documents, self._texts, self._rules):
                rows.close()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _row(item: Measured) -> dict[str, Any]:
    return {
        "reason": item.reason,
        "field": item.field,
        "side": item.side or ("least" if item.least is not None else "most"),
        "strict": item.strict,
        "statistic": float(item.statistic),
        "least": item.least,
        "most": item.most,
    }


def _facts(config: SampleRulesConfig, draws: Mapping[str, _Draw]) -> list[dict[str, Any]]:
    facts, first = [], 0
    for domain, draw in draws.items():
        facts.append(
            {
                "name": domain,
                "key": domain if domain in config.recipes else EVERY_OTHER_DOMAIN,
                "first": first,
                "documents": len(draw.chosen),
                "population": draw.population,
                "recipe": [choice.as_json() for choice in config.recipe_of(domain)],
            }
        )
        first += len(draw.chosen)
    return facts


def _digest(config: SampleRulesConfig, versions: Sequence[DatasetVersion], writer: _Writer) -> str:
    said = config.model_dump(mode="json", include={"recipes", "final_filters", "documents", "seed"})
    parents = [version.digest for version in versions]
    return hashlib.sha256(canonical_json([said, parents, writer.hash.hexdigest()])).hexdigest()
