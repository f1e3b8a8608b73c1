"""Jobs, artefacts and kinds as JSON, for the REST door and the command line alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chimera.jobs.kinds import JobKind
from chimera.jobs.models import Artefact, Job


class ProgressOut(BaseModel):
    """How far a job is; `total` is null while nobody knows, `rate` (units a second) and what follows while unknown."""

    done: int
    total: int | None
    unit: str
    message: str
    rate: float | None
    seconds_left: float | None


class ProblemOut(BaseModel):
    """One thing that is wrong with an input, in the same words at every door."""

    message: str
    field: str = ""
    file: str = ""
    line: int | None = None
    hint: str = ""


class ProblemsOut(BaseModel):
    """The body of every refusal."""

    problems: list[ProblemOut]


class JobOut(BaseModel):
    """A job as the API shows it."""

    job: str
    kind: str
    name: str
    status: str
    control: str
    attempt: int
    priority: int
    parent: str | None
    slot: str
    progress: ProgressOut
    artifacts: dict[str, str]
    summary: dict[str, Any]
    problems: list[ProblemOut]
    error: str
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    config: dict[str, Any]


class ArtefactOut(BaseModel):
    """A stored thing: its manifest names its files with their sha256."""

    uid: str
    kind: str
    name: str
    version: int
    digest: str
    bytes: int
    job: str | None
    created_at: datetime
    deleted_at: datetime | None
    deleted_by: str
    manifest: dict[str, Any]


class KindOut(BaseModel):
    """A kind of job with the JSON Schema of its config."""

    kind: str
    title: str
    summary: str
    composite: bool
    config_schema: dict[str, Any]


def describe_job(job: Job) -> JobOut:
    return JobOut(
        job=job.uid,
        kind=job.kind,
        name=job.name,
        status=job.state,
        control=job.control,
        attempt=job.attempt,
        priority=job.priority,
        parent=f"job-{job.parent_id}" if job.parent_id else None,
        slot=job.slot,
        progress=ProgressOut(
            done=job.done,
            total=job.total,
            unit=job.unit,
            message=job.message,
            rate=job.rate,
            seconds_left=job.seconds_left,
        ),
        artifacts=job.artifacts,
        summary=job.summary,
        problems=[ProblemOut(**problem) for problem in job.problems],
        error=job.error_text,
        created_by=job.created_by.get_username() if job.created_by else "",
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        config=job.config,
    )


def describe_artefact(row: Artefact) -> ArtefactOut:
    return ArtefactOut(
        uid=row.uid,
        kind=row.ref_kind,
        name=row.name,
        version=row.version,
        digest=row.digest,
        bytes=row.bytes,
        job=f"job-{row.job_id}" if row.job_id else None,
        created_at=row.created_at,
        deleted_at=getattr(row, "deleted_at", None),
        deleted_by=getattr(row, "deleted_by", ""),
        manifest=row.manifest,
    )


def describe_kind(kind: JobKind) -> KindOut:
    return KindOut(
        kind=kind.name,
        title=kind.title,
        summary=kind.summary,
        composite=kind.composite,
        config_schema=kind.config.model_json_schema(),
    )
