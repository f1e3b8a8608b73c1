"""Writes of studies: the row at the start, the verdict at the end, the starter study of Home."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.urls import reverse
from pydantic import ValidationError

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
from eval_app.core.study_arms import equal_compute, identical_arms, parameters_of, with_controls, wrong_budgets
from eval_app.core.study_evidence import gather
from eval_app.core.verdicts.deciding import decide
from eval_app.core.verdicts.evidence import StudyEvidence
from eval_app.models import Study


def complete(raw: Any, project: Project) -> Any:
    """Spell out what a study means by its flags: arms that control for order, and tokens of equal compute."""
    return _with_equal_compute(with_controls(raw), project) if isinstance(raw, dict) else raw


def _with_equal_compute(raw: dict[str, Any], project: Project) -> dict[str, Any]:
    """Tokens for every arm with a model of its own, where compute is matched and none are given.

    What cannot be read yet is left as it is: validation says what is wrong with it.
    """
    if raw.get("match") != "compute":
        return raw
    try:
        config = StudyConfig.model_validate(raw)
    except ValidationError:
        return raw
    baseline = _parameters(config, config.arm(config.baseline), project)
    arms = []
    for arm, given in zip(config.arms, raw["arms"], strict=True):
        own = _parameters(config, arm, project)
        row = refs.find(project, config.sequences_of(arm))
        if arm.budget_tokens is None and own and baseline and own != baseline and row is not None:
            length = int(row.manifest["sequence_length"])
            given = {**given, "budget_tokens": equal_compute(config.budget_tokens, length, baseline, own)}
        arms.append(given)
    return {**raw, "arms": arms}


def _parameters(config: StudyConfig, arm: ArmConfig, project: Project) -> int | None:
    row = refs.find(project, config.sequences_of(arm))
    return None if row is None else parameters_of(arm.model or config.train.model, int(row.manifest["vocab_size"]))


def check(config: StudyConfig, project: Project) -> None:
    """Arms that are the same, what a schedule of each arm would be refused for, ready schedules of another budget, and
    averages of more checkpoints than a run keeps.

    Raises:
        InputError: fields begin `arms.<number>`, or are the study's own.
    """
    problems = identical_arms(config) + wrong_budgets(config, _shown(config, project))
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


def _shown(config: StudyConfig, project: Project) -> dict[str, int]:
    """Ready schedule → tokens it shows."""
    named = {schedule.number for arm in config.arms for schedule in arm.schedules}
    rows = Schedule.objects.filter(project=project, pk__in=named)
    return {row.uid: int(row.manifest["num_tokens"]) for row in rows if row.manifest.get("num_tokens")}


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
        primary_outcome=config.primary_outcome.metric,
    )


def page(job: Job) -> str:
    return reverse("study-detail", args=[job.study.pk])


def conclude(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    """Decide on the evidence of all runs and keep the verdict."""
    config = StudyConfig.model_validate(job.config)
    study = Study.objects.select_for_update().get(job=job)
    verdict = decide(_evidence(config, finished))
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


def _evidence(config: StudyConfig, finished: Mapping[str, Finished]) -> StudyEvidence:
    scored_on = SequenceSet.objects.filter(pk=config.scored_on.number).first()
    unigram = scored_on.manifest["unigram_bits_per_byte"] if scored_on else {}
    rates = {arm.name: _learning_rate(config, config.trained_as(arm), finished) for arm in config.arms}
    return gather(config, finished, unigram, rates)


def _learning_rate(config: StudyConfig, arm: ArmConfig, finished: Mapping[str, Finished]) -> str:
    """Equal for arms that learnt alike. A rate that comes from the schedule counts as what the schedules say."""
    chosen = config.learning_rate_of(arm)
    said: list[Any] = [chosen.as_json()]
    if chosen.key == "planned":
        slots = [f"schedule/{arm.name}/{seed}" for seed in config.seeds]
        uids = [finished[slot].artifacts["schedule"] for slot in slots if slot in finished]
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
