"""`Columns`: measures of a dataset version, one float64 per document and measure, in the order of the documents.

Files: `documents.parquet` (id, domain) and `column-00.npy` … Manifest: `dataset` (digest), `documents`, `domains`, one
`ColumnFacts` per column, and `rank_correlation` (`rho` and `documents`, both [columns, columns]).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from chimera.artefacts import Opened, Stored
from chimera.typed import Config
from curriculum_app.core.column_statistics import Summary
from curriculum_app.core.measures.base import Direction
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int

DOCUMENTS_FILE = "documents.parquet"


class ColumnFacts(Config):
    """What is known of a column. `identity` is equal for columns that hold the same numbers by construction."""

    name: str
    title: str
    unit: str
    direction: Direction
    measure: str
    config: dict[str, Any]
    names: dict[str, str]  # field of the config → digest of what it names
    revision: int
    identity: str
    sha256: str  # of the numbers
    edges: list[float]  # of the histograms of all domains
    scale: str  # linear or log
    summary: Summary
    domains: dict[str, Summary]


def column_file(number: int) -> str:
    return f"column-{number:02d}.npy"


class Columns(Opened):
    """An opened set of columns. A column is mapped, not read: what is not looked at takes no memory."""

    ref_kind: ClassVar[str] = "columns"

    def __init__(self, stored: Stored) -> None:
        super().__init__(stored)
        self.facts = [ColumnFacts.model_validate(item) for item in stored.manifest["columns"]]

    @property
    def dataset_digest(self) -> str:
        return str(self.manifest["dataset"])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.facts)

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(self.manifest["domains"])

    @property
    def num_documents(self) -> int:
        return int(self.manifest["documents"])

    def column(self, name: str) -> Float:
        """float64 [documents], read-only; NaN where the measure says nothing.

        Raises:
            KeyError: there is no such column.
        """
        return np.load(self._path(name), mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    def _path(self, name: str) -> Path:
        if name not in self.names:
            raise KeyError(f"no column {name!r}, only {', '.join(self.names)}")
        return self.stored.path / column_file(self.names.index(name))

    def ids(self) -> list[str]:
        """Every document's id in order: in memory, for callers that go through all of them."""
        return list(self._documents(["id"]).column("id").to_pylist())

    def domain_codes(self) -> Int:
        """int64 [documents]: the place of each document's domain in `domains`."""
        column = self._documents(["domain"]).column("domain").combine_chunks().dictionary_encode()
        places = np.array([self.domains.index(name) for name in column.dictionary.to_pylist()], dtype=np.int64)
        return np.asarray(places[column.indices.to_numpy()], dtype=np.int64)

    def row_of(self, document_id: str) -> int | None:
        """The place of the first document of that id, None if there is none."""
        start = 0
        for batch in pads.dataset(self._documents_path).to_batches(columns=["id"], batch_readahead=1):
            found = np.flatnonzero(batch.column("id").to_numpy(zero_copy_only=False) == document_id)
            if len(found):
                return start + int(found[0])
            start += batch.num_rows
        return None

    @property
    def _documents_path(self) -> Path:
        return self.stored.path / DOCUMENTS_FILE

    def _documents(self, columns: list[str]) -> Any:
        return pq.read_table(self._documents_path, columns=columns)
