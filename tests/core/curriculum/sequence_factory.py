"""Small but learnable sequence tables and schedules for tests: four domains with vocabularies of their own."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chimera.artefacts import ArtefactStore
from curriculum_app.core.difficulty.surprisal import unigram_bits_per_byte
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import count_groups, held_out_windows, mean_over_tokens, pack
from curriculum_app.core.schedule import Schedule, multiset_digest, rows_of, save_schedule
from curriculum_app.core.sequences import Grouping, SequenceContents, SequenceTable, save_sequences
from curriculum_app.core.tokenizer import byte_tokenizer, token_bytes

DOMAINS = ("code", "literature", "prose", "reference")
LETTERS = {"code": "defxyz()=:_", "literature": "thequickbrown", "prose": "aeioulmnrst", "reference": "0123456789.-"}


def make_text(domain: str, rng: np.random.Generator, words: int) -> str:
    """Words drawn with Zipf weights from a fixed list of the domain: context tells the next letter."""
    spelling = np.random.default_rng(DOMAINS.index(domain))
    known = ["".join(spelling.choice(list(LETTERS[domain]), size=spelling.integers(2, 7))) for _ in range(40)]
    weights = 1 / np.arange(1, 41)
    return " ".join(rng.choice(known, size=words, p=weights / weights.sum()))


def make_documents(num_documents: int, rng: np.random.Generator) -> list[dict[str, object]]:
    documents = []
    for number in range(num_documents):
        domain = DOMAINS[number % len(DOMAINS)]
        text = make_text(domain, rng, int(rng.integers(8, 40)))
        documents.append({"id": f"{domain}-{number}", "domain": domain, "title": f"Title {number}", "text": text})
    return documents


def build_sequences(
    store: ArtefactStore, *, num_documents: int = 240, sequence_length: int = 32, seed: int = 0
) -> SequenceTable:
    """A stored table: vocabulary 257 (bytes), groupings "domain" (4) and "difficulty" (4), 8 length bins.

    With the defaults it holds about 900 training sequences and a few windows of held-out text per domain.
    """
    rng = np.random.default_rng(seed)
    tokenizer, documents = byte_tokenizer(), make_documents(num_documents, rng)
    encoded = [np.array(tokenizer.encode(str(item["text"])).ids, dtype=np.uint16) for item in documents]
    held = np.arange(num_documents) < 4 * len(DOMAINS)
    order = rng.permutation(np.flatnonzero(~held))
    packed = pack([encoded[row] for row in order], order, 0, sequence_length)

    sizes = np.array([len(tokens) for tokens in encoded])
    rank = np.argsort(np.argsort(sizes, kind="stable"), kind="stable") / num_documents
    domain_of = np.array([DOMAINS.index(str(item["domain"])) for item in documents])
    level_of = (rank * 4).astype(np.int64)
    groupings = {
        "domain": Grouping(DOMAINS, count_groups(packed.pieces, domain_of, 4)),
        "difficulty": Grouping(("1", "2", "3", "4"), count_groups(packed.pieces, level_of, 4)),
    }
    counts = np.bincount(packed.tokens, minlength=tokenizer.get_vocab_size())
    held_out = {
        name: held_out_windows(
            [encoded[row] for row in np.flatnonzero(held & (domain_of == number))],
            token_bytes(tokenizer),
            0,
            sequence_length,
        )
        for number, name in enumerate(DOMAINS)
    }
    contents = SequenceContents(
        tokens=packed.tokens,
        offsets=packed.offsets,
        groupings=groupings,
        bins=count_groups(packed.pieces, (rank * 8).astype(np.int64), 8).toarray(),
        difficulty=mean_over_tokens(packed.pieces, rank),
        pieces=packed.pieces,
        documents=_index(documents, sizes, rank, level_of, held),
        held_out=held_out,
        unigram_bits_per_byte={name: unigram_bits_per_byte(counts, part) for name, part in held_out.items()},
        tokenizer_json=tokenizer.to_str(),
        vocab_size=tokenizer.get_vocab_size(),
        eos_id=0,
        sequence_length=sequence_length,
    )
    return SequenceTable.open(save_sequences(store, contents, {"recipe": {"seed": seed}, "dataset": "made-up"}))


def _index(documents, sizes, rank, level_of, held) -> pa.Table:  # type: ignore[no-untyped-def]
    return pa.table(
        {
            "id": [item["id"] for item in documents],
            "domain": [item["domain"] for item in documents],
            "title": [item["title"] for item in documents],
            "source": ["made-up"] * len(documents),
            "license": ["CC0-1.0"] * len(documents),
            "url": [""] * len(documents),
            "tokens": sizes,
            "length_rank": rank,
            "quality_rank": rank,
            "difficulty_bin": level_of,
            "held_out": held,
        }
    )


def build_schedule(
    store: ArtefactStore,
    table: SequenceTable,
    *,
    seed: int = 0,
    num_sequences: int | None = None,
    cut: Callable[[NDArray[np.void]], NDArray[np.void]] = lambda rows: rows,
    tracks: dict[str, object] | None = None,
) -> Schedule:
    """A stored schedule that shows the first `num_sequences` (default all) sequences once each, shuffled, then cut."""
    pool = np.arange(table.num_sequences if num_sequences is None else num_sequences)
    order = np.random.default_rng(seed).permutation(pool)
    totals = table.grouping("domain").totals(pool)
    facts = {
        "policy": {"key": "shuffle", "config": {}},
        "seed": seed,
        "pool": {"digest": multiset_digest(pool), "tokens": int(table.lengths[pool].sum()), "seed": 0},
        "grouping": "domain",
        "curve": MixtureCurve.constant(DOMAINS, totals / totals.sum()).as_json(),
        "adherence": {},
        "tracks": tracks or {},
    }
    return Schedule.open(save_schedule(store, table, cut(rows_of(table, order)), facts))
