"""Groups of duplicates in a curated version: a kept document with what was removed for it. Read a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUPS_FILE = "duplicates.parquet"
GROUPS_SCHEMA = pa.schema(
    [
        ("kept_id", pa.string()),
        ("kept_domain", pa.string()),
        ("kept_in", pa.string()),
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
        ("exact", pa.int64()),
        ("least", pa.float64()),
        ("most", pa.float64()),
        ("domains", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Group:
    """`documents` were removed for `kept_id`, `exact` of them as exact copies; Jaccard from `least` to `most`.

    `kept_in` is the digest of the earlier version that holds the kept document, empty for the version itself.
    """

    kept_id: str
    kept_domain: str
    kept_in: str
    documents: int
    bytes: int
    exact: int
    least: float
    most: float
    domains: list[str]


def groups(path: Path, kept: str | None, removed: str | None, offset: int, limit: int) -> tuple[int, list[Group]]:
    """How many groups there are, and some of them, the largest first.

    `kept` asks for groups whose kept document is of this domain, `removed` for those that lost one of that domain.
    """
    total, found = 0, list[Group]()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=4096):
            batch = batch.filter(_wanted(batch, kept, removed))
            first = max(0, offset - total)
            rows = batch.slice(first, limit - len(found)).to_pylist() if first < len(batch) else []
            found += [Group(**{field.name: row[field.name] for field in fields(Group)}) for row in rows]
            total += len(batch)
    return total, found


def _wanted(batch: pa.RecordBatch, kept: str | None, removed: str | None) -> pa.Array:
    mask = pc.equal(batch.column("kept_domain"), kept) if kept else pa.array([True] * len(batch))
    if removed:
        domains = batch.column("domains")
        having = pc.list_parent_indices(domains).filter(pc.equal(pc.list_flatten(domains), removed))
        mask = pc.and_(mask, pc.is_in(pa.array(range(len(batch)), pa.int64()), having.cast(pa.int64())))
    return mask
