"""Writes of votes: which of two answers is better, by a person or by a judge."""

from __future__ import annotations

from chimera.errors import InputError, Problem
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Role
from eval_app.core.configs_judge import JudgeConfig
from eval_app.core.jobs.judge_pairs import JudgeResult
from eval_app.core.win_rate import counted
from eval_app.models import EvalReport, PairVote


def vote(actor: Actor, candidate: EvalReport, baseline: EvalReport, task: str, item: str, choice: str) -> PairVote:
    """Keep a person's choice; choosing again replaces it.

    Raises:
        InputError: no such choice.
    """
    actor.require(Role.EDITOR)
    if choice not in PairVote.Choice.values:
        hint = f"one of {', '.join(PairVote.Choice.values)}"
        raise InputError(Problem(f"{choice!r} is no choice", field="choice", hint=hint))
    found, _ = PairVote.objects.update_or_create(
        candidate=candidate,
        baseline=baseline,
        task=task,
        item=item,
        voter=actor.name,
        judge=None,
        defaults={"choice": choice},
    )
    return found


def adopt_judged(job: Job, result: JudgeResult) -> Adopted:
    """One vote an item; a judge asked again replaces what it said."""
    config = JudgeConfig.model_validate(job.config)
    PairVote.objects.bulk_create(
        [
            PairVote(
                candidate_id=config.candidate.number,
                baseline_id=config.baseline.number,
                task=config.task,
                item=item,
                choice=choice,
                judge_id=config.judge.number,
            )
            for item, choice in result.choices.items()
        ],
        update_conflicts=True,
        unique_fields=["candidate", "baseline", "task", "item", "voter", "judge"],
        update_fields=["choice", "made_at"],
    )
    rate = counted(result.choices.values())
    low, high = rate.interval
    facts = {"rate": rate.rate, "low": low, "high": high, "wins": rate.wins, "ties": rate.ties, "losses": rate.losses}
    return Adopted({}, facts)
