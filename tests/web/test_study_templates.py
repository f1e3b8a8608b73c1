"""New study: from a template to the form, without anything started."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from chimera.projects.access import Actor
from eval_app.models import Study
from tests.factories import make_schedule, make_sequences
from tests.web.study_factory import make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


def test_without_sequences_the_page_says_the_next_step(editor_client: Client) -> None:
    page = editor_client.get(reverse("study-new")).content.decode()
    assert "No sequences yet" in page and "Make sequences" in page


def test_a_template_leads_to_the_filled_form_and_starts_nothing(editor: Actor, editor_client: Client) -> None:
    sequences = make_sequences(editor)
    page = editor_client.get(reverse("study-new")).content.decode()
    assert "Quantile benchmarking" in page and sequences.uid in page
    for key in ("starter", "length-warm-up", "quality-ascending", "worth-in-tokens"):
        response = editor_client.get(reverse("study-template", args=[key]), {"sequences": sequences.uid}, follow=True)
        assert response.status_code == 200 and "arms" in response.content.decode()
    quantiles = {"sequences": sequences.uid, "grouping": "difficulty"}
    form = editor_client.get(reverse("study-template", args=["quantiles"]), quantiles, follow=True)
    assert "fixed_mixture" in form.content.decode()
    assert not Study.objects.exists()


def test_the_form_that_gives_the_held_out_text_is_the_baseline(editor: Actor, editor_client: Client) -> None:
    plain, other = make_sequences(editor), make_sequences(editor, name="host first")
    asked = {"variants": [other.uid, plain.uid], "held_out": plain.uid}
    answer = editor_client.get(reverse("study-template", args=["variants"]), asked)
    config = json.loads(parse_qs(urlsplit(answer["Location"]).query)["config"][0])
    assert [arm["sequences"] for arm in config["arms"]] == [plain.uid, other.uid]
    assert (config["sequences"], config["baseline"]) == (plain.uid, config["arms"][0]["name"])


def test_what_a_template_cannot_use_is_said_beside_it(editor: Actor, editor_client: Client) -> None:
    sequences = make_sequences(editor)
    asked = {"sequences": sequences.uid, "grouping": "nonsense"}
    response = editor_client.get(reverse("study-template", args=["quantiles"]), asked)
    assert response.status_code == 422 and "have no grouping" in response.content.decode()
    assert (
        editor_client.get(reverse("study-template", args=["starter"]), {"sequences": "sequences-99"}).status_code == 422
    )
    assert editor_client.get(reverse("study-template", args=["nonsense"])).status_code == 404


def test_a_viewer_cannot_begin_one(viewer_client: Client) -> None:
    assert viewer_client.get(reverse("study-new")).status_code == 403


def test_a_study_of_quantiles_draws_quality_against_performance(editor: Actor, editor_client: Client) -> None:
    schedule = make_schedule(editor)
    names = schedule.sequence_set.manifest["groupings"]["difficulty"]
    arms: list[dict[str, Any]] = [{"name": "everything", "policy": {"key": "shuffle"}}]
    for number, name in enumerate(names[:3]):
        config = {"grouping": "difficulty", "shares": {name: 1.0}}
        arms.append({"name": f"only {number}", "policy": {"key": "fixed_mixture", "config": config}})
    gains = {"only 0": -0.1, "only 1": 0.0, "only 2": 0.05}
    study = make_study(editor, schedule=schedule, arms=arms, gains=gains)
    page = editor_client.get(reverse("study-detail", args=[study.pk])).content.decode()
    assert "Quality against performance" in page
    figure = editor_client.get(reverse("study-quantiles", args=[study.pk])).json()
    assert [row[1] for row in figure["table"]["rows"]] == ["only 0", "only 1", "only 2"]
    assert 0 < sum(row[3] for row in figure["table"]["rows"]) <= 1
    other = make_study(editor, schedule=schedule)
    assert editor_client.get(reverse("study-quantiles", args=[other.pk])).status_code == 404
