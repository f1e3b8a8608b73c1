"""Reads of dry runs, and what a page draws of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404

from chimera.jobs import selectors as jobs
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from curriculum_app.models import Schedule, SequenceSet

OF_DRAFT, OF_SCHEDULE = "dry-run", "dry-run-schedule"
CELL = 20  # of the similarity map, in its own units


@dataclass(frozen=True)
class DryRun:
    """A dry-run job with what it is about; `report` is None until it has succeeded."""

    job: Job
    sequences: SequenceSet
    schedule: Schedule | None

    @property
    def report(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.job.summary.get("report")
        return found

    @property
    def tokens(self) -> int:
        return int(self.report["totals"]["tokens"]) if self.report else 0


def dry_run_get(actor: Actor, pk: int) -> DryRun:
    """The dry run of this project, or 404."""
    job = jobs.job_get(actor, pk)
    if job.kind == OF_SCHEDULE:
        found = schedules(actor).filter(pk=_number(job.config["schedule"])).first()
        if found is not None:
            return DryRun(job, found.sequence_set, found)
    elif job.kind == OF_DRAFT:
        number = _number(job.config["sequences"])
        rows = SequenceSet.objects.filter(project=actor.project, pk=number)
        if (row := rows.first()) is not None:
            return DryRun(job, row, None)
    raise Http404("no such dry run")


def schedules(actor: Actor) -> Any:
    return Schedule.objects.filter(project=actor.project).select_related("curriculum", "sequence_set__dataset")


def newest_of(actor: Actor, schedule: Schedule) -> DryRun | None:
    """The last dry run of a schedule, whatever became of it."""
    found = Job.objects.filter(project=actor.project, kind=OF_SCHEDULE, config__schedule=schedule.uid)
    job = found.order_by("-pk").first()
    return None if job is None else DryRun(job, schedule.sequence_set, schedule)


def _number(uid: str) -> int:
    return int(uid.rpartition("-")[2])


@dataclass(frozen=True)
class Bar:
    """A bar of the histogram of exposures: `documents` shown `label` times."""

    label: str
    documents: int
    share: float
    too_often: bool


def bars(documents: dict[str, Any]) -> list[Bar]:
    """From 0 times on; the last is open where documents are shown that often or more."""
    counts, most = documents["histogram"], max(documents["histogram"], default=0) or 1
    last = len(counts) - 1
    open_end = documents["max"] > last
    return [
        Bar(f"{times} or more" if times == last and open_end else str(times), count, count / most, times > 4)
        for times, count in enumerate(counts)
    ]


@dataclass(frozen=True)
class Cell:
    """A square of the similarity map; `strength` in [0, 1] is where it lies between the least alike and equal."""

    x: int
    y: int
    strength: str
    title: str


def cells(similarity: dict[str, Any]) -> list[Cell]:
    least = min(similarity["least"], similarity["shuffle_least"], 0.999)
    return [
        Cell(
            CELL * x,
            CELL * y,
            f"{0.06 + 0.94 * (value - least) / (1 - least):.3f}",
            f"{y + 1} and {x + 1}: {value:.4f}",
        )
        for y, row in enumerate(similarity["matrix"])
        for x, value in enumerate(row)
    ]


def drawn(found: DryRun) -> dict[str, Any]:
    """The context of the report's template; empty before there is a report."""
    report = found.report
    if report is None:
        return {}
    return {
        "report": report,
        "adherence": report["prefix"] if "max_deviation" in report["prefix"] else None,
        "bars": bars(report["documents"]),
        "cells": cells(report["similarity"]),
        "side": CELL * len(report["similarity"]["matrix"]),
    }
