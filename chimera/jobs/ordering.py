"""The order of what waits in a queue, and how two people change it without undoing each other.

An entry is what somebody has started: a job, or a composite with all that waits of it. Entries of a project trade the
places (priority and position) they hold, so jobs of other projects stay exactly where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from chimera.errors import InputError, Problem
from chimera.jobs import bell
from chimera.jobs.models import FINISHED, ORDER, Job, State
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role

MOST_SHOWN = 500


@dataclass(frozen=True)
class Entry:
    """A root with what waits of it in this queue (`waiting`, in the order in which workers take it)."""

    root: Job
    waiting: tuple[Job, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Smaller is earlier: the place of the first one that a worker takes."""
        first = self.waiting[0]
        return -first.priority, first.position if first.position is not None else first.pk

    @property
    def next(self) -> Job:
        return self.waiting[0]


def entries_of(actor: Actor, queue: str) -> list[Entry]:
    """What the project has waiting in `queue`, the next one first."""
    waiting = list(_waiting(actor, queue).select_related("parent", "created_by")[:MOST_SHOWN])
    roots = _roots(waiting)
    grouped: dict[int, list[Job]] = {}
    for job in waiting:
        grouped.setdefault(roots[job.pk].pk, []).append(job)
    return [Entry(roots[jobs[0].pk], tuple(jobs)) for jobs in grouped.values()]


def queues_with_entries(actor: Actor) -> list[str]:
    """Queues in which something of the project waits."""
    rows = Job.objects.filter(project=actor.project, state=State.QUEUED, composite=False)
    return sorted(set(rows.order_by().values_list("queue", flat=True).distinct()))


@transaction.atomic
def reorder(actor: Actor, queue: str, seen: Sequence[int], wanted: Sequence[int]) -> None:
    """Put the entries with the roots `wanted` into that order; `seen` is the order that the user had before them.

    What has started or come meanwhile is no conflict: the rest trades its places.

    Raises:
        InputError: somebody else has changed the order since it was seen, or `wanted` is no order of `seen`.
    """
    actor.require(Role.EDITOR)
    if sorted(seen) != sorted(wanted) or len(set(wanted)) != len(wanted):
        raise InputError(Problem("the new order must hold exactly what was in the old one", field="wanted"))
    Project.objects.select_for_update().get(pk=actor.project.pk)  # one change of order at a time
    here = {entry.root.pk: entry for entry in entries_of(actor, queue) if entry.root.pk in set(seen)}
    if list(here) != [pk for pk in seen if pk in here]:
        raise InputError(Problem("somebody else has changed the order meanwhile", hint="this is it now: try again"))
    entries = list(here.values())
    for pk, place in zip([pk for pk in wanted if pk in here], [entry.place for entry in entries], strict=True):
        if here[pk].place != place:
            _put(here[pk].root, *place)
    for entry in entries:
        bell.job_changed(entry.root)


def moved(order: Sequence[int], pk: int, by: int) -> list[int]:
    """`order` with `pk` moved `by` places (to the end, if that is nearer)."""
    rest = [item for item in order if item != pk]
    place = max(0, min(len(rest), list(order).index(pk) + by))
    return [*rest[:place], pk, *rest[place:]]


def _put(root: Job, minus_priority: int, position: int) -> None:
    """The whole tree of a composite stands in one place, also what it creates later."""
    tree = [root.pk]
    level = tree
    while level:
        level = list(Job.objects.filter(parent__in=level).exclude(state__in=FINISHED).values_list("pk", flat=True))
        tree += level
    alive = Job.objects.filter(pk__in=tree).exclude(state__in=FINISHED)
    locked = list(alive.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    Job.objects.filter(pk__in=locked).update(priority=-minus_priority, position=position)


def _waiting(actor: Actor, queue: str) -> QuerySet[Job]:
    rows = Job.objects.filter(project=actor.project, state=State.QUEUED, composite=False, queue=queue)
    return rows.order_by(*ORDER)


def _roots(jobs: list[Job]) -> dict[int, Job]:
    """The outermost job around each of `jobs`."""
    around = {job.pk: job for job in jobs}
    above = {job.parent_id for job in jobs if job.parent_id} - around.keys()
    while above:
        found = Job.objects.filter(pk__in=above).select_related("created_by")
        around |= {job.pk: job for job in found}
        above = {job.parent_id for job in found if job.parent_id} - around.keys()
    roots = {}
    for job in jobs:
        root = job
        while root.parent_id is not None:
            root = around[root.parent_id]
        roots[job.pk] = root
    return roots
