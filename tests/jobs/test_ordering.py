"""The order of the queue: entries trade their places, composites move whole, and nobody undoes another's change."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import leasing, ordering, runner, selectors, services
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def waiting(actor: Actor, *names: str) -> list[int]:
    return [services.start(actor, "t-count", {"name": name})[0].pk for name in names]


def order(actor: Actor) -> list[int]:
    return [entry.root.pk for entry in ordering.entries_of(actor, "cpu")]


def taken() -> list[int]:
    """The jobs in the order in which a worker takes them."""
    found = []
    while claim := leasing.claim("cpu"):
        found.append(claim[0].pk)
    return found


def test_workers_take_jobs_in_the_order_that_was_dragged(editor: Actor) -> None:
    a, b, c = waiting(editor, "a", "b", "c")
    ordering.reorder(editor, "cpu", [a, b, c], [c, a, b])
    assert order(editor) == [c, a, b] == taken()


def test_jobs_of_other_projects_stay_where_they_are(editor: Actor, stranger: Actor) -> None:
    a = waiting(editor, "a")[0]
    x = waiting(stranger, "x")[0]
    b = waiting(editor, "b")[0]
    ordering.reorder(editor, "cpu", [a, b], [b, a])
    assert taken() == [b, x, a]


def test_places_keep_their_priority_and_later_jobs_come_behind(editor: Actor) -> None:
    a, b = waiting(editor, "a", "b")
    services.set_priority(editor, Job.objects.get(pk=b), 5)
    assert order(editor) == [b, a]
    ordering.reorder(editor, "cpu", [b, a], [a, b])
    assert list(Job.objects.order_by("pk").values_list("priority", flat=True)) == [5, 0]
    c = waiting(editor, "c")[0]
    assert taken() == [a, b, c]


def test_a_composite_moves_whole_with_what_it_creates_later(editor: Actor) -> None:
    a = waiting(editor, "a")[0]
    study, _ = services.start(editor, "t-pairs", {"pairs": 2})
    b = waiting(editor, "b")[0]
    assert order(editor) == [a, study.pk, b]
    ordering.reorder(editor, "cpu", [a, study.pk, b], [study.pk, a, b])
    assert runner.run_next("cpu")
    children = list(study.children.order_by("pk").values_list("slot", "state"))
    assert children == [("first/0", "succeeded"), ("first/1", "queued"), ("second/0", "queued")]
    assert order(editor) == [study.pk, a, b]
    assert taken()[-2:] == [a, b]


def test_a_composite_keeps_its_place_although_its_children_are_younger(editor: Actor) -> None:
    study, _ = services.start(editor, "t-pairs", {"pairs": 1})
    a = waiting(editor, "a")[0]
    assert runner.run_next("cpu")
    second = study.children.get(slot="second/0").pk
    assert taken() == [second, a]


def test_the_second_of_two_people_is_told_and_undoes_nothing(editor: Actor) -> None:
    a, b, c = waiting(editor, "a", "b", "c")
    ordering.reorder(editor, "cpu", [a, b, c], [b, a, c])
    with pytest.raises(InputError, match="somebody else has changed the order"):
        ordering.reorder(editor, "cpu", [a, b, c], [c, a, b])
    assert order(editor) == [b, a, c]


def test_a_job_that_has_started_or_come_meanwhile_is_no_conflict(editor: Actor) -> None:
    a, b, c = waiting(editor, "a", "b", "c")
    claim = leasing.claim("cpu")
    assert claim is not None and claim[0].pk == a
    d = waiting(editor, "d")[0]
    ordering.reorder(editor, "cpu", [a, b, c], [c, a, b])
    assert order(editor) == [c, b, d]
    assert Job.objects.get(pk=a).position is None


@pytest.mark.parametrize("wanted", [[1], [1, 2, 2], [1, 2, 3, 4], []])
def test_an_order_must_be_an_order_of_what_was_seen(editor: Actor, wanted: list[int]) -> None:
    with pytest.raises(InputError, match="exactly what was"):
        ordering.reorder(editor, "cpu", [1, 2, 3], wanted)


def test_a_viewer_cannot_reorder_and_strangers_see_nothing(editor: Actor, viewer: Actor, stranger: Actor) -> None:
    a, b = waiting(editor, "a", "b")
    with pytest.raises(PermissionDenied):
        ordering.reorder(viewer, "cpu", [a, b], [b, a])
    assert order(stranger) == []
    ordering.reorder(stranger, "cpu", [a, b], [b, a])
    assert order(editor) == [a, b]


@pytest.mark.parametrize(("by", "place"), [("-1", 1), ("1", 3), ("top", 0)])
def test_buttons_work_without_scripts(editor: Actor, by: str, place: int) -> None:
    jobs = waiting(editor, "a", "b", "c", "d")
    sent = {"queue": "cpu", "seen": ",".join(map(str, jobs)), "entry": str(jobs[2]), "by": by}
    response = signed_in(editor).post(reverse("job-queue-order"), sent)
    assert response["Location"] == reverse("job-queue-page") and order(editor).index(jobs[2]) == place
    assert selectors.ahead_in_queue(Job.objects.get(pk=jobs[2])) == place


def test_a_conflict_shows_the_order_as_it_is_now(editor: Actor) -> None:
    a, b = waiting(editor, "a", "b")
    sent = {"queue": "cpu", "seen": f"{b},{a}", "order": f"{a},{b}"}
    page = signed_in(editor).post(reverse("job-queue-order"), sent, headers={"HX-Request": "true"}).content.decode()
    assert "somebody else has changed the order" in page and f'data-seen="{a},{b}"' in page
    wrong = {"queue": "cpu", "seen": "x", "order": "1"}
    assert (
        "a list of numbers"
        in signed_in(editor).post(reverse("job-queue-order"), wrong, headers={"HX-Request": "true"}).content.decode()
    )


def test_the_page_costs_the_same_queries_for_three_jobs_and_for_forty(editor: Actor) -> None:
    client = signed_in(editor)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("job-queue-page")).status_code == 200
        return len(queries)

    services.start(editor, "t-pairs", {"pairs": 2})
    waiting(editor, "a")
    few = cost()
    waiting(editor, *(f"job {number}" for number in range(40)))
    assert cost() == few
