"""What charts ask for: other axes, bands, phases, the browser of metrics, chosen columns, files, why a batch."""

import json

import numpy as np
import pytest
from django.http import QueryDict
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs.models import State
from tests import factories
from tests.web.run_factory import Clock, feed, make_run, recorder_of
from training_app.charts.run_cards import (
    OWN_AT_MOST,
    RUN_CARDS,
    SECTIONS,
    card_of,
    cards_with_points,
    own_cards,
    sections_of,
)
from training_app.models import RunEvent, SavedState, Source, TrainingRun
from training_app.selectors import browse
from training_app.selectors.batch import batch_of
from training_app.selectors.phases import phase_bands
from training_app.selectors.run_columns import columns_of, runs_table
from training_app.selectors.runs import RunFilter

pytestmark = pytest.mark.django_db


def written(run: TrainingRun, points: list[dict[str, float]]) -> TrainingRun:
    """One point a step, 10 tokens each."""
    recorder = recorder_of(run, Clock())
    for step, values in enumerate(points, start=1):
        recorder.write(step, step * 10, values)
    recorder.flush()
    run.refresh_from_db()
    return run


def series(client, run: TrainingRun, **query) -> dict:
    return client.get(reverse("run-series", args=[run.pk]), query).json()["series"][0]


def test_a_metric_over_another_has_only_points_that_both_logged(editor, editor_client):
    points = [
        {"loss": 5.0 - step / 10, **({"held_out/code": step * 2.0} if step % 3 == 0 else {})} for step in range(9)
    ]
    run = written(make_run(editor), points)
    one = series(editor_client, run, key="loss", x="metric:held_out/code", smoothing="0")
    assert one["step"] == [1, 4, 7] and one["x"] == [0.0, 6.0, 12.0] and one["raw"] == [5.0, 4.7, 4.4]
    part = series(editor_client, run, key="loss", x="metric:held_out/code", lo="5", hi="7")
    assert part["step"] == [4]
    assert series(editor_client, run, key="loss", x="metric:never")["step"] == []


def test_a_thinned_line_brings_its_band_and_a_whole_one_does_not(editor, editor_client):
    run = written(make_run(editor), [{"loss": 9.0 if step == 150 else 1.0} for step in range(400)])
    few = series(editor_client, run, key="loss", max_points="40", inner="1")
    assert max(few["band"]["high"]) == 9.0 and 151 in few["step"] and few["inner"] == [1.0, 1.0]
    assert series(editor_client, run, key="loss")["band"] is None


def test_phases_come_from_the_rate_and_from_the_planned_mixture(editor):
    run = make_run(editor, steps=100)
    assert phase_bands(run) == []
    run.schedule = factories.make_schedule(editor)
    run.schedule.manifest["curve"] = {
        "names": ["easy", "hard"], "knots": [1000.0, 100_000.0], "logits": [[2.0, 0.0], [0.0, 2.0]],
    }  # fmt: skip
    bands = phase_bands(run)
    assert [(band.kind, band.name) for band in bands] == [
        ("rate", "warm-up"), ("rate", "decay"), ("mixture", "mostly easy"), ("mixture", "mostly hard"),
    ]  # fmt: skip
    assert bands[0].hi == bands[1].lo == pytest.approx(10_000) and bands[1].hi == 100_000
    assert bands[2].lo == 0 and bands[2].hi == bands[3].lo == pytest.approx(10_000, rel=0.05)


def test_phases_of_the_curriculum_and_its_learning_rate_are_bands_too(editor):
    run = make_run(editor, steps=100)
    run.schedule = factories.make_schedule(editor)
    run.job.config["learning_rate"] = {"key": "planned", "config": {"factor": 1.0}}
    assert phase_bands(run) == []  # a schedule without a rate: the run has failed
    run.schedule.manifest["tracks"] = {
        "learning_rate": {"knots": [{"at": 0, "rate": 0.01}, {"at": 1, "rate": 0.001}]},
        "phases": [{"name": "Phase I", "start": 0, "end": 0.6}, {"name": "Phase II", "start": 0.6, "end": 1}],
    }
    assert [(band.kind, band.name, band.lo, band.hi, band.place) for band in phase_bands(run)] == [
        ("curriculum", "Phase I", 0, 60_000, 0), ("curriculum", "Phase II", 60_000, 100_000, 1),
        ("rate", "decay", 0, 100_000, 0),
    ]  # fmt: skip


def test_metrics_are_found_by_words_globs_and_expressions():
    keys = ["loss", "held_out/code", "held_out/macro", "grad_norm"]
    assert browse.matching(keys, "") == sorted(keys)
    assert browse.matching(keys, "OUT mac") == ["held_out/macro"]
    assert browse.matching(keys, "held_out/*") == ["held_out/code", "held_out/macro"]
    assert browse.matching(keys, "/^loss$|norm/") == ["grad_norm", "loss"]
    with pytest.raises(InputError):
        browse.matching(keys, "/(/")
    assert [(group.name, len(group.keys)) for group in browse.grouped_keys(sorted(keys), unfold=False)] == [
        ("held_out", 2), ("other", 2),
    ]  # fmt: skip


def test_two_thousand_metrics_are_folded_and_drawn_a_page_at_a_time(editor, editor_client):
    run = written(make_run(editor), [{f"task_{n // 100}/{n}": float(n) for n in range(2000)}])
    page = editor_client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert page.count("data-group=") == 20 and page.count("<figure") == len(RUN_CARDS) - 1  # rows of one length
    url = reverse("run-metrics", args=[run.pk])
    part = editor_client.get(url, {"group": "task_3", "page": "2"}).content.decode()
    assert part.count("<figure") == 24 and "task_3/324" in part and "52 left" in part
    assert "No metric matches" in editor_client.get(url, {"metrics": "/nothing/"}).content.decode()
    assert "is no regular expression" in editor_client.get(url, {"metrics": "/(/"}).content.decode()
    assert len(editor_client.get(url, {"names": "1"}).json()["keys"]) == 2000


def test_unknown_metrics_of_another_trainer_have_charts_from_the_start(editor, editor_client):
    run = written(make_run(editor), [{"train/reward": 1.0, "loss": 2.0}])
    TrainingRun.objects.filter(pk=run.pk).update(source=Source.CLIENT)
    page = editor_client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert "chart-loss" in page and "chart-stable-rank" not in page
    assert "own-train" in page and 'data-default-x="tokens"' in page and 'data-group="train" open' not in page
    assert card_of("train/reward").title == "train/reward" and card_of("a b").slug != card_of("a-b").slug
    assert [card.slug for card in cards_with_points(RUN_CARDS, ["held_out/code"])] == ["held-out"]


def test_a_foreign_run_without_tokens_is_drawn_over_steps_and_many_series_are_unfolded(editor, editor_client):
    run = written(make_run(editor), [{f"train/{n}": 1.0 for n in range(OWN_AT_MOST)}])
    TrainingRun.objects.filter(pk=run.pk).update(source=Source.CLIENT, tokens=0)
    page = editor_client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert 'data-default-x="step"' in page and page.count("own-train") == OWN_AT_MOST and "Training loss" not in page
    assert own_cards([*run.latest, "one/more"]) == []
    pair = editor_client.get(reverse("runs-compare"), {"run": [run.pk, make_run(editor).pk]}).content.decode()
    assert 'data-default-x="step"' in pair
    TrainingRun.objects.filter(pk=run.pk).update(latest=run.latest | {"train/more": 1.0})
    page = editor_client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert "own-train" not in page and '<details class="card metric-group" data-group="train"' in page


def test_cards_stand_under_headings_and_a_finished_run_has_none_without_points():
    logged = ["loss", "tokens_per_second", "stable_rank/layer/0", "exposures/mean"]
    found = {title: [card.slug for card in cards] for title, cards in sections_of(logged)}
    assert found == {
        "": ["loss"], "Data": ["exposures"], "Geometry": ["stable-rank-layers"], "System": ["throughput"],
    }  # fmt: skip
    assert [card.slug for card in sections_of(logged, ["held_out/*"])[0][1]] == ["loss", "held-out"]
    slugs = [card.slug for card in (*RUN_CARDS, *(card for _, cards in SECTIONS for card in cards))]
    assert len(slugs) == len(set(slugs))


def test_events_are_marked_at_their_step_and_only_alarms_have_a_name(editor, editor_client):
    run = make_run(editor)
    for kind, message, key in (("started", "started", ""), ("checkpoint", "kept", ""), ("alert", "Spike: 3", "loss")):
        RunEvent.objects.create(run=run, kind=kind, message=message, step=4, key=key)
    page = editor_client.get(reverse("run-events", args=[run.pk])).content.decode()
    assert page.count("data-mark-step") == 2 and page.count("data-mark-alarm") == 1
    assert 'data-mark-alarm="Spike" data-mark-key="loss"' in page


def made(actor, **values: list[float]) -> TrainingRun:
    return written(make_run(actor, state=State.RUNNING), [{"loss": value} for value in values["loss"]])


def test_columns_are_chosen_and_sort_all_runs(editor):
    first, second = made(editor, loss=[3.0, 1.0, 2.0]), made(editor, loss=[5.0, 4.0])
    make_run(editor)  # without a point: last in every order
    columns = columns_of(["last:loss", "best:loss", "min:loss", "max:loss", "at:20:loss", "at:30:loss", "worst:loss"])
    assert [column.measure for column in columns] == ["last", "best", "min", "max", "at", "at"]
    table = runs_table(editor, RunFilter(), columns, "max:loss", "1")
    assert [run.pk for run in table.runs][:2] == [first.pk, second.pk]
    assert table.values[first.pk] == [2.0, 1.0, 1.0, 3.0, 1.0, 2.0]
    assert table.values[second.pk] == [4.0, 4.0, 4.0, 5.0, 4.0, None]
    falling = runs_table(editor, RunFilter(), columns, "-last:loss", "1")
    assert [run.pk for run in falling.runs][:2] == [second.pk, first.pk] and len(falling.runs) == 3


def test_a_column_is_added_by_the_form_and_stands_in_the_address(editor, editor_client):
    made(editor, loss=[2.0])
    answer = editor_client.get(
        reverse("runs"), {"add_measure": "at", "add_key": "loss", "add_tokens": "10", "col": "last:loss", "q": ""}
    )
    asked = QueryDict(answer.url.partition("?")[2])
    assert answer.status_code == 302 and asked.getlist("col") == ["last:loss", "at:10:loss"]
    page = editor_client.get(answer.url).content.decode()
    assert "2.0000" in page and "sort=-at%3A10%3Aloss" in page


def test_points_are_taken_away_as_json_with_names_of_run_and_chart(editor, editor_client):
    run = written(make_run(editor, "easy one"), [{"loss": 0.1 + 0.2}, {"loss": float("nan")}])
    answer = editor_client.get(reverse("run-json", args=[run.pk]), {"key": "loss", "chart": "Training loss"})
    (found,) = json.loads(b"".join(answer.streaming_content))
    assert found["series"]["loss"]["value"] == [0.1 + 0.2, "NaN"] and found["series"]["loss"]["tokens"] == [10, 20]
    assert f'filename="{run.uid}-easy-one-training-loss.json"' in answer["Content-Disposition"]
    both = editor_client.get(reverse("runs-compare-csv"), {"run": run.pk, "key": "loss"})
    assert b"".join(both.streaming_content).decode().splitlines()[1].startswith(f"{run.uid},easy one,,0,loss,1,10,")


def test_a_batch_says_who_chose_it_what_was_asked_and_each_rows_loss(editor, editor_client, tmp_path):
    run = make_run(editor)
    run.schedule = factories.make_schedule(editor)
    run.save()
    before = batch_of(run, 1)
    assert before is not None and not before.has_losses
    assert before.why.policy == "Shuffled" and sum(item.planned for item in before.why.asked) == pytest.approx(1)
    assert sum(item.batch for item in before.why.asked) == pytest.approx(1) and before.why.deviation >= 0
    np.save(tmp_path / "row_losses.npy", np.arange(8, dtype=np.float32))
    SavedState.objects.create(run=run, path=str(tmp_path), step=2, tokens=10, attempt=1)
    batch = batch_of(run, 1)
    assert batch is not None and [row.loss for row in batch.rows] == [float(n) for n in range(len(batch.rows))]
    page = editor_client.get(reverse("run-batch", args=[run.pk]), {"step": "1"}).content.decode()
    assert "Policy <strong>Shuffled</strong>" in page and "1.000" in page


def test_runs_differ_by_what_they_were_to_be_shown(editor, editor_client):
    runs = [make_run(editor, f"r{seed}", seed=seed) for seed in (1, 2)]
    runs[0].schedule = factories.make_schedule(editor)
    runs[0].save()
    page = editor_client.get(reverse("runs-compare"), {"run": [run.pk for run in runs]}).content.decode()
    assert ">policy<" in page and ">dataset version<" in page


def test_candidates_are_searched(editor, editor_client):
    chosen = make_run(editor, "alpha one")
    make_run(editor, "alpha two")
    make_run(editor, "beta")
    url = reverse("runs-compare-candidates")
    page = editor_client.get(url, {"find": "alpha", "run": chosen.pk}).content.decode()
    assert "alpha two" in page and "alpha one" not in page and "beta" not in page


def test_a_grouping_by_a_setting_puts_equal_values_together(editor, editor_client):
    runs = [make_run(editor, f"r{n}", seed=n) for n in range(4)]
    for place, run in enumerate(runs):
        run.job.config["batch_sequences"] = 4 + place // 2
        run.job.save()
        recorder, clock = recorder_of(run, Clock()), Clock()
        feed(recorder, clock, 1, 5, 600, place)
        recorder.flush()
    query = {"run": [run.pk for run in runs], "key": "loss", "by": "setting:batch_sequences"}
    found = editor_client.get(reverse("runs-compare-series"), query).json()["series"]
    assert [line["short"] for line in found[4:]] == ["batch_sequences = 4", "batch_sequences = 5"]
    query["by"] = "recipe"
    assert [
        line["members"] for line in editor_client.get(reverse("runs-compare-series"), query).json()["series"][4:]
    ] == [2, 2]
