"""One unit of measuring: a row group through the measures, its numbers on disk.

Runs in worker processes. A result appears by a rename, so a file that exists is a shard that is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from chimera.typed import Config, canonical_json
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import TOGETHER, CorpusMeasure, Measure, MeasureChoice, ModelMeasure
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.parquet_rows import read_rows


class Learned(Config):
    """A measure, and for one that compares with the whole version the file of its counts."""

    choice: MeasureChoice
    counts: str = ""


class RowGroupTask(Config):
    """One row group of a dataset version, and the file for what is made of it."""

    file: str
    row_group: int
    target: str


class CountTask(RowGroupTask):
    """Count for one measure; the target is .npz with `at` (indices), `counts` and `size`."""

    choice: MeasureChoice


class ColumnTask(RowGroupTask):
    """Measure; the target is .npy, float64 [measures, documents]."""

    measures: list[Learned]


def run_count(task: CountTask) -> None:
    """Do the task; doing it twice, or in two processes at once, leaves the same file."""
    measure = task.choice.build()
    total: Int = measure.count(list(_documents(task.file, task.row_group)))
    filled = np.flatnonzero(total)
    write_durably(
        Path(task.target),
        lambda handle: np.savez(handle, at=filled, counts=total[filled], size=np.int64(len(total))),
    )


def run_columns(task: ColumnTask) -> None:
    """Do the task; doing it twice, or in two processes at once, leaves the same file."""
    built = _built(canonical_json([item.as_json() for item in task.measures]))
    write_columns(task, built)


def write_columns(task: ColumnTask, measures: Sequence[Measure]) -> None:
    """The numbers of one row group by measures that are ready; models see it as a whole, to fill their batches."""
    whole = any(isinstance(measure, ModelMeasure) for measure in measures)
    batches = [list(_documents(task.file, task.row_group))] if whole else _batches(task.file, task.row_group)
    parts = [measure_documents(measures, documents) for documents in batches]
    values = np.concatenate(parts, axis=1)
    write_durably(Path(task.target), lambda handle: np.save(handle, values, allow_pickle=False))


def measure_documents(measures: Sequence[Measure], documents: Sequence[Document]) -> Float:
    """float64 [measures, documents].

    Raises:
        TypeError: a measure gives something else than one number per document.
    """
    columns = []
    for measure in measures:
        column = np.asarray(measure.values(documents), dtype=np.float64)
        if column.shape != (len(documents),):
            raise TypeError(f"{type(measure).__name__} gave shape {column.shape} for {len(documents)} documents")
        columns.append(column)
    return np.stack(columns)


@lru_cache(maxsize=1)
def _built(said: bytes) -> list[Measure]:
    """The measures of a task, kept for the next one: a model or counts are loaded once."""
    measures = []
    for item in json.loads(said):
        learned = Learned.model_validate(item)
        measure: Measure = learned.choice.build()
        if isinstance(measure, CorpusMeasure):
            measure.learn(np.load(learned.counts))
        measures.append(measure)
    return measures


def _documents(file: str, row_group: int) -> Iterator[Document]:
    return map(Document.from_row, read_rows(Path(file), row_group))


def _batches(file: str, row_group: int) -> Iterator[list[Document]]:
    documents = _documents(file, row_group)
    while batch := list(islice(documents, TOGETHER)):
        yield batch


def write_durably(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write under a name of this process, then rename."""
    temporary = path.with_name(f"tmp-{os.getpid()}-{path.name}")
    with temporary.open("wb") as handle:
        write(handle)
    temporary.replace(path)
