"""What a curriculum is designed on: groups and tokens of a sequence set, and the mixture a draft plans for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chimera.errors import InputError, Problem
from chimera.jobs import refs
from chimera.projects.access import Actor
from chimera.projects.models import Project
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.curriculum_draft import CurriculumDraft
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import Curriculum, SequenceSet

POINTS = 160
FIRST = 1e-4  # the first position that is sampled on a log axis, as a share of the budget


@dataclass(frozen=True)
class Preview:
    """Shares of the groups at positions (shares of the budget); `shares` is (positions, groups)."""

    names: tuple[str, ...]
    grouping: str
    budget: int
    at: Float
    shares: Float

    def as_json(self) -> dict[str, Any]:
        said = {"names": list(self.names), "grouping": self.grouping, "budget": self.budget}
        return {**said, "at": self.at.round(7).tolist(), "shares": self.shares.round(5).tolist()}


def sampled(curve: MixtureCurve, grouping: str, budget: int) -> Preview:
    """A curve at positions that serve a linear and a log axis alike."""
    at = np.unique(np.concatenate([np.linspace(0, 1, POINTS // 2), np.geomspace(FIRST, 1, POINTS // 2)]))
    return Preview(curve.names, grouping, budget, at, curve.at(np.maximum(at, FIRST) * budget))


def preview(project: Project, draft: CurriculumDraft) -> Preview | None:
    """The mixture that a draft plans on its sequences; None where it names none.

    Raises:
        InputError: its policy cannot be meant for these sequences, or the budget cannot be given.
    """
    if draft.sequences is None:
        return None
    try:
        table = refs.open_ref(project, draft.sequences)
    except FileNotFoundError as error:
        raise InputError(Problem("its files are not on this machine", "sequences")) from error
    assert isinstance(table, SequenceTable)
    return planned(project, table, draft.policy, draft.budget_tokens or table.num_tokens)


def planned(project: Project, table: SequenceTable, policy: PolicyChoice, budget: int) -> Preview:
    """The mixture of a policy on a table.

    Raises:
        InputError: as `preview`.
    """
    built = policy.build()
    built.prepare(str(table.manifest["dataset"]), lambda ref: refs.open_ref(project, ref))
    try:
        pool = built.pool(table, budget, 0)
        curve = built.preview(PlanRequest(table, pool, 0, budget))
    except ValueError as error:  # a curve that cannot be fitted to what there is
        raise InputError(Problem(str(error), "policy.config")) from error
    names = table.manifest["groupings"].items()
    grouping = next((name for name, groups in names if tuple(groups) == curve.names), "")
    return sampled(curve, grouping, budget)


def mixture_of(row: Curriculum) -> Preview | None:
    """The mixture of a saved curriculum: of its newest schedule, else what it plans on the data it was designed on."""
    schedule = row.schedules.order_by("-pk").first()
    if schedule is not None and "curve" in schedule.manifest:
        return sampled(
            MixtureCurve.from_json(schedule.manifest["curve"]), schedule.manifest["grouping"], schedule.budget_tokens
        )
    if row.sequence_set is None:
        return None
    table = refs.opened(SequenceTable, row.sequence_set)
    if table is None:
        return None
    try:
        policy = PolicyChoice(key=row.policy, config=row.config)
        return planned(row.project, table, policy, row.budget_tokens or table.num_tokens)
    except (InputError, ValueError):  # its policy has gone, or asks for more than there is
        return None


def sequence_set(actor: Actor, uid: str) -> SequenceSet | None:
    """The sequence set of this project called `uid`; the newest one if it says nothing, None if there is none such."""
    found = SequenceSet.objects.filter(project=actor.project).order_by("-pk")
    number = uid.removeprefix("sequences-")
    if uid:
        found = found.filter(pk=int(number)) if number.isdecimal() and len(number) < 19 else found.none()
    return found.first()


def data_of(row: SequenceSet) -> dict[str, Any]:
    """What the designer draws on: groups of every grouping with their tokens, and how long sequences are."""
    manifest = row.manifest
    groupings = {
        name: [{"name": group, "tokens": tokens} for group, tokens in zip(names, counts, strict=True)]
        for name, names in manifest["groupings"].items()
        for counts in [manifest["tokens_by_group"][name]]
    }
    return {
        "uid": row.uid,
        "label": row.label,
        "tokens": row.tokens,
        "sequence_length": manifest.get("sequence_length"),
        "groupings": groupings,
    }


def schedule_config(row: Curriculum) -> dict[str, Any]:
    """The config of a schedule of this curriculum on the data it was designed on, as far as that is known."""
    known: dict[str, Any] = {"name": row.name, "policy": {"key": row.policy, "config": row.config}}
    if row.sequence_set_id:
        known["sequences"] = f"sequences-{row.sequence_set_id}"
    return known | ({"budget_tokens": row.budget_tokens} if row.budget_tokens else {})
