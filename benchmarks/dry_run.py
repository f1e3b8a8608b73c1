"""Dry run of a stored schedule of a million sequences: seconds from opening its files to the report."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks.report import Figure, at_most, plain
from chimera.context import LocalContext
from curriculum_app.core.configs_dry_run import DryRunScheduleConfig
from curriculum_app.core.jobs.dry_run import run_schedule
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int, Pieces
from curriculum_app.core.schedule import Schedule, multiset_digest, rows_of, save_schedule
from curriculum_app.core.sequences import Grouping, SequenceContents, SequenceTable, save_sequences

NAME = "dry-run"
PARTS = (8, 5, 3)  # tokens of the pieces of a sequence, each of another document and group
SIZES = {"domain": 9, "difficulty": 9, "topic": 1000}
GOAL = 5.0


def measure(quick: bool) -> dict[str, Figure]:
    """Processor seconds and wall seconds of the report on 1,000,000 sequences (quick: 100,000), each shown once."""
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        ctx = LocalContext(Path(folder))
        ctx.artefacts["schedule-1"] = a_schedule(ctx, count)
        config = DryRunScheduleConfig.model_validate({"schedule": "schedule-1"})
        started, processor = time.perf_counter(), time.process_time()
        report = run_schedule(config, ctx).report
        used, passed = time.process_time() - processor, time.perf_counter() - started
    return {
        "processor_seconds": at_most(used, GOAL, "s"),
        "wall_seconds": plain(passed, "s"),
        "sequences": plain(report["totals"]["rows"], "sequences"),
    }


def a_schedule(ctx: LocalContext, count: int) -> Schedule:
    """Made-up sequences of 16 tokens in three pieces, with 1,000 topics, in a shuffled order."""
    rng = np.random.default_rng(0)
    table = SequenceTable.open(save_sequences(ctx.store, _contents(count, rng), {"dataset": "made-up"}))
    order = rng.permutation(count).astype(np.int64)
    names, topics = table.grouping("topic").names, SIZES["topic"]
    facts = {
        "policy": {"key": "shuffle", "config": {}},
        "seed": 0,
        "pool": {"digest": multiset_digest(order), "tokens": table.num_tokens, "seed": 0},
        "grouping": "topic",
        "curve": MixtureCurve.constant(names, np.full(topics, 1 / topics)).as_json(),
        "adherence": {},
    }
    return Schedule(save_schedule(ctx.store, table, rows_of(table, order), facts))


def _contents(count: int, rng: np.random.Generator) -> SequenceContents:
    length, documents = sum(PARTS), count * 3 // 2
    offsets = np.arange(count + 1, dtype=np.int64)
    of_piece = rng.integers(0, documents, len(PARTS) * count)
    pieces = Pieces(offsets * len(PARTS), of_piece, np.tile(np.array(PARTS, dtype=np.int64), count))
    return SequenceContents(
        tokens=np.zeros(count * length, dtype=np.uint16),
        offsets=offsets * length,
        groupings={name: _grouping(count, size, rng) for name, size in SIZES.items()},
        bins=np.tile(np.array([length, *[0] * 7], dtype=np.int64), (count, 1)),
        difficulty=rng.random(count),
        pieces=pieces,
        documents=_documents(documents),
        held_out={},
        unigram_bits_per_byte={},
        tokenizer_json="{}",
        vocab_size=257,
        eos_id=0,
        sequence_length=length,
    )


def _grouping(count: int, size: int, rng: np.random.Generator) -> Grouping:
    columns: Int = rng.integers(0, size, (count, len(PARTS)))
    rows = np.repeat(np.arange(count), len(PARTS))
    counts = sparse.coo_array((np.tile(PARTS, count), (rows, columns.ravel())), shape=(count, size)).tocsr()
    counts.sum_duplicates()
    return Grouping(tuple(f"{number}" for number in range(size)), counts.astype(np.int64))


def _documents(count: int) -> pa.Table:
    names = pa.array([f"document-{number}" for number in range(count)])
    return pa.table({"id": names, "title": names, "domain": pa.array(["a"] * count)})
