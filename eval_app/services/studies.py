"""Writes of studies: the row at the start, the verdict at the end, the starter study of Home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted, Finished
from chimera.jobs.models import FINISHED, Job
from chimera.projects.access import Actor
from curriculum_app.models import SequenceSet
from eval_app.core.configs_study import StudyConfig
from eval_app.core.verdict import ArmEvidence, StudyEvidence, decide
from eval_app.models import Study


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
    arms = [_arm(arm.name, config.seeds, finished) for arm in config.arms]
    unigram = sequences.manifest["unigram_bits_per_byte"] if sequences else {}
    return StudyEvidence(seeds=config.seeds, arms=arms, baseline=config.baseline, unigram=unigram, alpha=config.alpha)


def _arm(name: str, seeds: list[int], finished: Mapping[str, Finished]) -> ArmEvidence:
    runs: dict[int, dict[str, Any]] = {seed: finished[f"train/{name}/{seed}"].summary for seed in seeds}
    return ArmEvidence(
        name=name,
        multisets={seed: run["multiset_digest"] for seed, run in runs.items()},
        scores={seed: run["held_out"] for seed, run in runs.items()},
    )


@transaction.atomic
def start_starter(actor: Actor, key: str = "") -> Job:
    """Start the starter study, or give the one that is still alive: one at a time is enough."""
    alive = Job.objects.filter(project=actor.project, kind="starter").exclude(state__in=FINISHED).first()
    if alive is not None:
        return alive
    job, _ = jobs.start(actor, "starter", {}, key=key)
    return job
