"""`RuleSample`: what every rule of a recipe measures on a sample of documents, opened from the artefact store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chimera.artefacts import Opened
from curriculum_app.core.dataset_version import DOCUMENT_SCHEMA, DroppedDocument
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import Drop, Filter, FilterChoice, Measured
from curriculum_app.core.pipeline import Chain

DOCUMENTS_FILE, TEXTS_FILE, RULES_FILE = "documents.parquet", "texts.parquet", "rules.parquet"
DOCUMENTS_SCHEMA = pa.schema([("document", pa.int32()), *DOCUMENT_SCHEMA])
TEXTS_SCHEMA = pa.schema([("document", pa.int32()), ("step", pa.int16()), *DOCUMENT_SCHEMA])
RULES_SCHEMA = pa.schema(
    [
        ("document", pa.int32()),
        ("step", pa.int16()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("side", pa.string()),
        ("strict", pa.bool_()),
        ("statistic", pa.float64()),
        ("least", pa.float64()),
        ("most", pa.float64()),
    ]
)
ROW_GROUP = 16  # documents of texts; small, so that one can be read without many neighbours


@dataclass(frozen=True)
class Step:
    """One filter of a recipe at one document: what its rules measured, and the document as it goes on."""

    measured: list[Measured]
    after: Document


def measure_chain(filters: Sequence[Filter], document: Document) -> Iterator[Step]:
    """Every rule of every filter, drops ignored: each filter sees what the filters before it made of the text.

    A drop without a number is a rule whose statistic is 1 and must be 0. Where no text is left, the chain ends.
    """
    for step in filters:
        found = list(step.measure(document))
        after = None
        if not found:
            verdict = step.judge(document)
            if isinstance(verdict, Drop):
                found = [Measured.at_most(verdict.reason, 1, "", 0)]
            else:
                after = verdict.document
        after = after if after is not None else step.transform(document)
        if not after.text:
            yield Step([*found, Measured.at_least("empty", 0, "", 1)], after)
            return
        yield Step(found, after)
        document = after


@dataclass(frozen=True)
class SampledDomain:
    """A domain of the sample: `documents` numbers from `first` on, out of `population`; its recipe as it was."""

    name: str
    key: str
    first: int
    documents: int
    population: int
    recipe: list[FilterChoice]
    final: list[FilterChoice]  # what follows it in every domain


@dataclass
class RuleColumn:
    """One rule of one step over the documents of a domain.

    `values`: float64 `[documents]`, NaN where the rule was not asked. `bound` is where the cut stood, None if it was
    off.
    """

    step: int
    reason: str
    field: str
    side: str
    strict: bool
    bound: float | None
    values: NDArray[np.float64]


@dataclass
class DomainRules:
    """The rules of a domain in the order in which they are asked.

    `orders`: for the few documents at which the rules of a step are asked in another order, `(document, rules in that
    order)`, both counted within the domain.
    """

    columns: list[RuleColumn] = field(default_factory=list)
    orders: list[tuple[int, list[int]]] = field(default_factory=list)


class RuleSample(Opened):
    """A sealed rule sample: documents, texts after each filter that changed one, and all statistics."""

    ref_kind: ClassVar[str] = "rule-sample"

    @cached_property
    def domains(self) -> list[SampledDomain]:
        def choices(said: Sequence[dict[str, Any]]) -> list[FilterChoice]:
            return [FilterChoice.model_validate(choice) for choice in said]

        final = choices(self.manifest["final_filters"])
        return [
            SampledDomain(**{**facts, "recipe": choices(facts["recipe"]), "final": final})
            for facts in self.manifest["domains"]
        ]

    def domain(self, name: str) -> SampledDomain:
        """Raises KeyError: no such domain in the sample."""
        found = next((item for item in self.domains if item.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def documents(self, domain: SampledDomain) -> list[Document]:
        """The documents of a domain as they came in, in the order of the sample."""
        wanted = (pads.field("document") >= domain.first) & (pads.field("document") < domain.first + domain.documents)
        return [Document.from_row(row) for row in _rows(self._file(DOCUMENTS_FILE), wanted)]

    def document(self, number: int, step: int = 0) -> Document:
        """Document `number` as it came into filter `step`; a step behind the last gives it as it came out.

        Raises:
            KeyError: no such document in the sample.
        """
        wanted = pads.field("document") == number
        changed = _rows(self._file(TEXTS_FILE), wanted & (pads.field("step") < step))
        rows = changed or _rows(self._file(DOCUMENTS_FILE), wanted)
        if not rows:
            raise KeyError(number)
        return Document.from_row(max(rows, key=lambda row: row.get("step", -1)))

    def changes(self) -> dict[int, list[int]]:
        """Document → the filters that changed its text, in order."""
        found: dict[int, list[int]] = {}
        table = pq.read_table(self._file(TEXTS_FILE), columns=["document", "step"])
        for document, step in zip(table["document"].to_pylist(), table["step"].to_pylist(), strict=True):
            found.setdefault(document, []).append(step)
        return found

    def rules(self, domain: SampledDomain) -> DomainRules:
        """Every rule over all documents of a domain."""
        wanted = (pads.field("document") >= domain.first) & (pads.field("document") < domain.first + domain.documents)
        table = pads.dataset(self._file(RULES_FILE)).to_table(filter=wanted)
        return _columns(table, domain) if table.num_rows else DomainRules()

    def judged(self, domain: SampledDomain, recipe: Sequence[FilterChoice]) -> Counter[tuple[str, str]]:
        """`(filter, reason)` → documents of the sample that a recipe removes by it: the recipe really run."""
        chain = Chain(recipe)
        verdicts = map(chain.judge, self.documents(domain))
        return Counter((item.stage, item.reason) for item in verdicts if isinstance(item, DroppedDocument))

    def _file(self, name: str) -> Path:
        return self.stored.path / name


def _rows(path: Path, wanted: pads.Expression) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pads.dataset(path).to_table(filter=wanted).to_pylist()
    return rows


def _columns(table: pa.Table, domain: SampledDomain) -> DomainRules:
    """The long table of a domain as one column a rule."""
    reasons = table["reason"].combine_chunks().dictionary_encode()
    steps, documents = table["step"].to_numpy().astype(np.int64), table["document"].to_numpy() - domain.first
    keys = steps * len(reasons.dictionary) + reasons.indices.to_numpy()
    starts = np.flatnonzero(np.diff(documents, prepend=-1) | np.diff(steps, prepend=-1))
    positions = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    found, inverse = np.unique(keys, return_inverse=True)
    mean = np.bincount(inverse, positions) / np.bincount(inverse)
    order = np.lexsort((found, mean, found // len(reasons.dictionary)))
    rank = np.argsort(order)[inverse]
    values = table["statistic"].to_numpy()
    rules = DomainRules()
    for place in range(len(order)):
        rows = np.flatnonzero(rank == place)
        column = np.full(domain.documents, np.nan)
        column[documents[rows]] = values[rows]
        rules.columns.append(_column(table.slice(int(rows[0]), 1).to_pylist()[0], column))
    same = (np.diff(documents) == 0) & (np.diff(steps) == 0)
    for document in np.unique(documents[1:][same & (np.diff(rank) < 0)]).tolist():
        rules.orders.append((document, rank[documents == document].tolist()))
    return rules


def _column(row: dict[str, Any], values: NDArray[np.float64]) -> RuleColumn:
    bound = row["least"] if row["side"] == "least" else row["most"]
    return RuleColumn(row["step"], row["reason"], row["field"], row["side"], row["strict"], bound, values)


def read_places(path: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """`(row group, ids, domains)` of a file of documents, without their texts."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["id", "domain"])
            yield group, table["id"].to_pylist(), table["domain"].to_pylist()
