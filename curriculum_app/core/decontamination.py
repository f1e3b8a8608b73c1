"""Which items of benchmarks a text holds: an index of word n-grams on disk, and the look-up in it.

GPT-3 (arXiv 2005.14165, appendix C) looks for shared runs of 13 words. The index is built once per job and lies in
files that every worker process maps, so processes share one copy. Building holds all n-grams in memory (12 bytes each).
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.benchmark_words import Hashes, gram_hashes, word_hashes, word_spans, words_of
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.configs_benchmarks import DecontaminationConfig

_HASHES, _ITEMS, _TABLE, _IDS, _FACTS = "hashes.npy", "items.npy", "table.npy", "ids.json", "facts.json"
_SMALLEST_TABLE, _LARGEST_TABLE = 16, 27  # bits

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Match:
    """A document shares `shared` different n-grams with a benchmark; `items` are `(id, shared)`, the most first."""

    benchmark: str  # digest
    name: str
    shared: int
    items: tuple[tuple[str, int], ...]

    @property
    def reason(self) -> str:
        return f"contaminated_{re.sub(r'[^a-z0-9]+', '_', self.name.lower()).strip('_') or 'benchmark'}"


def build_index(benchmarks: Sequence[Benchmark], config: DecontaminationConfig, folder: Path) -> None:
    """Write the index of all items into `folder`, which appears whole by a rename; one that exists is kept."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder.parent))
    try:
        _write(benchmarks, config, temporary)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(benchmarks: Sequence[Benchmark], config: DecontaminationConfig, folder: Path) -> None:
    ids: list[str] = []
    lengths: set[int] = set()
    hashes: list[Hashes] = [np.zeros(0, np.uint64)]
    items: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    cache: dict[str, int] = {}
    for benchmark in benchmarks:
        for item_id, parts in benchmark.iter_parts():
            for length, grams in item_grams(parts, config.n, config.shortest_item, cache):
                lengths.add(length)
                hashes.append(grams)
                items.append(np.full(len(grams), len(ids), np.int32))
            ids.append(item_id)
    all_hashes, all_items = np.concatenate(hashes), np.concatenate(items)
    order = np.lexsort((all_items, all_hashes))
    np.save(folder / _HASHES, all_hashes[order])
    np.save(folder / _ITEMS, all_items[order])
    np.save(folder / _TABLE, _table(all_hashes))
    (folder / _IDS).write_text(json.dumps(ids))
    sizes = [{"digest": each.digest, "name": each.name, "items": each.num_items} for each in benchmarks]
    (folder / _FACTS).write_text(json.dumps({"lengths": sorted(lengths), "benchmarks": sizes}))


def item_grams(parts: Sequence[str], n: int, shortest: int, cache: dict[str, int]) -> Iterator[tuple[int, Hashes]]:
    """`(length, different n-grams)` that stand for an item.

    These are the n-grams of all parts together, and each part of `shortest` ... n - 1 words as a whole: a short
    question is found by itself, because what follows it (letters before the choices) differs from page to page.
    """
    words = [words_of(part) for part in parts]
    whole = [word for part in words for word in part]
    if len(whole) >= shortest:
        yield _grams(whole, min(n, len(whole)), cache)
    if len(parts) > 1:
        yield from (_grams(part, len(part), cache) for part in words if shortest <= len(part) < n)


def _grams(words: Sequence[str], length: int, cache: dict[str, int]) -> tuple[int, Hashes]:
    """The different n-grams but those of nothing but numbers: 1, 2, 3 … 13 stands in many texts that know no item."""
    (_, grams), *_ = gram_hashes(word_hashes(words, cache), {length})
    named = np.cumsum([0, *(not word.isdecimal() for word in words)])
    return length, np.unique(grams[named[length:] > named[:-length]])


def _table(hashes: Hashes) -> NDArray[np.bool_]:
    """A table of 2^k flags: where the flag of a hash's low bits is off, the hash is not in the index."""
    bits = min(max(int(16 * len(hashes)).bit_length(), _SMALLEST_TABLE), _LARGEST_TABLE)
    table = np.zeros(1 << bits, np.bool_)
    table[hashes & np.uint64(len(table) - 1)] = True
    return table


class GramIndex:
    """An index that `build_index` wrote. Looking up keeps nothing but the hashes of common words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes: Hashes = np.load(folder / _HASHES, mmap_mode="r")
        self._items: NDArray[np.int32] = np.load(folder / _ITEMS, mmap_mode="r")
        self._table: NDArray[np.bool_] = np.load(folder / _TABLE, mmap_mode="r")
        facts = json.loads((folder / _FACTS).read_text())
        self._lengths = set(facts["lengths"])
        self._benchmarks = facts["benchmarks"]
        self._ends = np.cumsum([each["items"] for each in self._benchmarks])
        self._mask = np.uint64(len(self._table) - 1)
        self._cache: dict[str, int] = {}

    @cached_property
    def _ids(self) -> list[str]:
        ids: list[str] = json.loads((self._folder / _IDS).read_text())
        return ids

    def matches(self, text: str) -> list[Match]:
        """The benchmarks of which the text holds n-grams, the one that shares most first."""
        found = self._found(text)
        if not len(found):
            return []
        lefts = np.searchsorted(self._hashes, found, "left")
        rights = np.searchsorted(self._hashes, found, "right")
        pairs = [(number, int(item)) for number, (a, b) in enumerate(zip(lefts, rights, strict=True))
                 for item in self._items[a:b]]  # fmt: skip
        return self._by_benchmark(pairs)

    def _found(self, text: str) -> Hashes:
        """The different n-grams of the text that may be in the index."""
        words = word_hashes(words_of(text), self._cache)
        likely = [grams[self._table[grams & self._mask]] for _, grams in gram_hashes(words, self._lengths)]
        return np.unique(np.concatenate(likely)) if likely else np.zeros(0, np.uint64)

    def _by_benchmark(self, pairs: Sequence[tuple[int, int]]) -> list[Match]:
        """`pairs` of an n-gram and an item that holds it."""
        grams: dict[int, set[int]] = {}
        shared: dict[int, dict[int, int]] = {}
        for gram, item in pairs:
            number = int(np.searchsorted(self._ends, item, "right"))
            grams.setdefault(number, set()).add(gram)
            counts = shared.setdefault(number, {})
            counts[item] = counts.get(item, 0) + 1
        found = []
        for number, counts in shared.items():
            items = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            named = tuple((self._ids[item], count) for item, count in items)
            about = self._benchmarks[number]
            found.append(Match(about["digest"], about["name"], len(grams[number]), named))
        return sorted(found, key=lambda match: (-match.shared, match.benchmark))


def shared_passages(text: str, other: str, parts: Sequence[str], n: int, shortest: int) -> list[Span]:
    """Where `text` holds n-grams of an item (its `parts`) that `other` holds too, joined.

    One of the two texts is a document, the other that of the item itself.
    """
    cache: dict[str, int] = {}
    words, spans = word_spans(text)
    here, there = word_hashes(words, cache), word_hashes(words_of(other), cache)
    covered = np.zeros(len(words), np.bool_)
    for length, grams in item_grams(parts, n, shortest, cache):
        for (_, found), (_, known) in zip(gram_hashes(here, {length}), gram_hashes(there, {length}), strict=False):
            for start in np.flatnonzero(np.isin(found, np.intersect1d(grams, known))).tolist():
                covered[start : start + length] = True
    return _joined(covered, spans)


def _joined(covered: NDArray[np.bool_], spans: Sequence[Span]) -> list[Span]:
    """The spans of runs of covered words."""
    passages: list[Span] = []
    before = False
    for flag, (start, end) in zip(covered.tolist(), spans, strict=True):
        if flag and before:
            passages[-1] = (passages[-1][0], end)
        elif flag:
            passages.append((start, end))
        before = flag
    return passages
