"""Near-duplicate removal against a plain datasketch `update()` loop on the same character 13-grams.

One process, the same made-up corpus with planted near-copies, the same permutations and bands. Our side is what a
curation job runs: signatures, search, exact check. The peer is the loop of datasketch's own documentation: one
`update` per shingle, then `query` and `insert`, without an exact check. Processor seconds, which other programs on
the machine disturb little; the sides take turns over parts of the corpus and a ratio is the median over the parts.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from math import log

from benchmarks.report import Figure, at_most, plain
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.near_duplicates import Duplicate, Sketcher, find_duplicates
from curriculum_app.core.dedup.shingles import jaccard, shingles
from curriculum_app.core.documents import Document

NAME = "dedup"
CONFIG = NearDuplicateConfig()
WORDS_PER_DOCUMENT = 330  # about 2,000 characters
COPIED = 5  # every fifth document is a changed copy of the one before it
SPEED_GOAL = 1 / 8
RECALL_GOAL = 0.98


def measure(quick: bool) -> dict[str, Figure]:
    """Time as a share of the peer's, missed pairs, removals below the threshold, growth of time."""
    parts, size = (5, 150) if quick else (9, 500)
    small, large = (500, 2_000) if quick else (10_000, 100_000)
    made = [made_up_corpus(size, seed) for seed in range(parts)]
    ours, peer = take_turns(made)
    documents = [document for part in made for document in part]
    missed, below = accuracy(documents)
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    per_document, peers = (1e3 * statistics.median(side) / size for side in (ours, peer))
    return {
        "time_to_datasketch_loop": at_most(ratio, SPEED_GOAL, "ratio"),
        "missed_pairs": at_most(missed, 1 - RECALL_GOAL, "share"),
        "removed_below_threshold": at_most(below, 0, "documents"),
        "time_exponent": at_most(exponent(small, large), 1.1, "exponent"),
        "milliseconds_per_document": plain(per_document, "ms", peers),
    }


def made_up_corpus(num_documents: int, seed: int) -> list[Document]:
    """Random words; every `COPIED`-th document repeats the one before it with up to a dozen words changed."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 8))) for _ in range(20_000)]
    documents: list[Document] = []
    for number in range(num_documents):
        if number % COPIED == COPIED - 1:
            chosen = documents[-1].text.split(" ")
            for _ in range(rng.randint(0, 12)):
                chosen[rng.randrange(len(chosen))] = rng.choice(words)
        else:
            chosen = rng.choices(words, k=WORDS_PER_DOCUMENT)
        documents.append(Document(f"{seed}-{number:06d}", " ".join(chosen), "web"))
    return documents


def take_turns(parts: list[list[Document]]) -> tuple[list[float], list[float]]:
    """Processor seconds per part, ours and the peer's; the first part is run once before, unmeasured."""
    our_side(parts[0][:10])
    peer_side(parts[0][:10])
    seconds = [(clock(our_side, part), clock(peer_side, part)) for part in parts]
    return [ours for ours, _ in seconds], [peer for _, peer in seconds]


def clock(side: Callable[[list[Document]], object], documents: list[Document]) -> float:
    started = time.process_time()
    side(documents)
    return time.process_time() - started


def our_side(documents: list[Document]) -> list[Duplicate]:
    sketcher = Sketcher(CONFIG)
    sketches = [sketcher.sketch(document) for document in documents]
    return find_duplicates(sketches, lambda number: documents[number].text, CONFIG)


def peer_side(documents: list[Document]) -> int:
    """How many documents datasketch proposes to remove."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=CONFIG.num_perm, params=(CONFIG.bands, CONFIG.rows))
    removed = 0
    for number, document in enumerate(documents):
        minhash = MinHash(num_perm=CONFIG.num_perm, seed=CONFIG.seed)
        for shingle in shingles(document.text, CONFIG.shingle_length):
            minhash.update(shingle.encode())
        if index.query(minhash):
            removed += 1
        else:
            index.insert(number, minhash)
    return removed


def accuracy(documents: list[Document]) -> tuple[float, int]:
    """Share of the planted pairs at or above the threshold that are missed; removals below it, recomputed."""
    removed = {duplicate.removed: duplicate.kept for duplicate in our_side(documents)}
    copies = [n for n, document in enumerate(documents) if int(document.id.partition("-")[2]) % COPIED == COPIED - 1]
    similar = [n for n in copies if similarity(documents, n, n - 1) >= CONFIG.threshold]
    missed = sum(n not in removed and n - 1 not in removed for n in similar)
    below = sum(similarity(documents, gone, kept) < CONFIG.threshold for gone, kept in removed.items())
    return missed / len(similar), below


def similarity(documents: list[Document], a: int, b: int) -> float:
    return jaccard(*(shingles(documents[number].text, CONFIG.shingle_length) for number in (a, b)))


def exponent(small: int, large: int) -> float:
    """k in time ~ documents^k, from two corpora of different size."""
    few, many = (clock(our_side, made_up_corpus(size, 1000)) for size in (small, large))
    return log(many / few) / log(large / small)
