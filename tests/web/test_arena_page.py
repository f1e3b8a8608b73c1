"""The arena: every comparison of the project beside the paper's claim, filtered, exported, and only of this project."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from curriculum_app.models import Schedule
from eval_app.models import Reproduction, Study
from tests.conftest import signed_in
from tests.factories import make_sequences
from tests.web.study_factory import make_study

pytestmark = pytest.mark.django_db

SHUFFLED = {"name": "shuffled", "policy": {"key": "shuffle"}}
EASY = {"name": "easy", "policy": {"key": "easy_to_hard"}}


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def page_of(client: Client, **query: str) -> str:
    return " ".join(client.get(reverse("arena"), query).content.decode().split())


def three_studies(editor: Actor) -> list[Study]:
    """Easy wins clearly once and loses once; the warm-up comes out even."""
    warm = {"name": "warm", "policy": {"key": "procedural_warm_up"}}
    first = make_study(editor, arms=[SHUFFLED, EASY, warm], gains={"easy": 0.05, "warm": 0.0}, name="=First")
    schedule = Schedule.objects.get()
    second = make_study(editor, arms=[SHUFFLED, EASY], gains={"easy": -0.05}, schedule=schedule, name="Second")
    ready = {"name": "ready", "schedules": [schedule.uid] * 3}
    return [first, second, make_study(editor, arms=[SHUFFLED, ready], schedule=schedule, gains={"x": 0}, name="Third")]


def test_an_empty_arena_says_the_next_step(viewer_client: Client) -> None:
    page = page_of(viewer_client)
    assert "Nothing compared yet" in page and "Go to studies" in page and "CSV</a>" not in page
    assert reverse("arena") in viewer_client.get(reverse("studies")).content.decode()


def test_methods_stand_with_claim_interval_and_verdict_and_losers_stay(editor: Actor, editor_client: Client) -> None:
    first, second, _ = three_studies(editor)
    page = page_of(editor_client)
    assert page.index(">Easy to hard</h2>") < page.index(">Procedural warm-up</h2>")
    assert "1 better, 1 worse" in page and "No number of a paper is known here" in page
    assert "The paper's claim</strong> Equal loss with 55, 67 and 86 %" in page and "Not measured here." in page
    assert page.index(f'/studies/{first.pk}/"') < page.index(f'/studies/{second.pk}/"')
    interval = (first.verdict or {})["comparisons"][0]["interval"]
    assert f"{interval['low']:+.4f} … {interval['high']:+.4f}".replace("-", "−") in page
    assert "43.2 k" in page and 'class="reach"' in page
    assert "ready against shuffled" in page, "ready schedules count as the policy that made them"


def test_filters_choose_and_the_export_holds_what_is_shown(editor: Actor, editor_client: Client) -> None:
    three_studies(editor)
    lost = page_of(editor_client, method="easy_to_hard", word="worse")
    assert "Second" in lost and "First" not in lost and "Procedural warm-up</h2>" not in lost
    assert "No comparison fits" in page_of(editor_client, word="worse", compares="selection")
    sent = editor_client.get(reverse("arena-csv"), {"method": "easy_to_hard"})
    rows = list(csv.DictReader(io.StringIO(sent.content.decode())))
    assert [row["verdict"] for row in rows] == ["better", "worse"] and rows[0]["question"] == "'=First"
    assert float(rows[0]["high"]) < 0 and rows[0]["paper's claim"] == "" and rows[0]["parameters"] == "43168"
    everything = list(csv.DictReader(io.StringIO(editor_client.get(reverse("arena-csv")).content.decode())))
    assert len(everything) == 4 and any("arXiv 2601.21725" in row["source of the claim"] for row in everything)


def test_what_has_no_verdict_and_what_repeats_is_marked(editor: Actor, editor_client: Client) -> None:
    study = make_study(editor)
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 3200, "seeds": [1, 2, 3]}
    jobs.start(editor, "study", config)
    job = Job.objects.create(
        project=editor.project, kind="reproduce", config={}, composite=True, state=State.SUCCEEDED, fingerprint="0" * 64
    )
    Reproduction.objects.create(job=job, original=study)
    make_study(editor, schedule=study.sequence_set.schedules.first(), parent=job)  # type: ignore[union-attr]
    page = page_of(editor_client)
    assert f"repeats study-{study.pk}" in page and "no verdict yet" in page and "1 better, 1 running" in page


def test_other_projects_are_not_seen_and_queries_do_not_grow(
    editor: Actor, editor_client: Client, stranger: Actor, django_assert_max_num_queries: Any
) -> None:
    three_studies(editor)
    assert "Nothing compared yet" in page_of(signed_in(stranger))
    assert Client().get(reverse("arena")).status_code == 302
    with django_assert_max_num_queries(11):
        page_of(editor_client)
