"""Whether a study's order of arms carries over to another study with the same arms."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.projects.access import Actor
from eval_app.core.verdicts.transfer import LEAST_ARMS, Transfer, transfer
from eval_app.core.verdicts.verdict import Verdict
from eval_app.models import Study
from eval_app.selectors.studies import study_verdict

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
    others = Study.objects.filter(project=actor.project, verdict__isnull=False).exclude(pk=study.pk)[:MOST]
    alike = [other for other in others if len(names & _names(other)) >= LEAST_ARMS]
    found = [(other, study_verdict(other)) for other in alike]
    return [Carried(other, transfer(verdict, answer)) for other, answer in found if answer is not None]


def _names(study: Study) -> set[str]:
    """Of the arms, from the stored verdict as it is: most studies are only looked at for this."""
    return {arm["name"] for arm in (study.verdict or {}).get("arms", [])}
