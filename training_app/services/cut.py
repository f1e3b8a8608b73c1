"""Going back: the points and events of a run that come after a step are cut, as when a worker resumes."""

from __future__ import annotations

from chimera.jobs.context import scratch_of
from chimera.jobs.leasing import Lease
from training_app.models import SavedState, TrainingRun
from training_app.services.recorder import RunRecorder


def cut_after(run: TrainingRun, lease: Lease, step: int) -> None:
    """Keep what is not later than `step`; the run's row (latest, best, sparkline) follows. Raises LeaseLost.

    A recorder cuts at a resume point. A foreign trainer keeps its own, so one is noted here for the moment of the cut.
    """
    place = scratch_of(run.job)
    place.mkdir(parents=True, exist_ok=True)
    said = {"path": str(place), "step": step, "tokens": 0, "attempt": lease.attempt}
    saved, _ = SavedState.objects.update_or_create(run=run, defaults=said)
    RunRecorder(run, lease).resume()
    saved.delete()
    place.rmdir()
    run.refresh_from_db()
