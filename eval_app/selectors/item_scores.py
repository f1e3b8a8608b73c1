"""The main scores of a report's items, from its Parquet file; kept in memory, for an artefact never changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from django.conf import settings

from chimera.artefacts import ArtefactStore
from eval_app.core.item_results import ITEMS_FILE
from eval_app.core.skills import ItemScores
from eval_app.models import EvalReport

NOTHING = ItemScores([], np.zeros(0), {})


def items_path(report: EvalReport) -> Path:
    """Where a report's items lie, if they are on this machine."""
    return ArtefactStore(settings.DATA_DIR / "artefacts").directory(EvalReport.ref_kind, report.digest) / ITEMS_FILE


def item_scores(report: EvalReport) -> ItemScores:
    """Items whose task's main score is a share; nothing where the files are not on this machine."""
    shares = {
        each["task"]: each.get("chance")
        for each in report.manifest.get("task_scores", [])
        if each["main"] and not each["unit"]
    }
    path = items_path(report)
    if not shares or not path.is_file():
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
