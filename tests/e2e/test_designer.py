"""Journey 8 in a browser: draw a curriculum, mend it, dry-run, save, fork, compare, make a schedule, train on it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from chimera.launch.processes import Child
from curriculum_app.models import Curriculum, Schedule
from tests import factories
from tests.e2e.conftest import Visit
from training_app.models import TrainingRun

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def drawn(page: Page) -> dict:
    """The settings that the page would post now."""
    return json.loads(page.locator("[name='policy.config']").input_value())


def drag(page: Page, label: str, dx: float, dy: float) -> None:
    box = page.locator(f".handle[aria-label^='{label}'] .mark").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=3)
    page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


def sums(page: Page) -> list[float]:
    return [round(sum(knot["shares"].values()), 6) for knot in drawn(page)["knots"]]


def opened(visit: Visit) -> tuple[Page, object]:
    actor = factories.make_actor()
    sequences = factories.make_sequences(actor)
    visit.sign_in(actor)
    page = visit.open("/curricula/design/")
    expect(page.locator("[data-status]")).to_contain_text("can be given")
    return page, sequences


def test_points_move_by_mouse_keys_and_numbers_and_every_step_is_undone(visit: Visit) -> None:
    page, _ = opened(visit)
    first = drawn(page)
    drag(page, "code against literature, knot 1", 0, -60)
    after_drag = drawn(page)
    assert after_drag["knots"][0]["shares"]["code"] > first["knots"][0]["shares"]["code"] + 0.1
    point = page.locator(".handle[aria-label^='code against literature, knot 2']")
    point.focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(point).to_be_focused()
    assert drawn(page)["knots"][1]["shares"]["code"] == pytest.approx(
        first["knots"][1]["shares"]["code"] - 0.05, abs=2e-4
    )
    page.keyboard.press("+")
    assert len(drawn(page)["knots"]) == 3
    drag(page, "knot 2 of 3", 80, 0)
    assert 0 < drawn(page)["knots"][1]["at"] < 1 and sums(page) == [1.0, 1.0, 1.0]
    page.get_by_role("button", name="Learning rate", exact=True).click()
    drag(page, "learning rate, knot 2", 0, 20)
    page.get_by_role("button", name="Add phase").first.click()
    page.get_by_role("button", name="Add phase").first.click()
    page.get_by_label("Name of phase 2").fill("cool-down")
    assert drawn(page)["tracks"]["phases"][1]["name"] == "cool-down"
    share = page.get_by_label("Share of prose at knot 1")
    share.fill("0.9")
    expect(page.locator(".design-twin .errors").first).to_contain_text("not to 1")
    expect(share).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Normalise").first.click()
    assert sums(page) == [1.0, 1.0, 1.0]
    page.get_by_role("button", name="linear").click()
    assert "x=linear" in page.url
    page.locator(".handle").first.focus()
    for _ in range(40):
        page.keyboard.press("Control+z")
    assert drawn(page) == first
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("Control+Shift+z")
    assert drawn(page) == after_drag


@pytest.mark.timeout(120)
def test_from_a_drawing_to_a_fork_a_difference_a_schedule_and_a_run_in_its_order(visit: Visit, worker: Child) -> None:
    page, sequences = opened(visit)
    page.get_by_label("Name", exact=True).fill("mix")
    page.locator(".handle[aria-label^='code against literature, knot 1']").focus()
    for _ in range(6):
        page.keyboard.press("PageUp")
    page.get_by_label("Token budget").fill(str(sequences.tokens))
    mend = page.get_by_role("button", name=re.compile("^Use "))
    expect(page.locator("[data-status]")).to_contain_text("to mend")
    mend.click()
    expect(page.locator("[data-status]")).to_contain_text("can be given")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator("#dry-run")).to_contain_text("Tokens", timeout=20_000)
    page.locator(".handle[aria-label^='code against literature, knot 1']").focus()
    page.keyboard.press("PageDown")
    expect(page.get_by_text("The drawing has changed since this dry run.")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("The drawing has changed since this dry run.")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("mix:v1 is saved.")).to_be_visible()
    page.get_by_role("link", name="Design next").click()
    page.locator(".handle[aria-label^='code against literature, knot 2']").focus()
    page.keyboard.press("PageDown")
    page.get_by_role("button", name="Save as v2").click()
    expect(page.get_by_text("mix:v2 is saved.")).to_be_visible()
    page.get_by_role("link", name="difference").click()
    expect(page.locator("figure.chart .plot.js-plotly-plot")).to_be_visible()
    expect(page.get_by_role("table").first).to_contain_text("knots 2.shares.code")
    page.goto(f"{visit.site}/curricula/{Curriculum.objects.get(version=2).pk}/")
    page.get_by_role("link", name="Make schedule").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("body")).to_contain_text("succeeded", timeout=20_000)
    schedule = Schedule.objects.get()
    assert schedule.curriculum.label == "mix:v2"
    page.get_by_role("link", name=f"schedule: {schedule.uid}").click()
    page.get_by_role("link", name="Train on it").click()
    expect(page.get_by_label("Schedule", exact=True)).to_have_value(schedule.uid)
    start_a_tiny_run(page)
    expect(page.locator("#run-head")).to_contain_text("succeeded", timeout=60_000)
    page.get_by_role("navigation", name="Run", exact=True).get_by_role("link", name="Data").click()
    expect(page.locator("main")).to_contain_text("✓ delivered = planned")
    run = TrainingRun.objects.get()
    assert run.schedule == schedule and run.delivered_digest == run.planned_digest == schedule.order_digest


def start_a_tiny_run(page: Page) -> None:
    """Fill in the form that trains: two narrow layers, many sequences a step."""
    page.get_by_label("Name", exact=True).fill("in the drawn order")
    page.get_by_label("Sequences a step").fill("32")
    for label, size in {"Hidden size": 32, "Layers": 2, "Attention heads": 2, "Feed-forward size": 96}.items():
        page.get_by_label(label, exact=True).fill(str(size))
    page.get_by_role("button", name="Start", exact=True).click()


def test_a_finger_draws_on_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 800})
    page, _ = opened(visit)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = drawn(page)
    handle = page.locator(".handle[aria-label^='code against literature, knot 1']")
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = {"pointerId": 1, "pointerType": "touch", "isPrimary": True, "bubbles": True, "button": 0}
    page.evaluate("SVGElement.prototype.setPointerCapture = () => {}")  # a made-up pointer cannot be held
    handle.dispatch_event("pointerdown", {**touch, "clientX": x, "clientY": y})
    page.locator("[data-board]").dispatch_event("pointermove", {**touch, "clientX": x, "clientY": y - 40})
    page.locator("[data-board]").dispatch_event("pointerup", {**touch, "clientX": x, "clientY": y - 40})
    assert drawn(page)["knots"][0]["shares"]["code"] > before["knots"][0]["shares"]["code"] + 0.1
