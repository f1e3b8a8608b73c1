"""HumanEval through the sandbox: its own solutions must all pass, empty ones must all fail; seconds for each."""

from __future__ import annotations

import gzip
import json
import time

from benchmarks.report import Figure, at_least, at_most, plain
from chimera.sandbox.inside.walls import Limits
from chimera.sandbox.trials import check_all, usable_walls
from curriculum_app.starter.benchmarks import FOLDER
from eval_app.core.scorers.programs import trial_of

NAME = "sandbox"
LIMITS = Limits(processor_seconds=10, wall_seconds=30.0, memory_mib=1024)
MILLISECONDS = 60.0  # of a program; a trial is two processes


def measure(quick: bool) -> dict[str, Figure]:
    """Share of solutions and of empty programs that pass, seconds of each pass over the items (quick: every fifth)."""
    with gzip.open(FOLDER / "humaneval.jsonl.gz", "rt", encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines][:: 5 if quick else 1]
    usable_walls()
    right, right_seconds = _passed(items, "canonical_solution")
    empty, empty_seconds = _passed([item | {"empty": "    pass\n"} for item in items], "empty")
    return {
        "solutions_passed": at_least(right / len(items), 1.0, "share"),
        "empty_passed": at_most(empty / len(items), 0.0, "share"),
        "items": plain(len(items), "items"),
        "solutions_seconds": plain(right_seconds, "s"),
        "empty_seconds": plain(empty_seconds, "s"),
        "per_program": at_most(1000 * (right_seconds + empty_seconds) / (2 * len(items)), MILLISECONDS, "ms"),
    }


def _passed(items: list[dict[str, str]], field: str) -> tuple[int, float]:
    started = time.perf_counter()
    outcomes = list(check_all([trial_of(item, item[field]) for item in items], LIMITS))
    return sum(outcome.passed for outcome in outcomes), time.perf_counter() - started
