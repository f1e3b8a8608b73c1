"""The files that a run has written by now: its resume point and its newest checkpoint, as far as they are here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.adaptive.contract import State
from training_app.models import Checkpoint, SavedState, TrainingRun


def places(run: TrainingRun) -> list[Path]:
    """Folders that may hold files of the run; not every file is in each."""
    found = [Path(path) for path in SavedState.objects.filter(run=run).values_list("path", flat=True)]
    for checkpoint in Checkpoint.objects.filter(run=run).order_by("-step")[:1]:
        try:
            found.append(checkpoint.stored().path)
        except FileNotFoundError:
            continue
    return found


def row_losses(run: TrainingRun) -> NDArray[np.float32] | None:
    """Loss of every delivered row, float32 in delivery order, from the newest file of this run that is here."""
    files = [place / "row_losses.npy" for place in places(run)]
    return max((np.load(file, allow_pickle=False) for file in files if file.is_file()), key=len, default=None)


def remembered(run: TrainingRun, name: str) -> State | None:
    """The newest `journal` or `chooser` of an adaptive run; None where no file here holds it."""
    found = [place for place in places(run) if (place / f"{name}.json").is_file()]
    newest = max(found, key=lambda place: len(np.load(place / "row_losses.npy", allow_pickle=False)), default=None)
    return State.read(newest, name) if newest is not None else None
