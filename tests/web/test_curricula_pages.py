"""The pages of curricula and schedules, their charts and the order to take away."""

import asyncio
import io
import json
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from django.urls import reverse

from chimera.format import percent
from curriculum_app.charts import mixture
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.tracks import Phase
from curriculum_app.selectors.curricula import policy_facts, train_query
from curriculum_app.selectors.funnel import settings_of
from curriculum_app.selectors.plan_facts import plan_facts
from tests.conftest import signed_in
from tests.factories import make_curriculum, make_schedule, make_sequences

REPORT = {
    "method": "greedy", "max_deviation": 0.71, "mean_deviation": 0.2, "shuffle_max_deviation": 14.25,
    "shuffle_mean_deviation": 6.5, "feasible_horizon": 4000,
    "points": {"tokens": [1000, 2000, 4000], "planned": [[250.0, 750.0], [500.0, 1500.0], [1000.0, 3000.0]],
               "delivered": [[300, 700], [500, 1500], [1000, 3000]]},
}  # fmt: skip
CURVE = MixtureCurve.constant(("prose", "code"), [0.25, 0.75])


@pytest.fixture
def schedule(editor):
    row = make_schedule(editor, make_curriculum(editor, "easy first", "easy_to_hard", sharpness=2.0))
    exposure = {"domain": {"prose": 1000, "code": 3000}}
    row.manifest |= {"adherence": REPORT, "curve": CURVE.as_json(), "exposure": exposure}
    row.save()
    return row


def text(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def detail(row, **query):
    name = "schedule-detail" if hasattr(row, "seed") else "curriculum-detail"
    return reverse(name, args=[row.pk])


def test_no_curriculum_offers_the_first_step(editor_client):
    assert "No curriculum yet" in text(editor_client, reverse("curricula"))


def test_the_list_says_policy_settings_and_schedules_in_words(editor_client, schedule):
    page = text(editor_client, reverse("curricula"))
    for part in ("easy first:v1", "Easy to hard", "Sharpness</span> 2<"):
        assert part in page


def test_a_curriculum_draws_its_newest_schedule(editor_client, schedule):
    page = text(editor_client, detail(schedule.curriculum))
    for part in ("0.71", "14.25", "drawn above", schedule.pool_digest[:8], "75.0 %"):
        assert part in page
    assert reverse("schedule-chart", args=[schedule.pk, "moment"]) in page


def test_a_policy_that_is_gone_is_still_shown(editor, editor_client):
    row = make_curriculum(editor, policy="of-old", speed=3)
    page = text(editor_client, detail(row))
    assert "not installed any more" in page
    assert "speed" in page


def test_a_schedule_names_where_it_comes_from_and_what_it_shows(editor_client, schedule):
    page = text(editor_client, detail(schedule))
    for part in ("easy first:v1", schedule.sequence_set.label, schedule.order_digest, "Exposure by domain", "14.25"):
        assert part in page


@pytest.mark.parametrize("chart", ["moment", "cumulative"])
def test_charts_have_a_table_twin_and_both_axes(editor_client, schedule, chart):
    address = reverse("schedule-chart", args=[schedule.pk, chart])
    figure = editor_client.get(address).json()
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert figure["table"]["columns"] == ["tokens", "prose", "code"]
    assert len(figure["table"]["rows"]) == 3
    assert editor_client.get(address + "?x=linear").json()["layout"]["xaxis"]["type"] == "linear"


def test_a_chart_that_does_not_exist_is_not_found(editor_client, schedule):
    assert editor_client.get(reverse("schedule-chart", args=[schedule.pk, "pie"])).status_code == 404


def test_areas_of_the_mixture_so_far_are_what_was_delivered():
    figure = mixture.cumulative(REPORT, CURVE, log=True, ordered=False)
    assert [trace["y"] for trace in figure["data"][:2]] == [[0.3, 0.25, 0.25], [0.7, 0.75, 0.75]]
    assert figure["data"][2]["y"] == [0.25, 0.25, 0.25]


def test_windows_of_the_moment_are_what_was_delivered_between_two_points():
    figure = mixture.moment(REPORT, CURVE, log=False, ordered=True)
    assert [trace["y"] for trace in figure["data"][:2]] == [[0.25] * 3, [0.75] * 3]
    assert (figure["data"][2]["x"], figure["data"][2]["y"]) == ([500.0, 1500.0, 3000.0], [0.3, 0.2, 0.25])


def test_a_name_without_room_is_cut_to_its_first_word_or_left_out():
    names = [("Foundations", 0, 0.8), ("II Skills of many kinds", 0.8, 0.95), ("Continual", 0.95, 1)]
    phases = [Phase(name=name, start=start, end=end) for name, start, end in names]
    figure = mixture.with_phases(mixture.moment(REPORT, CURVE, log=False, ordered=False), phases, 4000, log=False)
    assert [name["text"] for name in figure["layout"]["annotations"][-3:]] == ["Foundations", "II", ""]


def test_nested_settings_are_told_in_words():
    phase = {"name": "I", "share": 0.5, "gate": None, "tilt_end": -1.0, "shares": {}}
    phases = {"phases": [phase, {"name": "II", "share": 0.5}]}
    assert settings_of(phases) == [("phases", "I (share 0.5, tilt end -1); II (share 0.5)")]
    assert ("Phases", "I, II") in policy_facts("phased", phases).settings  # what is drawn above them is only named
    unnamed = {"phases": [{"name": "", "share": 0.5}, {"name": "", "share": 0.5}], "most_passes": 4.0, "parts": []}
    assert policy_facts("selective_repetition", unnamed).settings == [
        ("Phases", "2"),
        ("Most passes", "4"),
    ]
    cut = {"lengths": {"root": 2.0, "knots": [{"at": 0, "length": 8}]}, "grouping": "domain", "passes": {"code": 2.0}}
    assert policy_facts("drawn", cut).settings == [
        ("Grouping", "domain"),
        ("Passes: code", "2"),
        ("Sequence length: Knots", "0"),
        ("Sequence length: Root", "2"),
    ]


def test_what_a_policy_says_of_its_order_is_shown_in_words(editor, editor_client, schedule):
    """Facts that no chart draws: single ones under the policy's titles, those of several parts as a table."""
    row = make_schedule(editor, make_curriculum(editor, "meco", "metadata_conditioning", cooldown=0.1))
    row.manifest["facts"] = {"conditioned_tokens": 3600, "plain_tokens": 400, "lengths": {"tokens": [1, 2]}}
    assert plan_facts(row).single == [
        ("Tokens under metadata", "3600"),
        ("Tokens of plain documents, the cooldown", "400"),
    ]
    source = {"name": "code", "kept": 1200, "share": 0.25, "passes": 1.5, "least": None}
    row.manifest["facts"] = {"sources": [source], "phases": [{"name": "I", "start": 0, "end": 1, "note": ""}]}
    row.save()
    [table] = plan_facts(row).tables
    assert (table.title, table.columns) == ("Sources", ["kept", "share", "passes"])
    assert table.rows == [["code", "1200", percent(0.25), "1.50"]]
    page = editor_client.get(reverse("schedule-detail", args=[row.pk])).content.decode()
    assert "What the policy made of it" in page and f'<td class="num">{percent(0.25)}</td>' in page
    assert (
        "What the policy made of it"
        not in editor_client.get(reverse("schedule-detail", args=[schedule.pk])).content.decode()
    )


def test_the_phases_of_a_schedule_are_listed_with_rate_gate_and_note(editor_client, schedule):
    gate = {"metric": "held_out/macro", "must_be": "below", "value": 2.5, "otherwise": "stop"}
    named = [{"name": "I", "start": 0, "end": 0.5, "gate": gate}, {"name": "II", "start": 0.5, "end": 1}]
    rate = {"knots": [{"at": 0, "rate": 0.002}, {"at": 0.5, "rate": 0.002}, {"at": 1, "rate": 0.001}]}
    schedule.manifest |= {"tracks": {"phases": named, "learning_rate": rate}, "num_tokens": 4000}
    schedule.manifest["facts"] = {"phases": [{"name": "II", "note": "Not built yet."}]}
    schedule.save()
    page = text(editor_client, detail(schedule))
    assert "held_out/macro must be below 2.5, else stop" in page and "Not built yet." in page
    assert "0.002 → 0.001" in page


def test_named_phases_begin_at_a_line_with_their_name():
    phases = [Phase(name="I", start=0, end=0.75), Phase(name="II", start=0.75, end=1)]
    figure = mixture.with_phases(mixture.moment(REPORT, CURVE, log=True, ordered=False), phases, 4000, log=True)
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [1, 3000]
    names = figure["layout"]["annotations"][-2:]
    assert [name["text"] for name in names] == ["I", "II"]
    assert (
        names[1]["x"] == pytest.approx(np.log10(3000), abs=1e-9)
        and names[0]["x"] == figure["layout"]["xaxis"]["range"][0]
    )


def test_bands_carry_their_names_in_the_chart():
    figure = mixture.moment(REPORT, CURVE, log=False, ordered=False)
    assert [(label["text"], label["y"]) for label in figure["layout"]["annotations"]] == [
        ("prose", 0.125),
        ("code", 0.625),
    ]


def test_the_order_can_be_taken_away_as_numpy_and_json(editor_client, schedule):
    answer = editor_client.get(reverse("schedule-order-npy", args=[schedule.pk]))
    rows = np.load(io.BytesIO(b"".join(answer.streaming_content)))
    body = editor_client.get(reverse("schedule-order-json", args=[schedule.pk])).json()
    assert body["manifest"]["order_digest"] == schedule.order_digest
    assert [row[0] for row in body["rows"]] == rows["sequence"].tolist()


def test_the_order_for_other_trainers_is_a_folder_of_files(editor_client, schedule):
    page = text(editor_client, reverse("schedule-order", args=[schedule.pk]))
    assert "Hugging Face datasets" in page and reverse("schedule-order", args=[schedule.pk]) in text(
        editor_client, detail(schedule)
    )
    index = editor_client.get(reverse("schedule-order-index", args=[schedule.pk]))
    sent = asyncio.run(_read(index)).decode().splitlines()
    said = editor_client.get(reverse("schedule-order-manifest", args=[schedule.pk])).json()
    assert len(sent) == said["rows"] == schedule.manifest["num_rows"]
    assert (said["curriculum"], said["order_digest"]) == ("easy first:v1", schedule.order_digest)
    for name, status in (("offsets.npy", 200), ("tokenizer.json", 200), ("bins.npy", 404)):
        assert editor_client.get(reverse("schedule-order-file", args=[schedule.pk, name])).status_code == status


async def _read(response):
    return b"".join([piece async for piece in response.streaming_content])


def test_only_what_differs_between_two_curricula_is_listed(editor, editor_client):
    left = make_curriculum(editor, "a", "easy_to_hard", sharpness=2.0, start=0.01)
    right = make_curriculum(editor, "a", "easy_to_hard", sharpness=3.0, start=0.01)
    address = reverse("curriculum-difference", args=[left.pk])
    response = editor_client.get(f"{address}?with={right.pk}")
    found = response.context["differences"]
    assert [(item.setting, item.left, item.right) for item in found] == [("sharpness", "2", "3")]
    assert editor_client.get(f"{address}?with=").status_code == 404


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("schedule-detail", []),
        ("schedule-chart", ["moment"]),
        ("schedule-order", []),
        ("schedule-order-npy", []),
        ("schedule-order-json", []),
        ("schedule-order-index", []),
        ("schedule-order-file", ["tokens.npy"]),
    ],
)
def test_a_schedule_of_another_project_is_not_found(stranger, schedule, name, args):
    assert signed_in(stranger).get(reverse(name, args=[schedule.pk, *args])).status_code == 404


def test_a_curriculum_of_another_project_is_not_found(stranger, schedule):
    client = signed_in(stranger)
    assert client.get(detail(schedule.curriculum)).status_code == 404
    own = make_curriculum(stranger)
    address = reverse("curriculum-difference", args=[own.pk])
    assert client.get(f"{address}?with={schedule.curriculum_id}").status_code == 404


def test_queries_do_not_grow_with_schedules(editor, editor_client, schedule, django_assert_max_num_queries):
    sequences = make_sequences(editor)
    for seed in range(8):
        make_schedule(editor, schedule.curriculum, sequences, seed=seed + 1)
        make_curriculum(editor, f"other{seed}")
    with django_assert_max_num_queries(16):
        text(editor_client, detail(schedule.curriculum))
    with django_assert_max_num_queries(8):
        text(editor_client, reverse("curricula"))


def test_a_run_on_a_schedule_with_a_learning_rate_of_its_own_begins_with_that(editor):
    schedule = make_schedule(editor)
    assert train_query(schedule) == urlencode({"config": json.dumps({"schedule": schedule.uid})})
    schedule.manifest["tracks"] = {"learning_rate": {"knots": [{"at": 0.0, "rate": 0.1}]}}
    assert json.loads(parse_qs(train_query(schedule))["config"][0])["learning_rate"] == {"key": "planned"}
