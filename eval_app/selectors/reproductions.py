"""Reads of reproductions: of what a study is one, and who has repeated it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.jobs.models import new_idempotency_key
from eval_app.models import Reproduction, Study


@dataclass(frozen=True)
class Repetition:
    """A reproduction beside the study it has made (None before its first transaction has ended)."""

    row: Reproduction
    study: Study | None

    @property
    def state(self) -> str:
        return self.row.job.state

    @property
    def result(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.row.result
        return found


def reproductions_of(study: Study) -> list[Repetition]:
    """The newest first; in two queries."""
    rows = list(Reproduction.objects.filter(original=study).select_related("job"))
    studies = Study.objects.filter(job__parent__in=[row.job_id for row in rows]).select_related("job")
    made = {each.job.parent_id: each for each in studies}
    return [Repetition(row, made.get(row.job_id)) for row in rows]


def reproduction_by(study: Study) -> Reproduction | None:
    """What this study repeats."""
    parent = study.job.parent_id
    if parent is None:
        return None
    return Reproduction.objects.filter(job=parent).select_related("job", "original").first()


def shown(study: Study) -> dict[str, Any]:
    """What the page of a study shows of it, and the key of its button."""
    return {
        "repeats": reproduction_by(study),
        "repetitions": reproductions_of(study),
        "idempotency_key": new_idempotency_key(),
    }
