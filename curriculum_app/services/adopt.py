"""Rows for the results of the jobs of this app, written in the transaction that ends the job."""

from __future__ import annotations

from typing import Any, Protocol

from chimera.artefacts import Stored
from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from curriculum_app.core.clustering.config import ClusterConfig
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.configs_order import GroupConfig, PolicyChoice, ScheduleConfig
from curriculum_app.core.dataset_version import VersionResult
from curriculum_app.core.jobs.cluster import ClusteringResult
from curriculum_app.core.jobs.count_tokens import CountTokensResult
from curriculum_app.core.jobs.group import SequencesResult
from curriculum_app.core.jobs.measure import ColumnsResult
from curriculum_app.core.jobs.schedule import ScheduleResult
from curriculum_app.models import Clustering, ColumnSet, DatasetVersion, Schedule, SequenceSet
from curriculum_app.services.curricula import curriculum_for


def adopt_import(job: Job, result: VersionResult) -> Adopted:
    return _adopted(_dataset(job, result.stored, DatasetVersion.Stage.RAW))


def adopt_procedural(job: Job, result: VersionResult) -> Adopted:
    return _adopted(_dataset(job, result.stored, DatasetVersion.Stage.GENERATED))


def adopt_curate(job: Job, result: VersionResult) -> Adopted:
    row = _dataset(job, result.stored, DatasetVersion.Stage.CURATED)
    row.parents.set([ref.number for ref in CurateConfig.model_validate(job.config).datasets])
    return _adopted(row)


def adopt_measure(job: Job, result: ColumnsResult) -> Adopted:
    config = MeasureConfig.model_validate(job.config)
    row = adopt_artefact(ColumnSet, job, result.stored, config.name, dataset_id=config.dataset.number)
    return Adopted({"columns": row.uid}, {"columns": len(config.measures), "taken_over": result.reused})


def adopt_cluster(job: Job, result: ClusteringResult) -> Adopted:
    config = ClusterConfig.model_validate(job.config)
    manifest = result.stored.manifest
    row = adopt_artefact(
        Clustering, job, result.stored, config.name, dataset_id=config.dataset.number, clusters=manifest["clusters"]
    )
    return Adopted({"clustering": row.uid}, {"clusters": row.clusters, **manifest["quality"]})


def adopt_group(job: Job, result: SequencesResult) -> Adopted:
    config = GroupConfig.model_validate(job.config)
    manifest = result.stored.manifest
    row = adopt_artefact(
        SequenceSet,
        job,
        result.stored,
        config.name,
        dataset_id=config.dataset.number,
        sequences=manifest["num_sequences"],
        tokens=manifest["num_tokens"],
    )
    return Adopted({"sequences": row.uid}, {"sequences": row.sequences, "tokens": row.tokens})


def adopt_count_tokens(job: Job, result: CountTokensResult) -> Adopted:
    """No row: a count is found in the store by the hashes of version and tokenizer."""
    totals = {
        sha[:12]: sum(tally["tokens"] for tally in counts["domains"].values()) for sha, counts in result.counts.items()
    }
    return Adopted({}, {"tokens": totals})


def adopt_schedule(job: Job, result: ScheduleResult) -> Adopted:
    config = ScheduleConfig.model_validate(job.config)
    row = schedule_row(job, result.stored, config, config.sequences.number, budget_tokens=config.budget_tokens)
    return Adopted({"schedule": row.uid}, {"order_digest": row.order_digest, "pool_digest": row.pool_digest})


class Planned(Protocol):
    """What the config of a job that makes a schedule says of its curriculum."""

    @property
    def name(self) -> str: ...
    @property
    def policy(self) -> PolicyChoice: ...
    @property
    def seed(self) -> int: ...


def schedule_row(job: Job, stored: Stored, config: Planned, sequence_set_id: int, **facts: Any) -> Schedule:
    """The row of a stored schedule, with its curriculum; `facts` are further columns of a new curriculum."""
    by = job.created_by.get_username() if job.created_by else ""
    curriculum, _ = curriculum_for(
        job.project, config.name, config.policy, job=job, sequence_set_id=sequence_set_id, created_by=by, **facts
    )
    return adopt_artefact(
        Schedule,
        job,
        stored,
        f"{config.name} · seed {config.seed}",
        curriculum=curriculum,
        sequence_set_id=sequence_set_id,
        seed=config.seed,
        budget_tokens=stored.manifest["num_tokens"],
        pool_digest=stored.manifest["pool"]["digest"],
        order_digest=stored.manifest["order_digest"],
    )


def _dataset(job: Job, stored: Stored, stage: str) -> DatasetVersion:
    documents = stored.manifest["counts"]["documents"]
    return adopt_artefact(DatasetVersion, job, stored, stored.manifest["name"], stage=stage, documents=documents)


def _adopted(row: DatasetVersion) -> Adopted:
    return Adopted({"dataset": row.uid}, {"documents": row.documents, "bytes": row.bytes})
