"""Which documents of a version go together: equal texts, near-duplicates, and those that were so where they came from.

A set of documents that go together is known by the least content key of its members in the version that was imported,
so a document keeps the set it belongs to when curation drops, joins or rewrites others. Of an import the sets are found
once and kept as an artefact of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from chimera.context import Context
from chimera.typed import sha256_json
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.earlier import sketches_of_version
from curriculum_app.core.dedup.exact_duplicates import exact_copies
from curriculum_app.core.dedup.index import Places
from curriculum_app.core.dedup.near_duplicates import find_duplicates
from curriculum_app.core.dedup.sketches import Sketches, Sketching
from curriculum_app.core.dedup.texts import Texts

KIND = "alike"
NEAR = NearDuplicateConfig(keep="component")
EXACT = NearDuplicateConfig(enabled=False)
_NAMES = ("id", "domain", "source", "title", "url")  # what curation never changes of a document

Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Alike:
    """Per document, shape (D,): the key of its content, and the least key of the set of documents it belongs to."""

    content: Keys
    together: Keys

    @classmethod
    def alone(cls, count: int) -> Self:
        """Every document belongs to a set of its own."""
        keys = _mixed(np.arange(count, dtype=np.uint64))
        return cls(keys, keys)

    def ranks(self, seed: int) -> NDArray[np.float64]:
        """Shape (D,): a number in [0, 1) for each set, drawn by its key and the seed alone."""
        return ranks_of(self.together, seed)


def ranks_of(keys: Keys, seed: int) -> NDArray[np.float64]:
    """Evenly spread numbers in [0, 1), the same for equal keys."""
    salt = _mixed(np.array([seed + 1], dtype=np.uint64))
    found: NDArray[np.float64] = (_mixed(keys ^ salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found


def alike_in(version: DatasetVersion, ctx: Context, *, near: bool = True) -> Alike:
    """The sets of a version: those of the imports it came from, joined where its own documents are alike.

    A document is looked up among those imported by its text, and where that was rewritten by its name and source.
    `near` False: only equal texts go together. Of an import that was deleted the nearest version that is there counts.
    """
    config = NEAR if near else EXACT
    own = _own(version, config, ctx)
    origins = [origin for origin in origins_of(version, ctx) if origin.digest != version.digest]
    if not origins:
        return own
    found = [_own(origin, config, ctx) for origin in origins]
    content = _Known(np.concatenate([one.content for one in found]), np.concatenate([one.together for one in found]))
    names = np.concatenate([_names_of(origin) for origin in origins])
    inherited = content.of(own.content, _Known(names, content.together).of(_names_of(version), own.content))
    return Alike(own.content, least_of_sets(own.together, inherited))


def origins_of(version: DatasetVersion, ctx: Context) -> list[DatasetVersion]:
    """The versions without parents, as far as they are in the store, that a version came from; else itself."""
    parents = [digest for digest in version.manifest.get("parents", []) if ctx.store.has("dataset", digest)]
    if not parents:
        return [version]
    found: dict[str, DatasetVersion] = {}
    for digest in parents:
        for origin in origins_of(DatasetVersion.open(ctx.store.load("dataset", digest)), ctx):
            found.setdefault(origin.digest, origin)
    return list(found.values())


def least_of_sets(sets: Keys, keys: Keys) -> Keys:
    """Shape (D,): the least of the `keys` in each document's set; equal `sets` are one set."""
    _, number = np.unique(sets, return_inverse=True)
    least = np.full(int(number.max(initial=-1)) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, number, keys)
    return least[number]


class _Known:
    """Sets by a key of their documents; where several documents have one key, the least set."""

    def __init__(self, keys: Keys, together: Keys) -> None:
        order = np.lexsort((together, keys))
        self.together = together
        self._keys, self._sets = keys[order], together[order]

    def of(self, keys: Keys, otherwise: Keys) -> Keys:
        """Shape (D,): the set of each key, `otherwise` where it is not known."""
        if not len(self._keys):
            return otherwise
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._sets[place], otherwise)


def _own(version: DatasetVersion, config: NearDuplicateConfig, ctx: Context) -> Alike:
    """The sets among the documents of one version; found once."""
    how = Sketching(config)
    digest = sha256_json({"dataset": version.digest, "how": how.identity(), "search": config.deciding()})
    if not ctx.store.has(KIND, digest):
        found = _found(version, how, ctx)
        with ctx.store.stage(KIND) as stage:
            np.savez(stage.path / "alike.npz", content=found.content, together=found.together)
            stage.seal(digest, {"dataset": version.digest, "documents": len(found.content)})
    with np.load(ctx.store.load(KIND, digest).path / "alike.npz") as file:
        return Alike(file["content"], file["together"])


def _found(version: DatasetVersion, how: Sketching, ctx: Context) -> Alike:
    path = sketches_of_version(version, how, ctx)
    sketches = Sketches.read([path], how.near.num_perm if how.near.enabled else 0)
    ctx.progress(0, len(sketches), "documents", "finding near-duplicates")
    content = _content_keys(sketches)
    order = sketches.visiting_order([])
    label = np.arange(len(sketches), dtype=np.int64)
    copies = exact_copies(sketches, order[sketches.num_chars[order] > 0])
    if how.near.enabled:
        rest: Places = order[~np.isin(order, np.fromiter(copies, np.int64, len(copies)))]
        for duplicate in find_duplicates(sketches, Texts(version.files).text, how.near, order=rest):
            label[duplicate.removed] = duplicate.kept
    removed, kept = (np.fromiter(part, np.int64, len(copies)) for part in (copies.keys(), copies.values()))
    label[removed] = label[kept]
    ctx.check()
    return Alike(content, least_of_sets(label.astype(np.uint64), content))


def _content_keys(sketches: Sketches) -> Keys:
    """The first 64 bits of the text's sha256; of a document without text those of the whole record."""
    keys = np.ascontiguousarray(sketches.contents[:, :8]).view(">u8").ravel().astype(np.uint64)
    records = np.ascontiguousarray(sketches.ties[:, :8]).view(">u8").ravel().astype(np.uint64)
    return np.where(sketches.num_chars > 0, keys, records)


def _names_of(version: DatasetVersion) -> Keys:
    """Shape (D,): a key for what names each document and its source."""
    return np.fromiter(_name_keys(version), np.uint64, version.num_documents)


def _name_keys(version: DatasetVersion) -> Iterator[int]:
    for path in version.files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=4096, columns=list(_NAMES)):
                rows: Sequence[tuple[str, ...]] = list(zip(*(batch.column(n).to_pylist() for n in _NAMES), strict=True))
                yield from (xxhash.xxh3_64_intdigest("\x1f".join(row).encode()) for row in rows)


def _mixed(keys: Keys) -> Keys:
    """The finalizer of splitmix64: every bit depends on all of them."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = keys ^ (keys >> np.uint64(31))
    return mixed
