"""Near-duplicate removal against a plain datasketch `update()` loop and rensa on the same character 13-grams.

One process, the same made-up corpus with planted near-copies, 128 permutations in 16 bands of 8 rows. Our side is
what a curation job runs: signatures, search, exact check. The first peer is the loop of datasketch's own
documentation: one `update` per shingle, then `query` and `insert`. The second is rensa's `RMinHashDeduplicator` on the
shingles cut in Python, which is how it is used; neither checks exactly. Processor seconds, which other programs on the
machine disturb little; the sides take turns over parts of the corpus and a ratio is the median over the parts.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from math import log
from pathlib import Path
from typing import get_args

from benchmarks.report import Figure, at_most, plain
from curriculum_app.core.dedup.config import Engine, NearDuplicateConfig
from curriculum_app.core.dedup.near_duplicates import Duplicate, find_duplicates
from curriculum_app.core.dedup.shingles import clean, jaccard, shingle_numbers
from curriculum_app.core.dedup.sketches import Sketcher, Sketches, Sketching
from curriculum_app.core.documents import Document

NAME = "dedup"
CONFIG = NearDuplicateConfig()
WORDS_PER_DOCUMENT = 330  # about 2,000 characters
COPIED = 5  # every fifth document is a changed copy of the one before it
DATASKETCH_GOAL = 1 / 8
RENSA_GOAL, RENSA_GOAL_FASTEST = 1 / 0.3, 1 / 0.8
RECALL_GOAL = 0.98
BYTES_GOAL = 800
_WARM_UP = 1000  # documents before memory is measured: libraries load, buffers grow


def measure(quick: bool) -> dict[str, Figure]:
    """Time as a share of the peers', missed pairs, removals below the threshold, memory, growth of time."""
    parts, size = (5, 120) if quick else (9, 500)
    small, large, held = (1_000, 6_000, 20_000) if quick else (10_000, 100_000, 100_000)
    made = [made_up_corpus(size, seed) for seed in range(parts)]
    engines = {engine: engine_side(engine) for engine in get_args(Engine)}
    seconds = take_turns([*engines.values(), datasketch_side, rensa_side], made)
    ours, loop, rensa = dict(zip(engines, seconds, strict=False)), seconds[-2], seconds[-1]
    fastest = min(ours, key=lambda engine: statistics.median(ours[engine]))
    documents = [document for part in made for document in part]
    missed, below = accuracy(documents)
    return {
        "time_to_datasketch_loop": at_most(ratio(ours[CONFIG.engine], loop), DATASKETCH_GOAL, "ratio"),
        "time_to_rensa": at_most(ratio(ours[CONFIG.engine], rensa), RENSA_GOAL, "ratio"),
        f"time_to_rensa_of_{fastest}": at_most(ratio(ours[fastest], rensa), RENSA_GOAL_FASTEST, "ratio"),
        "pairs_on_which_engines_differ": at_most(disagreements(engines.values(), documents), 0, "pairs"),
        "missed_pairs": at_most(missed, 1 - RECALL_GOAL, "share"),
        "removed_below_threshold": at_most(below, 0, "documents"),
        "bytes_per_document": at_most(bytes_per_document(held), BYTES_GOAL, "bytes"),
        "time_exponent": at_most(exponent(small, large), 1.1, "exponent"),
        **{f"microseconds_{engine}": plain(each(ours[engine], size), "us/document") for engine in engines},
        "microseconds_datasketch_loop": plain(each(loop, size), "us/document"),
        "microseconds_rensa": plain(each(rensa, size), "us/document"),
    }


def ratio(ours: list[float], peer: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, peer, strict=True))


def each(seconds: list[float], size: int) -> float:
    return 1e6 * statistics.median(seconds) / size


def made_up_corpus(num_documents: int, seed: int) -> list[Document]:
    """Random words; every `COPIED`-th document repeats the one before it with up to a dozen words changed."""
    corpus = Corpus(seed)
    return [corpus.document(number) for number in range(num_documents)]


class Corpus:
    """Documents by number, made when asked for."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self._seed = seed
        self._words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 8))) for _ in range(20_000)]

    def document(self, number: int) -> Document:
        return Document(f"{self._seed}-{number:06d}", self.text(number), "web")

    def text(self, number: int) -> str:
        rng = random.Random(self._seed * 1_000_003 + number)
        if number % COPIED != COPIED - 1:
            return " ".join(rng.choices(self._words, k=WORDS_PER_DOCUMENT))
        words = self.text(number - 1).split(" ")
        for _ in range(rng.randint(0, 12)):
            words[rng.randrange(len(words))] = rng.choice(self._words)
        return " ".join(words)


Side = Callable[[list[Document]], object]


def take_turns(sides: list[Side], parts: list[list[Document]]) -> list[list[float]]:
    """Processor seconds of each side for each part; every side has seen a few documents before."""
    for side in sides:
        side(parts[0][:10])
    rounds = [[clock(side, part) for side in sides] for part in parts]
    return [list(seconds) for seconds in zip(*rounds, strict=True)]


def clock(side: Side, documents: list[Document]) -> float:
    started = time.process_time()
    side(documents)
    return time.process_time() - started


def engine_side(engine: Engine) -> Callable[[list[Document]], list[Duplicate]]:
    """What a curation job does with this engine."""
    config = CONFIG.model_copy(update={"engine": engine})

    def side(documents: list[Document]) -> list[Duplicate]:
        return search(documents, len(documents), lambda number: documents[number].text, config)

    return side


def search(
    documents: Iterable[Document], total: int, text_of: Callable[[int], str], config: NearDuplicateConfig = CONFIG
) -> list[Duplicate]:
    sketcher = Sketcher(Sketching(config))
    return find_duplicates(Sketches.of(map(sketcher.sketch, documents), config.num_perm, total), text_of, config)


def cut(text: str) -> list[bytes]:
    cleaned = clean(text).encode()
    length = CONFIG.shingle_length
    return [cleaned[start : start + length] for start in range(len(cleaned) - length + 1)]


def datasketch_side(documents: list[Document]) -> int:
    """How many documents datasketch proposes to remove."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=CONFIG.num_perm, params=(CONFIG.bands, CONFIG.rows))
    removed = 0
    for number, document in enumerate(documents):
        minhash = MinHash(num_perm=CONFIG.num_perm, seed=CONFIG.seed)
        for shingle in set(cut(document.text)):
            minhash.update(shingle)
        if index.query(minhash):
            removed += 1
        else:
            index.insert(number, minhash)
    return removed


def rensa_side(documents: list[Document]) -> int:
    """How many documents rensa proposes to remove, by its estimate of their similarity."""
    import rensa

    index = rensa.RMinHashDeduplicator(CONFIG.threshold, CONFIG.num_perm, True, CONFIG.bands, CONFIG.seed)
    kept: list[bool] = index.add_pairs((document.id, cut(document.text)) for document in documents)
    return kept.count(False)


def disagreements(sides: Iterable[Callable[[list[Document]], list[Duplicate]]], documents: list[Document]) -> int:
    """Verified pairs, with similarity, that not all sides give."""
    found: list[set[Duplicate]] = [set(side(documents)) for side in sides]
    return len(found[0].union(*found) - found[0].intersection(*found))


def accuracy(documents: list[Document]) -> tuple[float, int]:
    """Share of the planted pairs at or above the threshold that are missed; removals below it, recomputed."""
    removed = {duplicate.removed: duplicate.kept for duplicate in engine_side(CONFIG.engine)(documents)}
    copies = [n for n, document in enumerate(documents) if int(document.id.partition("-")[2]) % COPIED == COPIED - 1]
    similar = [n for n in copies if similarity(documents, n, n - 1) >= CONFIG.threshold]
    missed = sum(n not in removed and n - 1 not in removed for n in similar)
    below = sum(similarity(documents, gone, kept) < CONFIG.threshold for gone, kept in removed.items())
    return missed / len(similar), below


def similarity(documents: list[Document], a: int, b: int) -> float:
    return jaccard(*(shingle_numbers(documents[number].text, CONFIG.shingle_length) for number in (a, b)))


def exponent(small: int, large: int) -> float:
    """k in time ~ documents^k, from two corpora of different size."""
    side = engine_side(CONFIG.engine)
    few, many = (clock(side, made_up_corpus(size, 1000)) for size in (small, large))
    return log(many / few) / log(large / small)


def bytes_per_document(total: int) -> float:
    """Growth of the peak of resident memory over a whole search, in a process of its own that keeps no text."""
    code = f"from benchmarks.dedup import memory_of_search; print(memory_of_search({total}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout.strip()) / total


def memory_of_search(total: int) -> int:
    """Bytes by which a search over made-up documents raises the peak of this process."""
    corpus = Corpus(seed=0)
    for size in (_WARM_UP, total):
        before = peak_bytes()
        search(map(corpus.document, range(size)), size, corpus.text)
    return peak_bytes() - before


def peak_bytes() -> int:
    """The most memory this process has held: Linux's own count (getrusage would inherit that of the parent)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
