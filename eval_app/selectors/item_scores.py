"""The files of a report, and its items' main scores, kept in memory, for an artefact never changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from chimera.jobs import refs
from eval_app.core.evaluation import Evaluation
from eval_app.core.item_results import ITEMS_FILE
from eval_app.core.skills import ItemScores
from eval_app.models import EvalReport

NOTHING = ItemScores([], np.zeros(0), {})


def file_of(report: EvalReport, name: str) -> Path | None:
    """Where a file of a report lies; None where it is not on this machine or the report has none of that name."""
    opened = refs.opened(Evaluation, report)
    path = opened.path / name if opened is not None else None
    return path if path is not None and path.is_file() else None


def item_scores(report: EvalReport) -> ItemScores:
    """Items whose task's main score is a share; nothing where the files are not on this machine."""
    shares = {
        each["task"]: each.get("chance")
        for each in report.manifest.get("task_scores", [])
        if each["main"] and not each["unit"]
    }
    path = file_of(report, ITEMS_FILE) if shares else None
    if path is None:
        return NOTHING
    return _read(path, tuple(sorted(shares.items())))


@lru_cache(maxsize=128)
def _read(path: Path, shares: tuple[tuple[str, float | None], ...]) -> ItemScores:
    table = pq.read_table(path, columns=["task", "item", "main"])
    tasks, items = table["task"].to_pylist(), table["item"].to_pylist()
    main = table["main"].to_numpy()
    chance = dict(shares)
    kept = [n for n, task in enumerate(tasks) if task in chance and np.isfinite(main[n])]
    return ItemScores([(tasks[n], items[n]) for n in kept], main[kept], chance)
