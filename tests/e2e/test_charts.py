"""Live charts in a browser: a spike at full zoom-out, a link that restores the view, the keyboard, a picture."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from tests import factories
from tests.e2e.conftest import Visit
from tests.web.run_factory import Clock, made_up_values, make_run, recorder_of
from training_app.models import TrainingRun

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
STEPS, SPIKE = 3000, 1777
LOSS = "document.querySelector('#chart-loss')?.chart"


@pytest.fixture
def run(editor: Actor) -> TrainingRun:
    """A run of 3,000 steps whose loss jumps at one of them; its schedule knows the batches of the first."""
    run = make_run(editor, "easy · seed 3", steps=STEPS, seed=3)
    run.schedule = factories.make_schedule(editor)
    run.save()
    recorder = recorder_of(run, Clock())
    for step in range(1, STEPS + 1):
        values = made_up_values(step, STEPS) if step % 10 == 0 else {}
        recorder.write(step, step * 1000, {**values, "loss": 40.0 if step == SPIKE else 2.0 + 5.0 / step})
    recorder.flush()
    return run


def opened(visit: Visit, editor: Actor, run: TrainingRun, query: str = "") -> Page:
    visit.sign_in(editor)
    page = visit.open(reverse("run-detail", args=[run.pk]) + query)
    page.wait_for_function(f"{LOSS}?.bound")
    return page


def test_a_spike_of_one_step_is_seen_and_a_step_is_pinned_by_keys(visit, editor, run):
    page = opened(visit, editor, run, "?log_x=1")
    line = page.evaluate(f"(({{ step, raw, count, band }}) => ({{ step, raw, count, band }}))({LOSS}.series[0])")
    assert line["count"] == STEPS and len(line["step"]) <= 700
    assert line["raw"][line["step"].index(SPIKE)] == 40.0 and max(line["band"]["high"]) == 40.0
    cursor = page.locator("#chart-loss").get_by_role("slider", name="Point of Training loss")
    cursor.focus()
    page.keyboard.press("Home")
    expect(cursor).to_have_attribute("aria-valuetext", re.compile("pinned: 7 at step 1$"))
    expect(page.locator("#batch")).to_contain_text("Policy Shuffled")
    page.keyboard.press("End")
    expect(page.locator("#chart-grad-norm .is-pinned")).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.locator(".pin-bar")).to_be_hidden()


def test_a_link_restores_the_whole_view(visit, editor, run):
    page = opened(visit, editor, run, "?x=step&pin=500")
    expect(page.locator(".pin-words")).to_contain_text("Step 500")
    page.get_by_role("button", name="held_out", exact=False).or_(
        page.get_by_role("button", name="code, shown")
    ).first.click()
    page.get_by_role("button", name="zoom all").click()
    box = page.locator("#chart-loss .plot").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 101, steps=3)
    page.mouse.up()
    page.wait_for_url(lambda url: "zoom=" in url and "hide=held_out%2Fcode" in url and "pin=500" in url)
    window = page.evaluate(f"{LOSS}.window")
    page.reload()
    page.wait_for_function(f"{LOSS}?.bound")
    assert page.evaluate(f"{LOSS}.plot.layout.xaxis.range") == pytest.approx(window)
    assert page.evaluate("document.querySelector('#chart-grad-norm').chart.window") == pytest.approx(window)
    expect(page.get_by_role("button", name="code, hidden")).to_have_attribute("aria-pressed", "false")
    found = Axe().run(page).response["violations"]
    assert [item["id"] for item in found] == []


@pytest.fixture
def crowd(editor: Actor) -> list[TrainingRun]:
    """42 runs of six steps, too many for a trace each; one of them far above the others."""
    runs = [make_run(editor, f"one of many {number}", seed=number, group="arm") for number in range(42)]
    for number, run in enumerate(runs):
        recorder = recorder_of(run, Clock())
        for step in range(1, 7):
            loss = 9.0 if number == 7 else 2.0 + number / 100
            recorder.write(step, step * 1000, {"loss": loss, "grad_norm": 1.0 + step})
        recorder.flush()
    Job.objects.update(state=State.SUCCEEDED)  # charts of active runs are read again and again
    return runs


def test_lines_of_a_crowd_share_traces_and_keep_their_names(visit, editor, crowd):
    visit.sign_in(editor)
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url) if "/compare/series/" in request.url else None)
    page = visit.open(reverse("runs-compare") + "?" + "&".join(f"run={run.pk}" for run in crowd))
    page.wait_for_function(f"{LOSS}?.bound && document.querySelector('#chart-grad-norm').chart.bound")
    assert len(asked) == 1 and "key=loss" in asked[0] and "key=grad_norm" in asked[0]
    traces = f"{LOSS}.plot.data"
    assert page.evaluate(f"{traces}.length") == 2 * 8
    assert page.evaluate(f"{traces}.flatMap((trace) => trace.y).filter(Number.isFinite).length") == 42 * 6
    expect(page.locator("#chart-loss .js-line")).to_have_count(42)

    chart = page.locator("#chart-loss .plot")
    axes = f"const {{ xaxis, yaxis }} = {LOSS}.plot._fullLayout;"
    left, top = page.evaluate(f"{axes} [xaxis._offset + xaxis.d2p(3000), yaxis._offset + yaxis.d2p(9)]")
    chart.hover(position={"x": left, "y": top + 2})
    expect(chart.locator(".hoverlayer")).to_contain_text("one of many 7")
    expect(chart.locator(".hoverlayer")).to_contain_text("step 3 · 3,000 tokens")
    chart.click(position={"x": left, "y": top + 2})
    expect(page.locator(".pin-words")).to_contain_text("Step 3")
    assert page.evaluate(f"{LOSS}.board.pin.run") == str(crowd[7].pk)
    page.get_by_role("button", name="one of many 7", exact=True).click()
    expect(page.locator("#chart-loss .js-line")).to_have_count(41)
    page.locator("#chart-loss summary").click()
    expect(page.locator("#chart-loss .twin-table")).to_contain_text("one of many 41")

    page.get_by_label("group by").select_option("group")
    page.wait_for_url(lambda url: "by=group" in url)
    page.wait_for_function(f"{LOSS}?.bound")
    assert page.evaluate(f"{traces}.length") == 2 + 3, "members in two layers, then the band and the mean of the arm"
    expect(page.locator("#chart-loss").get_by_role("button", name="arm, shown")).to_be_visible()


def test_a_picture_and_any_metric_are_to_be_had(visit, editor, run):
    page = opened(visit, editor, run, "?x=metric:held_out/macro")
    assert page.evaluate(f"{LOSS}.series[0].x.length") > 0
    page.get_by_role("button", name="Download, axis and size of Training loss").click()
    with page.expect_download() as told:
        page.get_by_role("button", name="SVG").click()
    assert told.value.suggested_filename == f"{run.uid}-easy-seed-3-training-loss.svg"
    drawn = told.value.path().read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "Training loss" in drawn and "easy · seed 3" in drawn
    page.get_by_label("Search metrics").fill("/^grad/")
    page.locator(".metric-group figure .js-plotly-plot").first.wait_for()
    expect(page.locator(".metric-group figure")).to_have_count(1)
