"""Reads of evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.projects.access import Actor
from eval_app.core.held_out_scores import DomainResult, HeldOutResult, TextSums
from eval_app.models import EvalReport


def report_get(actor: Actor, pk: int) -> EvalReport:
    """Raises Http404 for another project's report."""
    reports = EvalReport.objects.filter(project=actor.project).select_related("checkpoint__run", "sequence_set")
    return get_object_or_404(reports, pk=pk)


@dataclass(frozen=True)
class HeldOutRow:
    """A domain: bits per byte, what token frequencies alone reach, and the rest where it was kept."""

    domain: str
    bits_per_byte: float | None
    unigram: float | None
    result: DomainResult | None


@dataclass(frozen=True)
class HeldOutTable:
    """Held-out text of a report; `micro` and `means` are None in those of before sums were kept."""

    rows: list[HeldOutRow]
    macro: float | None
    micro: TextSums | None
    means: dict[str, float] | None
    cut: dict[str, Any]

    @property
    def seen(self) -> list[DomainResult]:
        """Domains with documents that the checkpoint was trained on."""
        return [row.result for row in self.rows if row.result is not None and row.result.seen]


def held_out(report: EvalReport) -> HeldOutTable | None:
    """None where no held-out text was scored."""
    unigram: dict[str, float] = report.manifest.get("unigram", {})
    if not unigram:
        return None
    kept = report.manifest.get("held_out")
    result = HeldOutResult.model_validate({"domains": kept["domains"]}) if kept else None
    by_domain = {each.domain: each for each in result.domains} if result else {}
    rows = [
        HeldOutRow(domain, report.scores.get(f"held_out/{domain}"), value, by_domain.get(domain))
        for domain, value in sorted(unigram.items())
    ]
    means = ("token_perplexity", "word_perplexity", "byte_perplexity")
    return HeldOutTable(
        rows,
        report.scores.get("held_out/macro"),
        result.micro if result else None,
        {name: result.macro(name) for name in means} if result else None,
        kept["cut"] if kept else {},
    )


def reports(actor: Actor) -> QuerySet[EvalReport]:
    """Newest first."""
    return EvalReport.objects.filter(project=actor.project).select_related("checkpoint").order_by("-pk")
