"""The runs of a study with all that a reader needs to check them: digests, machine, configs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chimera.jobs.models import Job
from chimera.refs import Ref
from curriculum_app.models import Schedule
from eval_app.core.configs_study import StudyConfig
from eval_app.models import Study
from training_app.core.checkpoint import ADAPTER_WEIGHTS, WEIGHTS
from training_app.models import Checkpoint, TrainingRun


@dataclass(frozen=True)
class StudyRun:
    """A run that a study has trained: what it followed, was fed and became. Digests are hex sha256 or ""."""

    arm: str
    seed: int
    run: TrainingRun
    schedule: Schedule | None
    weights: str

    @property
    def name(self) -> str:
        return _name(self.arm, self.seed)

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.summary
        return found

    @property
    def digests(self) -> dict[str, str]:
        """Of the schedule, its planned order, what was delivered in order and as a multiset, and the final weights."""
        return {
            "schedule": self.schedule.digest if self.schedule else "",
            "planned order": self.summary.get("planned_digest", ""),
            "delivered order": self.summary.get("delivered_digest", ""),
            "multiset shown": self.summary.get("multiset_digest", ""),
            "final weights": self.weights,
        }

    @property
    def circumstances(self) -> dict[str, str]:
        """Device, threads, processes and, where the run noted them, machine and versions."""
        noted: dict[str, str] = self.summary.get("environment", {})
        said = {name: str(self.summary[name]) for name in ("device", "threads", "processes") if name in self.summary}
        return said | noted


def study_runs(study: Study, config: StudyConfig) -> list[StudyRun]:
    """The runs that exist, by seed, then arm in the order of the config; in two queries."""
    rows = list(TrainingRun.objects.filter(job__parent=study.job_id).select_related("job", "schedule"))
    weights = _weights(row.job for row in rows)
    found = [_study_run(row, weights) for row in rows]
    places = {arm.name: place for place, arm in enumerate(config.arms)}
    return sorted(found, key=lambda item: (item.seed, places.get(item.arm, 0)))


def study_averages(study: Study) -> dict[str, str]:
    """Digests of the weights of averaged checkpoints, by "arm · seed n"."""
    jobs = list(Job.objects.filter(parent=study.job_id, kind="average").order_by("pk"))
    weights = _weights(jobs)
    return {_name(*cell_of(job)): weights.get(_checkpoint(job), "") for job in jobs}


def _study_run(row: TrainingRun, weights: dict[int, str]) -> StudyRun:
    return StudyRun(*cell_of(row.job), row, row.schedule, weights.get(_checkpoint(row.job), ""))


def cell_of(job: Job) -> tuple[str, int]:
    """The arm and the seed of a job of a study."""
    _, arm, seed = job.slot.split("/")
    return arm, int(seed)


def _name(arm: str, seed: int) -> str:
    return f"{arm} · seed {seed}"


def _checkpoint(job: Job) -> int:
    uid = job.artifacts.get("checkpoint")
    return Ref[Any](uid).number if uid else 0


def _weights(jobs: Iterable[Job]) -> dict[int, str]:
    """Checkpoint → sha256 of its weights' file. Bit-equal runs of one recipe share a checkpoint."""
    checkpoints = Checkpoint.objects.filter(pk__in={_checkpoint(job) for job in jobs})
    found = {}
    for pk, files in checkpoints.values_list("pk", "manifest__files"):
        facts = (files or {}).get(ADAPTER_WEIGHTS) or (files or {}).get(WEIGHTS) or {}
        found[pk] = facts.get("sha256", "")
    return found
