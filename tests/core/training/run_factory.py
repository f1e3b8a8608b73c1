"""Tiny runs for tests: a store, sequences, a schedule and a config of 35 k parameters."""

from collections.abc import Callable
from pathlib import Path

from chimera.context import Control, LocalContext
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.sequence_factory import build_schedule, build_sequences
from training_app.core.configs import TINY, TrainConfig
from training_app.core.engine import Run
from training_app.core.gradients import accumulate
from training_app.core.probes.base import StepView
from training_app.core.probing import look


class StoppingContext(LocalContext):
    """Asks to stop when `when(latest step)` is true."""

    wish: Control = "none"
    when: Callable[[int], bool] = staticmethod(lambda step: False)

    def control(self) -> Control:
        latest = self.recorder.points[-1][0] if self.recorder.points else 0
        return self.wish if self.when(latest) else "none"


def make_context(root: Path, *, num_sequences: int = 64) -> tuple[StoppingContext, SequenceTable, Schedule]:
    """A context in which `schedule-1` names a shuffled schedule of `num_sequences` sequences of 32 tokens."""
    ctx = StoppingContext(root)
    table = build_sequences(ctx.store)
    schedule = build_schedule(ctx.store, table, num_sequences=num_sequences)
    ctx.artefacts |= {"schedule-1": schedule, "sequences-1": table}
    return ctx, table, schedule


def make_config(**changes: object) -> TrainConfig:
    """16 steps over 64 sequences; one evaluation in the middle."""
    settings = {"name": "tiny", "schedule": "schedule-1", "model": TINY, "batch_sequences": 4, "evaluate_every": 8}
    return TrainConfig.model_validate(settings | changes)


def step_view(run: Run) -> StepView:
    """The first step of a prepared run after its backward pass, as probes see it."""
    batch = run.batches[0]
    found = accumulate(run, batch, with_entropy=True)
    return look(run, batch, found, run.held_out.probe_batch())


def without_clock(points: list[tuple[int, int, dict[str, float]]]) -> list[tuple[int, int, dict[str, float]]]:
    """Metric points without the series that measure time or the machine."""
    clocks = ("tokens_per_second", "probe_seconds/", "memory/")
    return [
        (step, tokens, {k: v for k, v in values.items() if not k.startswith(clocks)}) for step, tokens, values in points
    ]
