"""Every main page in a real browser: no error, nothing wider than the screen. And the way in."""

from __future__ import annotations

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from benchmarks.pages import main_pages
from chimera.jobs.models import Job
from eval_app.models import Study
from tests import factories
from tests.e2e.conftest import Visit, Watch
from tests.made_up_project import MadeUpProject
from training_app.models import TrainingRun

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def too_wide(visit: Visit, paths: dict[str, str], width: int) -> dict[str, int]:
    """Open every page at `width`; name → pixels by which it is too wide."""
    visit.page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for name, path in paths.items():
        answer = visit.page.goto(visit.site + path)
        assert answer is not None and answer.status == 200, path
        found[name] = int(visit.page.evaluate(OVERFLOW))
    return {name: pixels for name, pixels in found.items() if pixels > 0}


def number_rows_from(first: int) -> None:
    """Names such as run-23456 are as wide as those of a project in use."""
    with connection.cursor() as cursor:
        for table in (Job, TrainingRun, Study):
            cursor.execute(f"ALTER SEQUENCE {table._meta.db_table}_id_seq RESTART WITH {first}")


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_raises_nothing(visit: Visit, width: int) -> None:
    number_rows_from(23_456)
    project = MadeUpProject()
    project.add_study()
    visit.sign_in(project.actor)
    paths = {name: path for name, path in main_pages(project).items() if name != "run-series"}
    assert too_wide(visit, paths, width) == {}


def test_nothing_is_shown_without_signing_in(site: str, page: Page) -> None:
    page.goto(f"{site}/runs/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_wrong_password_is_said_and_the_right_one_lets_in(site: str, page: Page, watch: Watch) -> None:
    actor = factories.make_actor()
    for password in ("wrong", factories.PASSWORD):
        page.goto(f"{site}/login/")
        page.get_by_label("Username").fill(actor.name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        if password == "wrong":
            expect(page.get_by_text("Please enter a correct username and password")).to_be_visible()
    expect(page).to_have_url(f"{site}/")


def test_errors_of_a_page_and_calls_to_other_hosts_do_not_go_unseen(page: Page, site: str, watch: Watch) -> None:
    page.goto(f"{site}/login/")
    page.evaluate("console.error('said'); setTimeout(() => { throw new Error('thrown') })")
    page.evaluate("fetch('/no-such-page').catch(() => 0)")
    page.evaluate("fetch('https://example.org/').catch(() => 0)")
    page.wait_for_function("() => true")
    found = " ".join(watch.problems)
    watch.problems.clear()
    assert all(part in found for part in ("said", "thrown", "example.org"))
