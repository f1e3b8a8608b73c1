"""What the search for duplicates knows of a document, and of all documents together in columns.

Columns, because a Python object for every document and every value would take several times the 512 bytes of the
signature: with everything else a document of a large corpus stays below 800 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.shingles import Numbers, clean, shingle_numbers
from curriculum_app.core.documents import Document

if TYPE_CHECKING:
    from datasketch import MinHash

SCHEME = "affine32"  # datasketch 2's default; sketches of different schemes must never meet in one index
HASH = "polynomial64-high32"  # `shingles.shingle_numbers`, its upper half
_EMPTY = np.uint32(0xFFFFFFFF)
_BLOCK = 256  # shingles at a time: the work on 128 permutations of them stays in the second cache

Signature = NDArray[np.uint32]

SKETCH_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("num_chars", pa.int64()),
        ("num_bytes", pa.int64()),
        ("num_shingles", pa.int64()),
        ("tie", pa.binary()),
        ("content", pa.binary()),
        ("signature", pa.binary()),
    ]
)
_COLUMNS = SKETCH_SCHEMA.remove(SKETCH_SCHEMA.get_field_index("signature"))
_BATCH = 1024


@dataclass(frozen=True)
class Sketch:
    """A document as the search for duplicates sees it.

    `tie` makes the order of identical ids total; equal `content` means equal texts. The signature is empty where only
    exact duplicates are looked for.
    """

    id: str
    domain: str
    num_chars: int
    num_bytes: int
    num_shingles: int
    tie: bytes
    content: bytes
    signature: Signature

    def as_row(self) -> dict[str, Any]:
        return vars(self) | {"signature": self.signature.tobytes()}


@dataclass(frozen=True)
class Sketching:
    """How sketches are made. With `cleaned`, texts that differ in case, punctuation and white space only are equal."""

    near: NearDuplicateConfig
    cleaned: bool = False

    def identity(self) -> dict[str, Any]:
        """What two sketches must have in common to be compared."""
        near = self.near
        signature = {name: getattr(near, name) for name in ("num_perm", "seed", "shingle_unit", "shingle_length")}
        signature |= {"scheme": SCHEME, "hashfunc": HASH}
        return {"content": "cleaned" if self.cleaned else "text", "signature": signature if near.enabled else None}


class Sketcher:
    """Makes signatures; the permutations are drawn once, as datasketch's `MinHash(scheme="affine32")` draws them."""

    def __init__(self, how: Sketching) -> None:
        from datasketch import MinHash

        config = how.near
        self.config, self._cleaned = config, how.cleaned
        self._empty: MinHash = MinHash(num_perm=config.num_perm, seed=config.seed, hashfunc=int, scheme=SCHEME)
        a, b = self._empty.permutations
        self._factors, self._offsets = (np.repeat(values[:, None], _BLOCK, axis=1) for values in (a, b))
        self._permuted, self._lowest = np.empty_like(self._factors), np.empty_like(self._factors)

    def sketch(self, document: Document) -> Sketch:
        """What the search needs of a document; the signature is uint32 `[num_perm]`."""
        numbers = np.zeros(0, np.uint64)
        if self.config.enabled:
            numbers = shingle_numbers(document.text, self.config.shingle_length, self.config.shingle_unit)
        text = clean(document.text) if self._cleaned else document.text
        encoded = document.text.encode()
        return Sketch(
            id=document.id,
            domain=document.domain,
            num_chars=len(document.text),
            num_bytes=len(encoded),
            num_shingles=len(numbers),
            tie=hashlib.sha256(replace(document, text="").canonical() + encoded).digest()[:16],
            content=hashlib.sha256(text.encode() if self._cleaned else encoded).digest(),
            signature=self.signature(numbers) if self.config.enabled else np.zeros(0, np.uint32),
        )

    def signature(self, numbers: Numbers) -> Signature:
        """datasketch's `update_batch` of the numbers' upper halves, in full blocks of the same size: numpy multiplies
        two arrays of one shape twice as fast as a column and a row. The last block is filled up by repetition.
        """
        if not len(numbers):
            return np.full(self.config.num_perm, _EMPTY)
        hashes = _finalized((numbers >> np.uint64(32)).astype(np.uint32))
        hashes = np.concatenate((hashes, np.full(-len(hashes) % _BLOCK, hashes[0])))
        self._lowest.fill(_EMPTY)
        for start in range(0, len(hashes), _BLOCK):
            np.multiply(self._factors, hashes[start : start + _BLOCK], out=self._permuted)
            np.add(self._permuted, self._offsets, out=self._permuted)
            np.minimum(self._lowest, self._permuted, out=self._lowest)
        found: Signature = self._lowest.min(axis=1)
        return found

    def restore(self, signature: Signature) -> MinHash:
        """The datasketch object of a signature."""
        minhash = self._empty.copy()
        minhash.hashvalues = signature
        return minhash


def _finalized(hashes: Signature) -> Signature:
    """The 32-bit finalizer of MurmurHash3, which the scheme applies before it permutes."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        hashes ^= hashes >> np.uint32(shift)
        hashes *= np.uint32(factor)
    hashes ^= hashes >> np.uint32(16)
    return hashes


@dataclass(frozen=True)
class Sketches:
    """The sketches of many documents, known by their number: place in the input. `signatures` is `[n, num_perm]`."""

    ids: pa.Array
    domains: pa.DictionaryArray
    num_chars: NDArray[np.int64]
    num_bytes: NDArray[np.int64]
    num_shingles: NDArray[np.int64]
    ties: pa.Array
    contents: pa.Array
    signatures: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, sketches: Iterable[Sketch], num_perm: int, total: int | None = None) -> Self:
        """Columns of single sketches; with `total` they are read one after the other and not kept."""
        if total is None:
            sketches = list(sketches)
            total = len(sketches)
        signatures, parts = np.empty((total, num_perm), np.uint32), []
        remaining, number = iter(sketches), count()
        while some := list(islice(remaining, _BATCH)):
            for sketch in some:
                signatures[next(number)] = sketch.signature
            columns = [pa.array([getattr(sketch, field.name) for sketch in some], field.type) for field in _COLUMNS]
            parts.append(pa.record_batch(columns, _COLUMNS))
        return cls._whole(parts, signatures)

    @classmethod
    def read(cls, paths: Sequence[Path], num_perm: int) -> Self:
        """The sketches in Parquet files of `SKETCH_SCHEMA`, in order. `num_perm` 0 leaves the signatures out."""
        total = sum(pq.read_metadata(path).num_rows for path in paths)
        signatures, parts, done = np.empty((total, num_perm), np.uint32), [], 0
        for batch in chain.from_iterable(map(_stored_batches, paths)):
            if num_perm:
                signatures[done : done + len(batch)] = _signatures(batch.column("signature"), num_perm)
            parts.append(batch.select(_COLUMNS.names))
            done += len(batch)
        return cls._whole(parts, signatures)

    @classmethod
    def _whole(cls, parts: list[pa.RecordBatch], signatures: NDArray[np.uint32]) -> Self:
        table = pa.Table.from_batches(parts, _COLUMNS)
        columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        return cls(
            ids=columns["id"],
            domains=columns["domain"].dictionary_encode(),
            num_chars=columns["num_chars"].to_numpy(),
            num_bytes=columns["num_bytes"].to_numpy(),
            num_shingles=columns["num_shingles"].to_numpy(),
            ties=columns["tie"],
            contents=columns["content"],
            signatures=signatures,
        )

    def id(self, number: int) -> str:
        return str(self.ids[number].as_py())

    def domain(self, number: int) -> str:
        return str(self.domains[number].as_py())

    def visiting_order(self, priority: Sequence[str], first: int = 0) -> NDArray[np.int64]:
        """Numbers, the document most worth keeping first: domain priority, longer, id; total by domain and `tie`.

        The first `first` documents, of versions that exist already, come before all others.
        """
        places = {domain: place for place, domain in enumerate(priority)}
        rank = np.array([places.get(name, len(places)) for name in self.domains.dictionary.to_pylist()], np.int32)
        codes = self.domains.indices.to_numpy()
        keys = {
            "new": pa.array(np.arange(len(self)) >= first),
            "rank": pa.array(rank[codes] if len(codes) else codes),
            "length": pa.array(-self.num_chars),
            "id": self.ids,
            "domain": pc.rank(self.domains.dictionary).take(self.domains.indices),
            "tie": self.ties,
        }
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
        return np.asarray(order, np.int64)


def _stored_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_BATCH)


def _signatures(column: pa.Array, num_perm: int) -> NDArray[np.uint32]:
    """`[rows, num_perm]` from a column of equally long binaries."""
    values = np.frombuffer(column.buffers()[2] or b"", np.uint32)
    start = column.offset * num_perm
    return values[start : start + len(column) * num_perm].reshape(len(column), num_perm)
