"""The live page of a run in a browser: nothing lost, nothing repeated, and a view that can be shared."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, WebSocketRoute, expect

from chimera.context import CheckpointNote
from chimera.projects.access import Actor
from tests.e2e.conftest import Visit
from tests.web.run_factory import Clock, checkpoint_directory, feed, make_run, next_attempt, recorder_of
from training_app.models import TrainingRun
from training_app.services.recorder import RunRecorder

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LOSS = "document.querySelector('figure[data-patterns*=\"loss\"]').chart"


class Training:
    """A worker's side: writes points from a thread of its own, as the browser's driver occupies this one."""

    def __init__(self, run: TrainingRun) -> None:
        self.run, self.clock = run, Clock()
        self.recorder: RunRecorder | None = None

    def do(self, work: Callable[[], Any]) -> None:
        def body() -> None:
            try:
                work()
            finally:
                connection.close()

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()

    def start(self) -> None:
        self.recorder = recorder_of(self.run, self.clock)
        self.do(self.recorder.resume)

    def steps(self, first: int, last: int) -> None:
        assert self.recorder is not None
        recorder = self.recorder

        def write() -> None:
            feed(recorder, self.clock, first, last, 600)
            recorder.flush()

        self.do(write)

    def checkpoint(self, folder: Path, step: int) -> None:
        assert self.recorder is not None
        recorder, note = self.recorder, CheckpointNote(checkpoint_directory(folder, step), step, step * 1000)
        self.do(lambda: recorder.checkpoint(note))

    def taken_over(self) -> None:
        next_attempt(self.run)
        self.start()


@pytest.fixture
def training(editor: Actor) -> Training:
    training = Training(make_run(editor, "easy · seed 3", seed=3, group="easy"))
    training.start()
    return training


def open_run(visit: Visit, actor: Actor, training: Training, query: str = "") -> Page:
    visit.sign_in(actor)
    page = visit.open(reverse("run-detail", args=[training.run.pk]) + query)
    page.wait_for_function("document.documentElement.dataset.live === 'live'")
    return page


def expect_steps(page: Page, last: int) -> None:
    """The loss chart holds every step from 1 to `last`, each once."""
    page.wait_for_function(f"{LOSS}?.series[0]?.step.at(-1) === {last}")
    assert page.evaluate(f"{LOSS}.series[0].step") == list(range(1, last + 1))


def test_points_reach_the_chart_while_training_and_a_reload_changes_nothing(visit, editor, training):
    training.steps(1, 20)
    page = open_run(visit, editor, training)
    expect_steps(page, 20)
    training.steps(21, 80)
    expect_steps(page, 80)
    live = page.evaluate(f"{LOSS}.series[0].smooth")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length >= 3")
    page.reload()
    expect_steps(page, 80)
    assert page.evaluate(f"{LOSS}.series[0].smooth") == pytest.approx(live, rel=1e-5)


def test_the_first_point_appears_on_a_page_opened_before_it(visit, editor, training):
    page = open_run(visit, editor, training)
    expect(page.locator("figure.is-empty").first).to_be_visible()
    training.steps(1, 5)
    expect_steps(page, 5)


def test_a_cut_connection_is_made_again_and_brings_what_was_missed(visit, editor, training):
    sockets: list[WebSocketRoute] = []

    def forward(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    visit.page.route_web_socket("**/ws/live/", forward)
    page = open_run(visit, editor, training)
    training.steps(1, 10)
    expect_steps(page, 10)
    sockets[-1].close()
    training.steps(11, 40)
    expect_steps(page, 40)
    assert len(sockets) == 2


def test_a_second_tab_shows_the_same(visit, editor, training):
    training.steps(1, 10)
    page = open_run(visit, editor, training)
    other = page.context.new_page()
    other.goto(page.url)
    other.bring_to_front()
    expect_steps(other, 10)
    training.steps(11, 30)
    expect_steps(other, 30)
    page.bring_to_front()
    expect_steps(page, 30)


def test_a_resumed_run_shows_every_step_once(visit, editor, training, tmp_path):
    page = open_run(visit, editor, training)
    training.steps(1, 20)
    training.checkpoint(tmp_path, 20)
    training.steps(21, 35)
    expect_steps(page, 35)
    training.taken_over()
    expect_steps(page, 20)
    training.steps(21, 50)
    expect_steps(page, 50)


def test_the_view_is_in_the_address_and_comes_back(visit, editor, training):
    training.steps(1, 40)
    page = open_run(visit, editor, training)
    page.get_by_role("button", name="step", exact=True).click()
    page.get_by_role("button", name="log x").click()
    page.get_by_role("slider", name="Smoothing").fill("0.5")
    page.wait_for_url(lambda url: "x=step" in url and "log_x=1" in url and "smoothing=0.5" in url)
    page.reload()
    expect(page.get_by_role("button", name="step", exact=True)).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"{LOSS}.plot._fullLayout?.xaxis.type === 'log'")
    assert page.evaluate(f"{LOSS}.board.smoothing") == 0.5


def test_a_chart_has_its_numbers_as_a_table_and_words_for_a_screen_reader(visit, editor, training):
    training.steps(1, 40)
    page = open_run(visit, editor, training)
    figure = page.locator("figure[data-patterns*='loss']").first
    expect(figure.locator(".plot")).to_have_attribute("aria-label", re.compile("Training loss over tokens.*step 40"))
    figure.get_by_text("Numbers").click()
    expect(figure.locator("table tbody tr")).to_have_count(40)
    expect(figure.get_by_role("link", name="CSV")).to_have_attribute("href", re.compile("series.csv"))


def test_pausing_from_the_page_is_shown_at_once(visit, editor, training):
    page = open_run(visit, editor, training)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("pauses at the next step")).to_be_visible()


def test_marked_runs_are_compared(visit, editor, training):
    training.steps(1, 64)
    other = Training(make_run(editor, "shuffled · seed 3", seed=4, group="shuffled"))
    other.start()
    other.steps(1, 64)
    visit.sign_in(editor)
    page = visit.open(reverse("runs"))
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Compare the marked runs").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length >= 2")


def test_points_that_come_while_the_first_history_is_on_its_way_are_drawn(visit, editor, training):
    held: list[Any] = []
    holding = [True]
    visit.page.route("**/series/?*", lambda route: held.append(route) if holding[0] else route.continue_())
    with visit.page.expect_request("**/series/?*"):
        page = open_run(visit, editor, training)
    page.evaluate("document.body.addEventListener('chimera:rows', () => { window.rowsHaveCome = true; })")
    training.steps(1, 20)
    page.wait_for_function("window.rowsHaveCome === true")
    holding[0] = False
    for route in held:
        route.fulfill(json={"series": [], "seq": 0, "start": 0})  # the answer from before the first point
    expect_steps(page, 20)
