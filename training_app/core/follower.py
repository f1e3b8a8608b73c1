"""A further process of a run on several devices: `python -m training_app.core.follower FOLDER RANK`.

It computes its share of every step that rank 0 names and applies the same update. It writes nothing anywhere. What
takes seconds to load is imported late, so that it can end with rank 0 from its first moment on.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training_app.core.configs import TrainConfig
    from training_app.core.engine import Run


def main(folder: Path, rank: int) -> None:
    """Follow rank 0 until it says stop."""
    threading.Thread(target=_end_with_rank_zero, daemon=True).start()
    from training_app.core.configs import TrainConfig
    from training_app.core.devices import group, spread

    order: dict[str, Any] = json.loads((folder / "order.json").read_text())
    config = TrainConfig.model_validate(order["config"])
    (folder / f"ready-{rank}").touch()
    with group(folder, rank, order["processes"], order["device"], config.threads):
        run = _prepared(config, order)
        spread(run)
        _follow(run, rank, order["processes"])


def _end_with_rank_zero() -> None:
    """Rank 0 holds the other end of stdin: when it is killed, nobody is left to tell this process to stop."""
    sys.stdin.buffer.read()
    os._exit(1)


def _prepared(config: TrainConfig, order: dict[str, Any]) -> Run:
    from chimera.artefacts import ArtefactStore
    from curriculum_app.core.schedule import Schedule
    from training_app.core.checkpoint import Checkpoint
    from training_app.core.engine import prepare

    store = ArtefactStore(Path(order["store"]))
    schedule = Schedule.open(store.load(Schedule.ref_kind, order["schedule"]))
    base = Checkpoint.open(store.load(Checkpoint.ref_kind, order["base"])) if order["base"] else None
    run = prepare(config, schedule, schedule.open_sequences(store), base)
    run.model.train()
    return run


def _follow(run: Run, rank: int, processes: int) -> None:
    from training_app.core.devices import COMPARE, STEP, STOP, gather, hear, weights_hash

    while True:
        word, step, with_entropy = hear()
        if word == STOP:
            return
        if word == COMPARE:
            gather(weights_hash(run))
        elif word == STEP:
            _step(run, step, rank, processes, with_entropy=bool(with_entropy))


def _step(run: Run, step: int, rank: int, processes: int, *, with_entropy: bool) -> None:
    """The share of this rank in step `step` (1 is the first)."""
    from training_app.core.devices import UPDATE, gather, hear, own_share, pack, sum_gradients
    from training_app.core.engine import clip, set_rate
    from training_app.core.gradients import accumulate

    batch = run.batches[step - 1]
    share = own_share(run, step, batch, rank, processes)
    found = accumulate(run, share, with_entropy=with_entropy) if share is not None else None
    sum_gradients(run, found)
    gather(pack(found, share))
    clip(run)
    if hear()[0] == UPDATE:
        set_rate(run, step)
        run.optimizer.step()
    run.optimizer.zero_grad()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
