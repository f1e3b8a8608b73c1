"""Cut the bundled benchmarks from a larger collection of records. A developer's tool: the result is committed.

    python -m curriculum_app.starter.benchmarks.build FOLDER

FOLDER holds `bench_multiple_choice.jsonl.gz` (id, task, question, choices, answer, …) and `humaneval.jsonl.gz`
(task_id, prompt, canonical_solution, test, …). Only records whose upstream licence was read and is MIT or Apache-2.0
are taken, whole. The same input gives the same bytes.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curriculum_app.starter.benchmarks import FOLDER, TASKS
from curriculum_app.starter.build import write

LICENSES = {"MIT", "Apache-2.0"}
MAX_BYTES = 1_500_000
_NAMES = {"task_id": "id"}


def main(folder: Path) -> None:
    """Write `<task>.jsonl.gz` of every bundled benchmark."""
    chosen: dict[str, list[dict[str, Any]]] = {task: [] for task in TASKS.values()}
    texts: set[str] = set()
    for record in records(folder):
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


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every record that may be shipped, with its id under `id` and its task under `task`."""
    for name, task in (("humaneval", "humaneval"), ("bench_multiple_choice", "")):
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                if record.pop("license_verified") and record["license"] in LICENSES:
                    renamed = {_NAMES.get(key, key): value for key, value in record.items() if value is not None}
                    yield {"task": task, **renamed}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
