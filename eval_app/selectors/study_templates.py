"""Reads for templates of studies: sequences to choose from and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import QueryDict

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from curriculum_app.models import SequenceSet
from eval_app.core.study_templates import Chosen

MOST = 200


def sequences_for_studies(actor: Actor) -> list[SequenceSet]:
    """The newest first."""
    return list(SequenceSet.objects.filter(project=actor.project).order_by("-pk")[:MOST])


def groupings_of(sequences: Iterable[SequenceSet]) -> list[str]:
    """Every grouping of any of them; those of quality first."""
    names = {name for row in sequences for name in row.manifest.get("groupings", {})}
    return sorted(names, key=lambda name: (not name.startswith("quality"), name))


def chosen(actor: Actor, asked: QueryDict) -> Chosen:
    """What a user has chosen for a template.

    Raises:
        InputError: no sequences are chosen, or what is chosen is not in the project.
    """
    wanted = [uid for uid in [*asked.getlist("variants"), *asked.getlist("sequences")] if uid]
    known = {row.uid: row for row in sequences_for_studies(actor)}
    rows = [known[uid] for uid in dict.fromkeys(wanted) if uid in known]
    if not rows or len(rows) < len(set(wanted)):
        hint = "make some with Group" if not known else "choose from the list"
        raise InputError(Problem("these sequences are not in the project", "sequences", hint=hint))
    held_out = asked.get("held_out", "")
    rows.sort(key=lambda row: row.uid != held_out)  # the form that gives the held-out text is the study's own
    return Chosen(
        [row.uid for row in rows],
        rows[0].manifest,
        [row.name for row in rows],
        grouping=asked.get("grouping", ""),
        held_out=held_out if held_out in known else "",
    )
