"""The series endpoint, its CSV and the comparison: what charts are given."""

import csv
import io
import re

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from chimera.binary_rows import binary_rows
from chimera.jobs.models import State
from tests.web.run_factory import Clock, feed, made_up_values, make_run, recorder_of
from training_app.models import TrainingRun
from training_app.selectors.compare import config_lines, flatten
from training_app.selectors.series import keys_matching, rounded, short_label

pytestmark = pytest.mark.django_db


def fed(actor, last: int = 70, seed: int = 0, **fields) -> TrainingRun:
    run, clock = make_run(actor, seed=seed, **fields), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    feed(recorder, clock, 1, last, 600, seed)
    recorder.flush()
    run.refresh_from_db()
    return run


def series_of(client: Client, run: TrainingRun, **query) -> dict:
    answer = client.get(reverse("run-series", args=[run.pk]), query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_family_leaves_out_what_has_a_description_of_its_own():
    logged = ["held_out/code", "held_out/macro", "loss", "mixture/delivered/1", "mixture/delivered/domain/code"]
    logged.append("mixture/delivered/conditioning/plain")  # of its own: no group of difficulty
    assert keys_matching(logged, ["held_out/*"]) == ["held_out/code"]
    assert keys_matching(logged, ["held_out/macro", "held_out/*"]) == ["held_out/macro", "held_out/code"]
    assert keys_matching(logged, ["mixture/delivered/*"]) == ["mixture/delivered/1"]
    assert keys_matching(logged, ["mixture/delivered/domain/*"]) == ["mixture/delivered/domain/code"]
    assert keys_matching(logged, ["nothing", "nothing/*"]) == []


def test_a_member_is_named_without_its_family_even_with_a_slash_in_its_name():
    assert short_label("mixture/delivered/length 1/3, density 2/3") == "length 1/3, density 2/3"
    assert short_label("held_out/macro") == "mean" and short_label("stable_rank/min") == "min"


def test_points_come_with_steps_tokens_times_and_both_values(editor, editor_client):
    run = fed(editor)
    body = series_of(editor_client, run, key="loss", smoothing="0.9")
    (loss,) = body["series"]
    assert loss["step"] == list(range(1, 71)) and loss["tokens"][0] == 1000
    assert loss["raw"][4] == pytest.approx(made_up_values(5, 600)["loss"], rel=1e-6)
    assert loss["smooth"][0] == loss["raw"][0] and loss["smooth"][-1] != loss["raw"][-1]
    assert loss["time"][0] == 0 and loss["time"][-1] == pytest.approx(69 * 0.09, abs=1e-3)
    assert body["seq"] == run.metric_rows.latest("seq").seq


def test_smoothing_is_of_all_points_whatever_is_drawn(editor, editor_client):
    run = fed(editor, last=200)
    whole = series_of(editor_client, run, key="loss", smoothing="0.9")["series"][0]
    few = series_of(editor_client, run, key="loss", smoothing="0.9", max_points="16")["series"][0]
    near = series_of(editor_client, run, key="loss", smoothing="0.9", x="step", lo="100", hi="110")["series"][0]
    assert len(few["step"]) <= 16 and near["step"] == list(range(99, 112))
    by_step = dict(zip(whole["step"], whole["smooth"], strict=True))
    for part in (few, near):
        assert all(by_step[step] == value for step, value in zip(part["step"], part["smooth"], strict=True))
    assert few["count"] == 200 and few["total"] == whole["total"]


def test_a_spike_keeps_its_step_in_eight_points(editor, editor_client):
    run = fed(editor, last=300)  # the made-up gradient norm jumps at step 231
    for log_x in ("", "1"):
        drawn = series_of(editor_client, run, key="grad_norm", max_points="8", log_x=log_x)["series"][0]
        assert 231 in drawn["step"]


def test_stacked_series_share_their_steps(editor, editor_client):
    run = fed(editor, last=200)
    body = series_of(editor_client, run, key=["mixture/delivered/*", "mixture/planned/*"], aligned="1", max_points="16")
    assert len(body["series"]) == 8 and len({tuple(series["step"]) for series in body["series"]}) == 1


def test_non_finite_values_are_counted_with_their_steps(editor, editor_client):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    for step, value in enumerate([3.0, float("nan"), 2.0, float("inf")], start=1):
        recorder.write(step, step * 10, {"loss": value})
    recorder.flush()
    run.refresh_from_db()
    (loss,) = series_of(editor_client, run, key="loss")["series"]
    assert loss["step"] == [1, 3] and loss["non_finite"] == {"count": 2, "steps": [2, 4]}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"smoothing": "1.5"}, "smoothing"),
        ({"x": "miles"}, "x"),
        ({"max_points": "3"}, "max_points"),
        ({"lo": "a"}, "lo"),
    ],
)
def test_an_impossible_view_names_its_field(editor, editor_client, query, field):
    answer = editor_client.get(reverse("run-series", args=[make_run(editor).pk]), query)
    assert answer.status_code == 400 and answer.json()["problems"][0]["field"] == field


def test_the_csv_has_every_point_at_full_precision(editor, editor_client):
    run = fed(editor, last=70)
    answer = editor_client.get(reverse("run-csv", args=[run.pk]), {"key": ["loss", "held_out/*"]})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[0][:4] == ["step", "tokens", "unix_time", "loss"] and len(rows) == 71
    assert float(rows[5][3]) == made_up_values(5, 600)["loss"]
    assert rows[5][4] == "" and float(rows[64][4]) == made_up_values(64, 600)["held_out/code"]


def test_compared_runs_are_drawn_each_and_as_mean_and_range_of_a_group(editor, editor_client):
    runs = [fed(editor, last=last, seed=seed, group="easy") for seed, last in enumerate((60, 70))]
    query = {"run": [run.pk for run in runs], "key": "loss", "by": "group", "smoothing": "0"}
    body = editor_client.get(reverse("runs-compare-series"), query).json()
    first, second, mean = body["series"]
    assert mean["x"] == [step * 1000 for step in range(1, 61)], "only places that both have logged"
    at = 10
    assert mean["raw"][at] == pytest.approx((first["raw"][at] + second["raw"][at]) / 2, rel=1e-6)
    assert mean["low"][at] == pytest.approx(min(first["raw"][at], second["raw"][at]), rel=1e-6)
    assert mean["high"][at] == pytest.approx(max(first["raw"][at], second["raw"][at]), rel=1e-6)
    assert first["colour"] == second["colour"] == mean["colour"] and first["member"]
    assert mean["members"] == 2 and not mean["binned"]


def test_charts_asked_for_together_have_the_lines_they_have_alone(editor, editor_client):
    runs = [fed(editor, last=20, seed=seed, group="easy") for seed in range(2)]
    query = {"run": [run.pk for run in runs], "by": "group", "smoothing": "0.9", "max_points": "16"}

    def asked(*keys):
        return editor_client.get(reverse("runs-compare-series"), {**query, "key": keys}).json()["series"]

    assert asked("loss", "grad_norm", "never_logged") == asked("loss") + asked("grad_norm")
    assert {line["metric"] for line in asked("grad_norm")} == {"grad_norm"}
    answer = editor_client.get(reverse("runs-compare-series"), {**query, "key": [f"key/{i}" for i in range(25)]})
    assert answer.status_code == 400 and answer.json()["problems"][0]["field"] == "key"


def test_the_band_of_a_group_may_be_the_interval_of_its_mean(editor, editor_client):
    runs = [fed(editor, last=20, seed=seed, group="easy") for seed in range(3)]
    query = {"run": [run.pk for run in runs], "key": "loss", "by": "group", "band": "interval", "smoothing": "0"}
    *members, mean = editor_client.get(reverse("runs-compare-series"), query).json()["series"]
    values = np.array([member["raw"][4] for member in members])
    half = 4.302653 * values.std(ddof=1) / 3**0.5  # t of 0.975 with two degrees of freedom
    assert mean["high"][4] - mean["raw"][4] == pytest.approx(half, rel=1e-4)
    answer = editor_client.get(reverse("runs-compare-series"), {**query, "band": "wide"})
    assert answer.status_code == 400 and answer.json()["problems"][0]["field"] == "band"


def test_over_time_a_group_is_drawn_as_labelled_bin_means(editor, editor_client):
    runs = [fed(editor, last=50, seed=seed, group="easy") for seed in range(2)]
    query = {"run": [run.pk for run in runs], "key": "loss", "by": "group", "x": "time"}
    assert editor_client.get(reverse("runs-compare-series"), query).json()["series"][-1]["binned"] is True


def test_all_runs_that_a_filter_lets_through_are_compared(editor, editor_client):
    for seed in range(3):
        fed(editor, last=3, seed=seed, name=f"wide {seed}")
    fed(editor, last=3, name="narrow")
    query = {"filtered": "1", "q": "wide", "key": "loss"}
    assert len(editor_client.get(reverse("runs-compare-series"), query).json()["series"]) == 3
    page = editor_client.get(reverse("runs-compare"), query).content.decode()
    assert "Compare 3 runs" in page and "that match “wide”" in page


def test_the_compare_page_shows_best_last_and_the_value_at_shared_tokens(editor, editor_client):
    runs = [fed(editor, last=last, seed=seed) for seed, last in enumerate((64, 128))]
    page = editor_client.get(reverse("runs-compare"), {"run": [run.pk for run in runs]}).content.decode()
    at_64 = made_up_values(64, 600)["held_out/macro"]
    assert page.count(f"{at_64:.4f}") >= 3 and "At 64 k tokens" in page


def test_only_differing_settings_are_shown_unless_asked(editor, editor_client):
    runs = [make_run(editor, f"r{seed}", seed=seed) for seed in (1, 2)]
    query = {"run": [run.pk for run in runs]}
    page = editor_client.get(reverse("runs-compare"), query).content.decode()
    assert ">seed<" in page and ">batch_sequences<" not in page
    assert ">batch_sequences<" in editor_client.get(reverse("runs-compare"), {**query, "all": "1"}).content.decode()


def test_tables_of_differences_show_ten_runs_and_say_so(editor, editor_client):
    runs = [make_run(editor, state=State.SUCCEEDED, seed=seed) for seed in range(12)]
    page = editor_client.get(reverse("runs-compare"), {"run": [run.pk for run in runs]}).content.decode()
    assert "Compare 12 runs" in page and "of the first 10 runs" in page


def test_grouping_keeps_the_runs_that_have_no_row(editor, editor_client, monkeypatch):
    monkeypatch.setattr("training_app.views.compare.ROWS_SHOWN", 2)
    runs = [make_run(editor, state=State.SUCCEEDED, seed=seed) for seed in range(4)]
    page = editor_client.get(reverse("runs-compare"), {"run": [run.pk for run in runs]}).content.decode()
    assert "2 more runs are drawn" in page
    sent = re.findall(r'name="run" value="(\d+)"(?: checked|>)', page)
    assert sorted(map(int, sent)) == [run.pk for run in runs]


def test_runs_of_another_project_cannot_be_compared(editor, stranger, editor_client):
    foreign = fed(stranger)
    page = editor_client.get(reverse("runs-compare"), {"run": [foreign.pk]}).content.decode()
    assert "Choose two or more runs" in page and foreign.name not in page
    body = editor_client.get(reverse("runs-compare-series"), {"run": foreign.pk, "key": "loss"}).json()
    assert body["series"] == []


def test_nested_configs_flatten_to_dotted_names():
    assert flatten({"a": {"b": [1, {"c": 2}], "d": {}}}) == {"a.b.0": 1, "a.b.1.c": 2, "a.d": {}}
    assert config_lines([]) == []


@pytest.mark.parametrize(
    ("given", "drawn"),
    [(1.23456789, 1.234568), (-9.87654321e-12, -9.876543e-12), (123456789.0, 123456800.0), (0.0, 0.0), (0.1, 0.1)],
)
def test_drawn_values_have_seven_digits(given, drawn):
    assert rounded(np.array([given, np.nan, np.inf])) == [drawn, None, None]


def test_a_query_that_nothing_can_meet_has_no_binary_rows(editor):
    assert binary_rows(TrainingRun.objects.filter(pk__in=[]).values_list("pk")) == []
