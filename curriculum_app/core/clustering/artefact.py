"""`Clustering`: vectors, centres and assignment of a dataset version's documents, opened from the artefact store.

Files: `vectors.npy` (n x d, half precision), `centres.npy` (k x d), `assignment.npz` (cluster, cosine, margin by
document, in the order of the version), `documents.parquet` (id, title, domain, bytes), `clusters.json`, `map.json`,
`encoder/` (what turns new texts into vectors of the same space).
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chimera.artefacts import Opened
from curriculum_app.core.clustering.embedding import ENCODER, VECTORS
from curriculum_app.core.clustering.kmeans import Assignment
from curriculum_app.core.encoders.base import Encoder, Vectors, load_encoder

CENTRES = "centres.npy"
ASSIGNMENT = "assignment.npz"
DOCUMENTS = "documents.parquet"
CLUSTERS = "clusters.json"
MAP = "map.json"
DOCUMENTS_SCHEMA = pa.schema(
    [("id", pa.string()), ("title", pa.string()), ("domain", pa.string()), ("bytes", pa.int64())]
)


class Clustering(Opened):
    """An opened clustering. Arrays are read when first used; vectors stay on disk."""

    ref_kind: ClassVar[str] = "clustering"

    @property
    def dataset(self) -> str:
        """Digest of the dataset version that was clustered."""
        return str(self.manifest["dataset"])

    @cached_property
    def clusters(self) -> list[dict[str, Any]]:
        """Facts of every cluster, the largest first: `number`, `name`, `terms`, sizes, `exemplars`, `boundary`."""
        found: list[dict[str, Any]] = json.loads((self.stored.path / CLUSTERS).read_text(encoding="utf-8"))
        return found

    @cached_property
    def map(self) -> dict[str, list[Any]]:
        """Columns of the points of the 2-D map: `row`, `x`, `y`, `cluster`, `domain`, `id`, `title`."""
        found: dict[str, list[Any]] = json.loads((self.stored.path / MAP).read_text(encoding="utf-8"))
        return found

    @cached_property
    def assignment(self) -> Assignment:
        with np.load(self.stored.path / ASSIGNMENT, allow_pickle=False) as file:
            return Assignment(file["cluster"].astype(np.int64), file["cosine"], file["margin"])

    @cached_property
    def centres(self) -> Vectors:
        loaded: Vectors = np.load(self.stored.path / CENTRES, allow_pickle=False)
        return loaded

    @cached_property
    def vectors(self) -> NDArray[np.float16]:
        """Shape [n, d], memory-mapped read-only, rows in the order of the dataset version."""
        mapped: NDArray[np.float16] = np.load(self.stored.path / VECTORS, mmap_mode="r", allow_pickle=False)
        return mapped

    def encoder(self) -> Encoder:
        """The encoder that made the vectors, ready to embed other texts.

        Raises:
            InputError: it needs a model that this machine lacks.
        """
        return load_encoder(self.stored.path / ENCODER)

    def documents(self, cluster: int, offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
        """One page of a cluster's documents, the nearest to the centre first: id, title, domain, bytes, cosine."""
        found = self.assignment
        members = np.flatnonzero(found.cluster == cluster)
        rows = members[np.argsort(-found.cosine[members], kind="stable")][offset : offset + limit]
        table = pq.read_table(self.stored.path / DOCUMENTS).take(pa.array(rows))
        return [{**row, "cosine": float(found.cosine[at])} for at, row in zip(rows, table.to_pylist(), strict=True)]

    def of_document(self, document_id: str) -> tuple[int, float] | None:
        """`(cluster, cosine)` of the first document with that id, or None."""
        ids = pq.read_table(self.stored.path / DOCUMENTS, columns=["id"]).column("id")
        row = pc.index(ids, document_id).as_py()
        return None if row < 0 else (int(self.assignment.cluster[row]), float(self.assignment.cosine[row]))
