"""The study page with many arms, yardsticks and controls; and what a study is refused for, the same at every door."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import services
from chimera.projects.access import Actor
from curriculum_app.core.configs_order import PolicyChoice
from eval_app.models import Study
from eval_app.selectors.studies import words_of
from tests.factories import make_sequences
from tests.web.study_factory import make_study

pytestmark = pytest.mark.django_db

ARMS: list[dict[str, Any]] = [
    {"name": "shuffled", "policy": {"key": "shuffle"}},
    {"name": "easy-to-hard", "policy": {"key": "easy_to_hard"}},
    {"name": "best", "policy": {"key": "selective_repetition"}},
    {"name": "best shuffled", "shuffled_of": "best"},
]
SAME = [*ARMS[:2], {**ARMS[1], "name": "again"}]


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


def shown(client: Client, study: Study) -> str:
    response = client.get(reverse("study-detail", args=[study.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_arms_stand_by_the_end_of_their_interval_that_speaks_least_for_them(
    editor: Actor, editor_client: Client
) -> None:
    study = make_study(editor, arms=ARMS, gains={"easy-to-hard": -0.05, "best": 0.08, "best shuffled": 0.02})
    page = shown(editor_client, study)
    table = page[page.index('id="arms"') : page.index("Arms that lost stay listed")]
    places = [
        table.index(f'<th scope="row">{name}</th>') for name in ("best", "best shuffled", "shuffled", "easy-to-hard")
    ]
    assert places == sorted(places)
    assert "What best is shown, shuffled" in table
    assert "Order alone: <strong>best</strong> minus <strong>best shuffled</strong>" in page
    assert "Holm-corrected over all 13 tests of the study" in page
    figure = editor_client.get(reverse("study-arm-differences", args=[study.pk])).json()
    assert [row[0] for row in figure["table"]["rows"]] == ["best", "best shuffled", "easy-to-hard"]


def test_a_verdict_from_before_these_fields_still_shows(editor: Actor, editor_client: Client) -> None:
    study = make_study(editor, arms=ARMS[:2])
    later = {"metric", "better", "unit", "match", "num_secondary", "orders", "worth", "looks"}
    verdict = {key: value for key, value in (study.verdict or {}).items() if key not in later}
    for item in verdict["comparisons"]:
        for key in ("level", "stopped_after", "ratio", "matched"):
            item.pop(key)
        item["interval"].pop("hedges")
        item["domains"] = [{k: v for k, v in row.items() if k != "better"} for row in item["domains"]]
    study.verdict = verdict
    study.save()
    page = shown(editor_client, study)
    assert "easy-to-hard is better" in page and "Holm-corrected arm by arm" in page


def test_identical_arms_are_refused_before_anything_is_queued(editor: Actor) -> None:
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 3200, "arms": SAME}
    with pytest.raises(InputError, match="are the same but for their names") as refused:
        services.start(editor, "study", config)
    assert refused.value.problems[0].field == "arms.2.name"
    assert not Study.objects.exists()


def test_arms_that_select_get_their_controls_when_the_study_starts(editor: Actor) -> None:
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 6400, "arms": ARMS[:3], "order_control": True}
    job, _ = services.start(editor, "study", config)
    assert [arm["name"] for arm in job.config["arms"]] == ["shuffled", "easy-to-hard", "best", "best shuffled"]


def test_equal_compute_is_spelt_out_when_the_study_starts(editor: Actor) -> None:
    wide = {"key": "llama", "config": {"hidden_size": 256}}
    arms = [*ARMS[:1], {"name": "wide", "policy": {"key": "shuffle"}, "model": wide}]
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 6400, "arms": arms, "match": "compute"}
    job, _ = services.start(editor, "study", config)
    assert 0 < job.config["arms"][1]["budget_tokens"] < 6400 / 2


def test_ready_schedules_of_another_budget_are_refused(editor: Actor) -> None:
    from tests.factories import make_schedule

    schedule = make_schedule(editor)
    arms = [{"name": "shuffled", "schedules": [schedule.uid]}, ARMS[1]]
    budget = 2 * int(schedule.manifest["num_tokens"])
    config = {"sequences": schedule.sequence_set.uid, "budget_tokens": budget, "arms": arms, "seeds": [1]}
    with pytest.raises(InputError, match="is to be shown"):
        services.start(editor, "study", config)


def test_another_study_of_the_same_arms_says_whether_their_order_carries_over(
    editor: Actor, editor_client: Client
) -> None:
    gains = {"easy-to-hard": 0.05, "best": 0.08, "best shuffled": 0.02}
    small = make_study(editor, arms=ARMS, gains=gains)
    large = make_study(editor, arms=ARMS, gains=gains, name="The same on a larger model")
    make_study(editor, arms=ARMS[:2], name="Other arms")
    path = reverse("study-transfers", args=[small.pk])
    assert path in shown(editor_client, small)
    page = " ".join(editor_client.get(path).content.decode().split())
    assert "Does it carry over?" in page and "Other arms" not in page
    assert f'<a href="{reverse("study-detail", args=[large.pk])}">The same on a larger model</a>' in page
    assert "rank correlation +1.00 over 4 arms" in page and "Cannot tell whether" in page


def test_settings_of_a_policy_are_said_in_words_without_brackets():
    shares = PolicyChoice(
        key="fixed_mixture", config={"grouping": "quality", "shares": {"1 of 4": 0.75, "2 of 4": 0.25}}
    )
    assert words_of(shares) == "Even mixture, grouping quality, shares 1 of 4 0.75 / 2 of 4 0.25"
    phases = {"phases": [{"fraction": 1.0}, {"fraction": 0.5}]}
    assert words_of(PolicyChoice(key="selective_repetition", config=phases)) == "Selective repetition, phases 2 of them"
