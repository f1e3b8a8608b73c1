"""The difference of two dataset versions: documents added, removed and changed, per domain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self, get_args

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore
from chimera.typed import sha256_json
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.parquet_rows import RowWriter

Kind = Literal["added", "removed", "changed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SIDES = ("before", "after", *KINDS)
_SCHEMA = pa.schema([("kind", pa.string()), ("id", pa.string()), ("domain", pa.string())])
_SUMMARY = b"chimera.difference"
_KIND, _FILE = "difference", "difference.parquet"
_WAY = 1  # of comparing; another one makes other artefacts


@dataclass(frozen=True)
class Change:
    """One document that differs. Bytes are UTF-8 bytes of the text in the version that `kind` looks at."""

    kind: Kind
    id: str
    domain: str
    num_bytes: int


@dataclass
class Counts:
    """Documents and the UTF-8 bytes of their texts."""

    documents: int = 0
    bytes: int = 0

    def add(self, num_bytes: int) -> None:
        self.documents += 1
        self.bytes += num_bytes


class DomainDifference:
    """Counts of one domain: `before` + `added` − `removed` = `after` in documents.

    Bytes of `changed` are those of the new texts.
    """

    def __init__(self, domain: str, **counts: dict[str, int]) -> None:
        self.domain = domain
        self.before, self.after, self.added, self.removed, self.changed = (
            Counts(**counts.get(side, {})) for side in _SIDES
        )

    @property
    def differs(self) -> bool:
        return bool(self.added.documents or self.removed.documents or self.changed.documents)

    def as_json(self) -> dict[str, dict[str, int]]:
        return {side: vars(getattr(self, side)) for side in _SIDES}


class _Tally:
    """`DomainDifference` by domain, filled while the documents go by."""

    def __init__(self) -> None:
        self.domains: dict[str, DomainDifference] = {}

    def count(self, side: str, domain: str, num_bytes: int) -> None:
        entry = self.domains.setdefault(domain, DomainDifference(domain))
        getattr(entry, side).add(num_bytes)


Seen = Callable[[int], None]  # told how many documents were read; may raise to stop


def compare(
    left: DatasetVersion, right: DatasetVersion, seen: Seen = lambda _: None
) -> tuple[Iterator[Change], dict[str, DomainDifference]]:
    """The changes from `left` to `right`, and the counts per domain, which are complete when the changes are read.

    A document is known by its domain and id and compared by the sha256 of its text; one that went to another domain is
    removed there and added here. Documents of the same id in the same domain are paired: equal texts first come, the
    rest in order. Both versions are streamed, `left` twice; memory is one digest and one key per document of `left`.
    """
    tally = _Tally()
    return _changes(left, right, tally, seen), tally.domains


def _changes(left: DatasetVersion, right: DatasetVersion, tally: _Tally, seen: Seen) -> Iterator[Change]:
    waiting = _index(left, tally, seen)
    for number, text in enumerate(_texts(right), start=left.num_documents):
        _tell(seen, number)
        tally.count("after", text.domain, text.num_bytes)
        kind = _paired(waiting, text)
        if kind is not None:
            yield _counted(tally, text, kind)
    for text in _texts(left) if waiting else ():
        if _take(waiting, text.key, text.digest):
            yield _counted(tally, text, "removed")


def _tell(seen: Seen, number: int) -> None:
    if number % _EVERY == 0:
        seen(number)


def _index(left: DatasetVersion, tally: _Tally, seen: Seen) -> dict[bytes, bytes]:
    """Key of a document → the digests of its texts, one after the other."""
    found: dict[bytes, bytes] = {}
    for number, text in enumerate(_texts(left)):
        _tell(seen, number)
        tally.count("before", text.domain, text.num_bytes)
        found[text.key] = found.get(text.key, b"") + text.digest
    return found


def _paired(waiting: dict[bytes, bytes], text: _Text) -> Kind | None:
    """What became of `text`, which leaves `waiting`; None when it is the same in both versions."""
    digests = waiting.get(text.key)
    if digests is None:
        return "added"
    if _take(waiting, text.key, text.digest):
        return None
    _take(waiting, text.key, digests[:_DIGEST])
    return "changed"


def _take(waiting: dict[bytes, bytes], key: bytes, digest: bytes) -> bool:
    digests = waiting.get(key, b"")
    for start in range(0, len(digests), _DIGEST):
        if digests[start : start + _DIGEST] == digest:
            rest = digests[:start] + digests[start + _DIGEST :]
            if rest:
                waiting[key] = rest
            else:
                del waiting[key]
            return True
    return False


def _counted(tally: _Tally, text: _Text, kind: Kind) -> Change:
    tally.count(kind, text.domain, text.num_bytes)
    return Change(kind, text.id, text.domain, text.num_bytes)


_DIGEST = 32  # bytes of a sha256
_EVERY = 256  # documents between two reports


@dataclass(frozen=True, slots=True)
class _Text:
    id: str
    domain: str
    num_bytes: int
    key: bytes
    digest: bytes


def _texts(version: DatasetVersion) -> Iterator[_Text]:
    """Every document in order; only the columns that are compared are read."""
    for path in version.files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64, columns=["id", "domain", "text"]):
                for row in batch.to_pylist():
                    yield _text(row["id"], row["domain"], row["text"].encode())


def _text(name: str, domain: str, text: bytes) -> _Text:
    key = sha256(json.dumps([domain, name]).encode()).digest()
    return _Text(name, domain, len(text), key, sha256(text).digest())


def make_difference(
    store: ArtefactStore, left: DatasetVersion, right: DatasetVersion, seen: Seen = lambda _: None
) -> VersionDifference:
    """The difference, from the store if it was made before: both versions are immutable, so it never changes."""
    known = find_difference(store, left.digest, right.digest)
    if known is not None:
        return known
    with store.stage(_KIND) as stage:
        write_difference(left, right, stage.path / _FILE, seen)
        facts = {"before": left.digest, "after": right.digest}
        stored = stage.seal(_digest_of(left.digest, right.digest), facts)
    return VersionDifference.open(stored.path / _FILE)


def find_difference(store: ArtefactStore, left: str, right: str) -> VersionDifference | None:
    """The difference of the versions with these digests, None if it was not made yet."""
    digest = _digest_of(left, right)
    if not store.has(_KIND, digest):
        return None
    return VersionDifference.open(store.directory(_KIND, digest) / _FILE)


def _digest_of(left: str, right: str) -> str:
    return sha256_json({"difference": _WAY, "before": left, "after": right})


def write_difference(left: DatasetVersion, right: DatasetVersion, path: Path, seen: Seen = lambda _: None) -> None:
    """Compare and write what differs to one Parquet file, with the counts in its metadata."""
    changes, domains = compare(left, right, seen)
    with RowWriter(path, _SCHEMA) as rows:
        for change in changes:
            rows.add({"kind": change.kind, "id": change.id, "domain": change.domain})
        summary = {name: entry.as_json() for name, entry in sorted(domains.items())}
        rows.add_metadata({_SUMMARY: json.dumps(summary).encode()})


class VersionDifference:
    """A difference that `write_difference` wrote; ids are read a page at a time."""

    def __init__(self, path: Path, domains: list[DomainDifference]) -> None:
        self._path = path
        self.domains = domains

    @classmethod
    def open(cls, path: Path) -> Self:
        summary: dict[str, Any] = json.loads(pq.read_metadata(path).metadata[_SUMMARY])
        return cls(path, [DomainDifference(name, **counts) for name, counts in summary.items()])

    @property
    def total(self) -> DomainDifference:
        """All domains together."""
        sums = {
            side: {
                "documents": sum(getattr(entry, side).documents for entry in self.domains),
                "bytes": sum(getattr(entry, side).bytes for entry in self.domains),
            }
            for side in _SIDES
        }
        return DomainDifference("all", **sums)

    def count(self, kind: Kind, domain: str | None = None) -> int:
        return sum(getattr(entry, kind).documents for entry in self.domains if domain in (None, entry.domain))

    def ids(self, kind: Kind, domain: str | None = None, offset: int = 0, limit: int = 50) -> list[tuple[str, str]]:
        """One page of `(id, domain)`: removed ones in the order of the old version, others in that of the new one."""
        condition = pads.field("kind") == kind
        if domain is not None:
            condition &= pads.field("domain") == domain
        scanner = pads.dataset(str(self._path)).scanner(filter=condition, batch_size=1024, batch_readahead=1)
        rows = scanner.head(offset + limit).slice(offset).to_pylist()
        return [(row["id"], row["domain"]) for row in rows]
