"""Whether a study's order of arms carries over to another study with the same arms."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.projects.access import Actor
from eval_app.core.verdicts.transfer import LEAST_ARMS, Transfer, transfer
from eval_app.core.verdicts.verdict import Verdict
from eval_app.models import Study
from eval_app.selectors.studies import study_list, study_verdict

MOST = 100  # of the newest studies are looked through


@dataclass(frozen=True)
class Carried:
    """This study as the proxy of another."""

    target: Study
    transfer: Transfer


def transfers_of(actor: Actor, study: Study, verdict: Verdict) -> list[Carried]:
    """To every decided study that has at least four of its arms by name."""
    names = {arm.name for arm in verdict.arms}
    if len(names) < LEAST_ARMS:
        return []
    others = study_list(actor).exclude(pk=study.pk).filter(verdict__isnull=False)[:MOST]
    found = [(other, answer) for other in others if (answer := study_verdict(other)) is not None]
    return [
        Carried(other, transfer(verdict, answer))
        for other, answer in found
        if len(names & {arm.name for arm in answer.arms}) >= LEAST_ARMS
    ]
