"""Writes of studies: the row at the start, the verdict at the end, the starter study of Home."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.urls import reverse

from chimera.errors import InputError, Problem
from chimera.jobs import refs
from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted, Finished
from chimera.jobs.models import FINISHED, Job
from chimera.projects.access import Actor
from chimera.projects.models import Project
from chimera.refs import Ref
from curriculum_app.models import Schedule, SequenceSet
from curriculum_app.services.schedule_check import check_schedule
from eval_app.core.configs_study import ArmConfig, StudyConfig
from eval_app.core.study import schedule_of, too_few
from eval_app.core.verdict import ArmEvidence, StudyEvidence, decide
from eval_app.models import Study


def check(config: StudyConfig, project: Project) -> None:
    """What a schedule of each arm would be refused for, and averages of more checkpoints than a run keeps.

    Raises:
        InputError: fields begin `arms.<number>.policy` or `arms.<number>.average`, or are the study's own.
    """
    problems: list[Problem] = []
    kept = _checkpoints_of_a_run(config, project)
    for number, arm in enumerate(config.arms):
        if arm.average is not None and kept is not None and kept < arm.average.last:
            problems.append(too_few(arm, arm.average, kept, number))
        if arm.policy is None:
            continue
        try:
            check_schedule(schedule_of(config, arm, arm.policy, config.seeds[0]), project)
        except InputError as error:
            problems += [_of_arm(problem, number) for problem in error.problems]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def _checkpoints_of_a_run(config: StudyConfig, project: Project) -> int | None:
    """How many a run keeps whose rows are all whole; None where the sequences or the cadence are not known."""
    row, every = refs.find(project, config.sequences), config.train.keep_every_steps
    if row is None or not every:
        return None
    length = int(row.manifest["sequence_length"])
    return math.ceil(config.budget_tokens / (length * config.train.batch_sequences * every))


def _of_arm(problem: Problem, number: int) -> Problem:
    own = problem.field.startswith("policy")
    return replace(problem, field=f"arms.{number}.{problem.field}") if own else problem


def created(job: Job) -> None:
    """The study's row, in the transaction that creates its job: the question and the outcome stand before any run."""
    config = StudyConfig.model_validate(job.config)
    Study.objects.create(
        project=job.project,
        job=job,
        sequence_set_id=config.sequences.number,
        name=config.name,
        primary_outcome=config.primary_outcome,
    )


def page(job: Job) -> str:
    return reverse("study-detail", args=[job.study.pk])


def conclude(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    """Decide on the evidence of all runs and keep the verdict."""
    config = StudyConfig.model_validate(job.config)
    study = Study.objects.select_for_update().get(job=job)
    verdict = decide(_evidence(config, study.sequence_set, finished))
    study.verdict = verdict.as_json()
    study.save(update_fields=["verdict"])
    summary = {"word": verdict.word, "sentence": verdict.sentence, "compares": verdict.compares}
    return Adopted({"study": study.uid}, summary)


def conclude_starter(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    """The starter study ends with its study's verdict and hands on what it made."""
    artifacts = {
        "dataset": finished["curate"].artifacts["dataset"],
        "sequences": finished["group"].artifacts["sequences"],
        "study": finished["study"].artifacts["study"],
    }
    return Adopted(artifacts, finished["study"].summary)


def _evidence(config: StudyConfig, sequences: SequenceSet | None, finished: Mapping[str, Finished]) -> StudyEvidence:
    arms = [_arm(config, arm, finished) for arm in config.arms]
    unigram = sequences.manifest["unigram_bits_per_byte"] if sequences else {}
    return StudyEvidence(seeds=config.seeds, arms=arms, baseline=config.baseline, unigram=unigram, alpha=config.alpha)


def _arm(config: StudyConfig, arm: ArmConfig, finished: Mapping[str, Finished]) -> ArmEvidence:
    source = config.trained_as(arm).name
    runs = {seed: finished[f"train/{source}/{seed}"].summary for seed in config.seeds}
    scored = {seed: finished[f"average/{arm.name}/{seed}"].summary for seed in config.seeds} if arm.average else runs
    return ArmEvidence(
        name=arm.name,
        multisets={seed: run["multiset_digest"] for seed, run in runs.items()},
        orders={seed: run["delivered_digest"] for seed, run in runs.items()},
        scores={seed: summary["held_out"] or {} for seed, summary in scored.items()},
        learning_rate=_learning_rate(config, config.trained_as(arm), finished),
        average=json.dumps(arm.average.as_json(), sort_keys=True) if arm.average else "",
    )


def _learning_rate(config: StudyConfig, arm: ArmConfig, finished: Mapping[str, Finished]) -> str:
    """Equal for arms that learnt alike. A rate that comes from the schedule counts as what the schedules say."""
    chosen = config.learning_rate_of(arm)
    said: list[Any] = [chosen.as_json()]
    if chosen.key == "planned":
        uids = [finished[f"schedule/{arm.name}/{seed}"].artifacts["schedule"] for seed in config.seeds if arm.policy]
        numbers = [Ref[Any](uid).number for uid in (uids or arm.schedules)]
        found = Schedule.objects.filter(pk__in=numbers).order_by("pk")
        said += [row.manifest.get("tracks", {}).get("learning_rate") for row in found]
    return json.dumps(said, sort_keys=True)


@transaction.atomic
def start_starter(actor: Actor, key: str = "") -> Job:
    """Start the starter study, or give the one that is still alive: one at a time is enough."""
    alive = Job.objects.filter(project=actor.project, kind="starter").exclude(state__in=FINISHED).first()
    if alive is not None:
        return alive
    job, _ = jobs.start(actor, "starter", {}, key=key)
    return job
