"""What the search for duplicates knows of a document, and of all documents together in columns.

Columns, because a Python object for every document and every value would take several times the 512 bytes of the
signature: with everything else a document of a large corpus stays below 800 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
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
TIE_BYTES, CONTENT_BYTES = 16, 32
_NUMBERS = ("num_chars", "num_bytes", "num_shingles")
_BATCH = 256


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
            tie=hashlib.sha256(replace(document, text="").canonical() + encoded).digest()[:TIE_BYTES],
            content=hashlib.sha256(text.encode() if self._cleaned else encoded).digest(),
            signature=self.signature(numbers) if self.config.enabled else np.zeros(0, np.uint32),
        )

    def signature(self, numbers: Numbers) -> Signature:
        """datasketch's `update_batch` of the numbers' upper halves, in full blocks of the same size: numpy multiplies
        two arrays of one shape twice as fast as a column and a row. A minimum may see a shingle twice: the last
        block overlaps the one before it, and fewer shingles than a block are repeated.
        """
        if not len(numbers):
            return np.full(self.config.num_perm, _EMPTY)
        hashes = _finalized((numbers >> np.uint64(32)).astype(np.uint32))
        if len(hashes) < _BLOCK:
            hashes = np.resize(hashes, _BLOCK)
        self._permute(hashes[:_BLOCK], self._lowest)
        for start in range(_BLOCK, len(hashes), _BLOCK):
            end = min(start + _BLOCK, len(hashes))
            self._permute(hashes[end - _BLOCK : end], self._permuted)
            np.minimum(self._lowest, self._permuted, out=self._lowest)
        found: Signature = self._lowest.min(axis=1)
        return found

    def _permute(self, hashes: Signature, into: Signature) -> None:
        np.multiply(self._factors, hashes, out=into)
        np.add(into, self._offsets, out=into)

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
    """The sketches of many documents, known by their number: place in the input. `signatures` is `[n, num_perm]`.

    Every array is made in its full length first: growing them would need their memory twice.
    """

    ids: pa.ChunkedArray
    domain_names: list[str]
    domain_codes: NDArray[np.int32]
    num_chars: NDArray[np.int64]
    num_bytes: NDArray[np.int64]
    num_shingles: NDArray[np.int64]
    ties: NDArray[np.uint8]
    contents: NDArray[np.uint8]
    signatures: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.num_chars)

    @classmethod
    def of(cls, sketches: Iterable[Sketch], num_perm: int, total: int | None = None) -> Self:
        """Columns of single sketches; with `total` they are read one after the other and not kept."""
        if total is None:
            sketches = list(sketches)
            total = len(sketches)
        rows = iter(sketches)
        return cls._filled(iter(lambda: [vars(sketch) for sketch in islice(rows, _BATCH)], []), num_perm, total)

    @classmethod
    def read(cls, paths: Sequence[Path], num_perm: int) -> Self:
        """The sketches in Parquet files of `SKETCH_SCHEMA`, in order. `num_perm` 0 leaves the signatures out."""
        total = sum(pq.read_metadata(path).num_rows for path in paths)
        return cls._filled(chain.from_iterable(map(_stored_batches, paths)), num_perm, total)

    @classmethod
    def _filled(cls, batches: Iterable[Sequence[Mapping[str, Any]]], num_perm: int, total: int) -> Self:
        ids: list[pa.Array] = []
        names: dict[str, int] = {}
        numbers = [np.empty(total, np.int64) for _ in _NUMBERS]
        codes, signatures = np.empty(total, np.int32), np.empty((total, num_perm), np.uint32)
        ties, contents = np.empty((total, TIE_BYTES), np.uint8), np.empty((total, CONTENT_BYTES), np.uint8)
        done = 0
        for rows in batches:
            ids.append(pa.array([row["id"] for row in rows], pa.string()))
            some = slice(done, done + len(rows))
            codes[some] = [names.setdefault(row["domain"], len(names)) for row in rows]
            parts = {"tie": ties, "content": contents} | ({"signature": signatures} if num_perm else {})
            for name, whole in parts.items():
                whole[some] = np.frombuffer(b"".join(row[name] for row in rows), whole.dtype).reshape(len(rows), -1)
            for column, name in zip(numbers, _NUMBERS, strict=True):
                column[some] = [row[name] for row in rows]
            done += len(rows)
        chars, sizes, shingles = numbers
        whole = pa.chunked_array(ids, pa.string())
        return cls(whole, list(names), codes, chars, sizes, shingles, ties, contents, signatures)

    def id(self, number: int) -> str:
        return str(self.ids[number].as_py())

    def domain(self, number: int) -> str:
        return self.domain_names[int(self.domain_codes[number])]

    def groups_of_equal_content(self) -> NDArray[np.int32]:
        """`[n]`: one number for each content."""
        groups: NDArray[np.int32] = _fixed(self.contents).dictionary_encode().indices.to_numpy()
        return groups

    def visiting_order(self, priority: Sequence[str], first: int = 0) -> NDArray[np.int64]:
        """Numbers, the document most worth keeping first: domain priority, longer, id; total by domain and `tie`.

        The first `first` documents, of versions that exist already, come before all others.
        """
        places = {domain: place for place, domain in enumerate(priority)}
        by_name = {name: place for place, name in enumerate(sorted(self.domain_names))}
        rank = np.array([places.get(name, len(places)) for name in self.domain_names], np.int32)
        alphabet = np.array([by_name[name] for name in self.domain_names], np.int32)
        keys = {
            "new": pa.array(np.arange(len(self)) >= first),
            "rank": pa.array(rank[self.domain_codes]),
            "length": pa.array(-self.num_chars),
            "id": self.ids,
            "domain": pa.array(alphabet[self.domain_codes]),
            "tie": _fixed(self.ties),
        }
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
        return np.asarray(order, np.int64)


def _stored_batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield batch.to_pylist()


def _fixed(values: NDArray[np.uint8]) -> pa.Array:
    """Rows of bytes as an Arrow column, without a copy."""
    rows, width = values.shape
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), rows, [None, pa.py_buffer(values)])
