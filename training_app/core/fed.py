"""What a run has been fed up to the step that is looked at, with the losses of the rows (torch-free)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.schedule import ROW

if TYPE_CHECKING:
    from training_app.core.order import Rows
    from training_app.core.resume_point import RunState

Losses = NDArray[np.float32]


@dataclass(frozen=True)
class Fed:
    """The rows of a run in the order in which it was fed them, those of the step itself (`batch`, `losses`) last.

    They survive a kill with the run, so whoever computes from them needs no memory of its own. `before` are the rows
    of the schedule that a fork's base had seen (of them no losses are known), `count` the rows of this run.
    """

    before: Rows
    state: RunState
    batch: Rows
    losses: Losses
    count: int

    def last(self, count: int) -> tuple[Rows, Losses]:
        """The newest `count` rows and the mean loss of each (nats per target); fewer if there are no more."""
        older = max(count - len(self.batch), 0)
        rows = [_tail(self.state.delivered, older, np.zeros(0, dtype=ROW)), self.batch]
        losses = [_tail(self.state.row_losses, older, np.zeros(0, dtype=np.float32)), self.losses]
        return np.concatenate(rows)[-count:], np.concatenate(losses)[-count:]


def _tail(arrays: list[NDArray[Any]], count: int, nothing: NDArray[Any]) -> NDArray[Any]:
    """The last `count` entries of the arrays laid end to end, without joining those that are not needed."""
    found, missing = [nothing], count
    for array in reversed(arrays):
        if missing <= 0:
            break
        found.insert(1, array[-missing:])
        missing -= len(array)
    return np.concatenate(found)
