"""A project with many runs for the page benchmark: rows in bulk, the artefacts behind them real and shared."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from chimera.jobs.kinds import Finished
from chimera.jobs.models import Job, JobEvent, State
from chimera.projects.access import Actor
from curriculum_app.models import Schedule
from curriculum_app.services.taxonomy import import_tree
from curriculum_app.starter.taxonomy import nodes
from eval_app.core.configs_study import StudyConfig
from eval_app.models import Study
from eval_app.services.studies import conclude
from tests import factories
from tests.web.run_factory import DOMAINS, made_up_values
from training_app.core.configs import TINY, TrainConfig
from training_app.models import MetricRow, RunEvent, TrainingRun
from training_app.services.recorder import Buffer

ARMS = ("shuffled", "easy-to-hard")
SEEDS = 10
RUNS_PER_STUDY = len(ARMS) * SEEDS
STEPS, ROWS_PER_RUN = 600, 12


class MadeUpProject:
    """Studies of 20 finished runs each, over one dataset, one sequence set, one schedule."""

    def __init__(self) -> None:
        self.actor: Actor = factories.make_actor()
        dataset = factories.make_dataset(self.actor, stage="curated")
        self.sequences = factories.make_sequences(self.actor, dataset)
        self.schedule: Schedule = factories.make_schedule(self.actor, sequences=self.sequences)
        import_tree(self.actor, nodes())
        self.points = [_points(row) for row in range(ROWS_PER_RUN)]
        self.num_studies = 0

    def grow_to(self, num_runs: int) -> None:
        """Add studies until there are `num_runs` runs."""
        while self.num_studies * RUNS_PER_STUDY < num_runs:
            self.add_study()

    @transaction.atomic
    def add_study(self) -> Study:
        self.num_studies += 1
        name = f"Study {self.num_studies}"
        config = StudyConfig(name=name, sequences=self.sequences.uid, seeds=list(range(SEEDS)))
        job = self._job("study", name, config.as_json(), composite=True)
        job.save()
        study = Study.objects.create(
            project=self.actor.project,
            job=job,
            sequence_set=self.sequences,
            name=name,
            question="Is easy-to-hard better than shuffled?",
            primary_outcome=config.primary_outcome.metric,
        )
        runs = self._runs(job)
        conclude(job, {run.job.slot: Finished({"run": run.uid}, run.summary) for run in runs})
        return study

    def _runs(self, parent: Job) -> list[TrainingRun]:
        cells = [(arm, seed) for arm in ARMS for seed in range(SEEDS)]
        jobs = Job.objects.bulk_create([self._train_job(parent, arm, seed) for arm, seed in cells])
        JobEvent.objects.bulk_create(
            [JobEvent(job=job, state=state, attempt=1) for job in jobs for state in (State.RUNNING, State.SUCCEEDED)]
        )
        runs = TrainingRun.objects.bulk_create([self._run(job, *cell) for job, cell in zip(jobs, cells, strict=True)])
        MetricRow.objects.bulk_create([row for run in runs for row in self._metric_rows(run)])
        RunEvent.objects.bulk_create([RunEvent(run=run, attempt=1, step=0, kind="started", message="") for run in runs])
        return runs

    def _job(self, kind: str, name: str, config: dict[str, Any], **more: Any) -> Job:
        return Job(
            project=self.actor.project, kind=kind, name=name, config=config, fingerprint="0" * 64, attempt=1,
            state=State.SUCCEEDED, done=STEPS, total=STEPS, unit="steps", created_by=self.actor.user, **more,
        )  # fmt: skip

    def _train_job(self, parent: Job, arm: str, seed: int) -> Job:
        name = f"{parent.name} · {arm} · seed {seed}"
        config = TrainConfig(name=name, schedule=self.schedule.uid, seed=seed, group=arm, model=TINY)
        return self._job("train", name, config.as_json(), parent=parent, slot=f"train/{arm}/{seed}")

    def _run(self, job: Job, arm: str, seed: int) -> TrainingRun:
        last = made_up_values(STEPS, STEPS, seed)
        held_out = {domain: last[f"held_out/{domain}"] + 0.001 * seed for domain in DOMAINS}
        return TrainingRun(
            project=job.project, job=job, schedule=self.schedule, name=job.name, group=arm, seed=seed,
            parameters=43_168, steps=STEPS, step=STEPS, tokens=STEPS * 1000, budget_tokens=STEPS * 1000, pace=13_000.0,
            latest=last,
            sparkline=[made_up_values(step, STEPS, seed)["loss"] for step in range(1, STEPS, 12)],
            planned_digest=self.schedule.order_digest, delivered_digest=self.schedule.order_digest,
            summary={"held_out": held_out, "held_out_macro": sum(held_out.values()) / len(held_out),
                     "multiset_digest": self.schedule.pool_digest, "delivered_digest": arm},
        )  # fmt: skip

    def _metric_rows(self, run: TrainingRun) -> list[MetricRow]:
        size = STEPS // ROWS_PER_RUN
        return [
            MetricRow(
                run=run, attempt=1, seq=row + 1, first_step=row * size + 1, last_step=(row + 1) * size, points=points
            )
            for row, points in enumerate(self.points)
        ]


def _points(row: int) -> dict[str, Any]:
    size, buffer = STEPS // ROWS_PER_RUN, Buffer()
    for step in range(row * size + 1, (row + 1) * size + 1):
        buffer.add(step, step * 1000, 1_700_000_000.0 + step, made_up_values(step, STEPS))
    return buffer.points()
