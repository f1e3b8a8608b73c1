"""The passes over a dataset version that make columns: counting, measuring in processes, asking models.

Each pass goes row group by row group and keeps what is done, so that a stopped job goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chimera.context import Context
from chimera.typed import sha256_json
from curriculum_app.core.column_shard import (
    ColumnTask,
    CountTask,
    Learned,
    RowGroupTask,
    run_columns,
    run_count,
    write_columns,
    write_durably,
)
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.measures.base import CorpusMeasure, Measure, MeasureChoice, ModelMeasure
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.worker_pool import run_tasks

_WORTH_PROCESSES = 1000  # documents; below that, starting processes costs more than they save


@dataclass(frozen=True)
class Wanted:
    """A column to be made. `names` are the digests of what its config names; `identity` hashes all that decides."""

    choice: MeasureChoice
    measure: Measure
    names: dict[str, str]
    identity: str


def wanted(choice: MeasureChoice, version: DatasetVersion, ctx: Context) -> Wanted:
    """The column of a choice, with the stored things opened that it names."""
    measure: Measure = choice.build()
    names = measure.attach(ctx.open) if isinstance(measure, ModelMeasure) else {}
    meaning = {
        "dataset": version.digest,
        "measure": choice.key,
        "config": choice.config | names,
        "revision": measure.revision,
    }
    return Wanted(choice, measure, names, sha256_json(meaning))


@dataclass(frozen=True)
class Measured:
    """A column in pieces: row `row` of every shard."""

    shards: tuple[Path, ...]
    row: int

    def load(self) -> Float:
        """float64 [documents]."""
        return np.concatenate([np.load(path, mmap_mode="r", allow_pickle=False)[self.row] for path in self.shards])


class Measuring:
    """All passes over one version."""

    def __init__(self, version: DatasetVersion, workers: int, ctx: Context) -> None:
        self._groups = list(version.row_groups())
        self._workers = workers if version.num_documents >= _WORTH_PROCESSES else 1
        self._total = version.num_documents
        self._ctx = ctx

    def measure(self, columns: Sequence[Wanted]) -> dict[str, Measured]:
        """Identity → the numbers of each column."""
        found: dict[str, Measured] = {}
        alone = [item for item in columns if not isinstance(item.measure, ModelMeasure)]
        learned = [Learned(choice=item.choice, counts=self._counted(item)) for item in alone]
        if alone:
            folder = self._folder("columns", alone)
            self._in_processes(run_columns.__name__, self._column_tasks(folder, learned), "measuring")
            found |= self._measured(folder, alone)
        for item in columns:
            if isinstance(item.measure, ModelMeasure):
                folder = self._folder("model", [item])
                self._in_this_process(self._column_tasks(folder, []), item)
                found |= self._measured(folder, [item])
        return found

    def _counted(self, item: Wanted) -> str:
        """The file with the counts of the whole version, "" for a measure that needs none."""
        if not isinstance(item.measure, CorpusMeasure):
            return ""
        folder = self._folder("counts", [item])
        tasks = [
            CountTask(file=str(file), row_group=group, choice=item.choice, target=str(folder / f"{number:06d}.npz"))
            for number, (file, group, _) in enumerate(self._groups)
        ]
        self._in_processes(run_count.__name__, tasks, f"counting for {item.measure.title.lower()}")
        total, target = _sum_counts(Path(task.target) for task in tasks), folder / "total.npy"
        write_durably(target, lambda handle: np.save(handle, total, allow_pickle=False))
        return str(target)

    def _column_tasks(self, folder: Path, measures: list[Learned]) -> list[ColumnTask]:
        return [
            ColumnTask(file=str(file), row_group=group, measures=measures, target=str(folder / f"{number:06d}.npy"))
            for number, (file, group, _) in enumerate(self._groups)
        ]

    def _measured(self, folder: Path, columns: Sequence[Wanted]) -> dict[str, Measured]:
        shards = tuple(folder / f"{number:06d}.npy" for number in range(len(self._groups)))
        return {item.identity: Measured(shards, row) for row, item in enumerate(columns)}

    def _folder(self, what: str, columns: Sequence[Wanted]) -> Path:
        folder = self._ctx.scratch / f"{what}-{sha256_json([item.identity for item in columns])[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _in_processes(self, function: str, tasks: Sequence[RowGroupTask], message: str) -> None:
        open_ = self._open(tasks, message)
        todo = [tasks[number] for number in open_]
        done = self._total - sum(self._groups[number][2] for number in open_)
        for position in run_tasks(run_columns.__module__, function, todo, self._workers, self._ctx.check):
            done += self._groups[open_[position]][2]
            self._ctx.progress(done, self._total, "documents", message)

    def _in_this_process(self, tasks: Sequence[ColumnTask], item: Wanted) -> None:
        message = f"asking the model: {item.choice.column}"
        open_ = self._open(tasks, message)
        done = self._total - sum(self._groups[number][2] for number in open_)
        for number in open_:
            self._ctx.check()
            write_columns(tasks[number], [item.measure])
            done += self._groups[number][2]
            self._ctx.progress(done, self._total, "documents", message)

    def _open(self, tasks: Sequence[RowGroupTask], message: str) -> list[int]:
        """The numbers of the tasks whose result does not lie there from an earlier attempt."""
        open_ = [number for number, task in enumerate(tasks) if not Path(task.target).is_file()]
        if len(open_) < len(tasks):
            self._ctx.log(f"{message}: {len(tasks) - len(open_)} of {len(tasks)} row groups were done before")
        return open_


def _sum_counts(paths: Iterator[Path]) -> Int:
    total: Int | None = None
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            if total is None:
                total = np.zeros(int(part["size"]), dtype=np.int64)
            total[part["at"]] += part["counts"]
    assert total is not None, "a version has at least one row group"
    return total
