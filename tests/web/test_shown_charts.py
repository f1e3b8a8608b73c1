"""The charts of what a schedule shows when."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from chimera.projects.access import Actor
from curriculum_app.models import Schedule
from tests.factories import make_schedule

pytestmark = pytest.mark.django_db
RANKS = {"tokens": [10, 20], "low": [0.0, 0.4], "middle": [0.1, 0.6], "high": [0.2, 0.9]}
DISTRIBUTION = {"share": [0.0, 0.5, 1.0], "value": [0.1, 0.2, 0.9]}


@pytest.fixture
def schedule(editor: Actor) -> Schedule:
    return make_schedule(editor)


def with_facts(schedule: Schedule, **facts: object) -> Schedule:
    schedule.manifest = {**schedule.manifest, "facts": facts}
    schedule.save(update_fields=["manifest"])
    return schedule


def figure(client: Client, schedule: Schedule, name: str) -> dict:  # type: ignore[type-arg]
    response = client.get(reverse("schedule-shown", args=[schedule.pk, name]))
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


def test_lengths_are_drawn_as_steps(viewer_client: Client, schedule: Schedule) -> None:
    with_facts(schedule, lengths={"tokens": [0, 80], "length": [8, 32]})
    drawn = figure(viewer_client, schedule, "lengths")
    assert drawn["data"][0]["line"]["shape"] == "hv" and drawn["table"]["rows"] == [[0, 8], [80, 32]]
    assert "Length of rows" in viewer_client.get(reverse("schedule-detail", args=[schedule.pk])).content.decode()


@pytest.mark.parametrize(("preset", "border"), [("easy_to_hard", [0.5, 1.0]), ("hard_to_easy", [0.5, 0.0])])
def test_difficulty_is_drawn_with_the_border_of_what_is_allowed(
    viewer_client: Client, schedule: Schedule, preset: str, border: list[float]
) -> None:
    pacing = {**RANKS, "preset": preset, "allowed": [0.5, 1.0], "distribution": DISTRIBUTION}
    with_facts(schedule, pacing=pacing, unknown_tokens=0.2)
    drawn = figure(viewer_client, schedule, "ranks")
    assert drawn["data"][-1]["y"] == border and drawn["table"]["columns"][-1] == "allowed"
    marks = figure(viewer_client, schedule, "distribution")["data"][1]
    assert marks["x"][0] == 0.2 and len(marks["text"]) == 4
    page = viewer_client.get(reverse("schedule-detail", args=[schedule.pk])).content.decode()
    assert "a chosen column says nothing" in page


def test_the_control_has_no_border(viewer_client: Client, schedule: Schedule) -> None:
    with_facts(schedule, pacing={**RANKS, "preset": "control", "allowed": [0.5, 1], "distribution": DISTRIBUTION})
    assert "allowed" not in figure(viewer_client, schedule, "ranks")["table"]["columns"]
    assert len(figure(viewer_client, schedule, "distribution")["data"]) == 1


def test_quality_says_which_average_belongs_to_it(viewer_client: Client, schedule: Schedule) -> None:
    with_facts(schedule, quality={**RANKS, "distribution": DISTRIBUTION, "ending": "moderate"}, unknown_tokens=0.0)
    page = viewer_client.get(reverse("schedule-detail", args=[schedule.pk])).content.decode()
    assert "average the last six" in page and "Its own learning rate (moderate)" in page
    assert figure(viewer_client, schedule, "ranks")["alt"].startswith("Rank by quality")


def test_a_schedule_without_such_facts_has_no_such_chart(viewer_client: Client, schedule: Schedule) -> None:
    for name in ("lengths", "ranks", "distribution", "nothing"):
        assert viewer_client.get(reverse("schedule-shown", args=[schedule.pk, name])).status_code == 404
    assert "Length of rows" not in viewer_client.get(reverse("schedule-detail", args=[schedule.pk])).content.decode()
