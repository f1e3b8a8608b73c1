"""One Chromium for the session, one context per test, and no error of the page goes unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from chimera.launch.processes import Child, Family
from chimera.projects.access import Actor
from tests.browser import ARGUMENTS, find_chromium
from tests.processes import start_web, start_worker

# Playwright's sync API runs an event loop in the main thread, in which Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    try:
        program = find_chromium()
    except SystemExit as advice:
        pytest.fail(str(advice), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


class Watch:
    """What went wrong in a page: console errors, exceptions, failed requests, answers of 400 and more."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.expected: set[int] = set()  # statuses that a test provokes

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        status_line = message.text.startswith("Failed to load resource") and self.expected
        if message.type == "error" and not status_line:
            self.problems.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before an answer came
            self.problems.append(f"request failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.problems.append(f"status {response.status}: {response.url}")


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(chromium: Browser, watch: Watch, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at 1440 x 900 that fails its test on any problem and on any request to another host."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    context.route(lambda url: not _is_local(url), lambda route: route.abort("blockedbyclient"))
    page = context.new_page()
    watch.attach(page)
    yield page
    context.close()
    assert watch.problems == [], "\n".join(watch.problems)


def _is_local(url: str) -> bool:
    return url.startswith(
        ("http://localhost", "http://127.0.0.1", "ws://localhost", "ws://127.0.0.1", "data:", "blob:")
    )


@pytest.fixture(scope="session")
def web(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the web process of `make run` over the tests' database."""
    family = Family()
    with django_db_blocker.unblock():
        address = start_web(family, tmp_path_factory.mktemp("web") / "web.log")
    yield address
    family.stop()


@pytest.fixture
def site(web: str, transactional_db: None) -> str:
    """The address; rows that a test writes are seen there, and gone after the test."""
    return web


@pytest.fixture
def worker(site: str, tmp_path: Path) -> Iterator[Child]:
    """A worker with two processes, as in `make run`; ended before the rows go."""
    family = Family()
    yield start_worker(family, tmp_path / "worker.log", concurrency=2)
    family.stop()


class Visit:
    """A browser page in which somebody is signed in. Paths are of the tests' site."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site

    def sign_in(self, actor: Actor) -> Page:
        """Give the browser the session of `actor` (the login form has a test of its own)."""
        client = Client()
        client.force_login(get_user_model().objects.get(pk=actor.user.pk))
        cookie = client.cookies["sessionid"]
        self.page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": self.site}])
        return self.page

    def open(self, path: str) -> Page:
        self.page.goto(self.site + path)
        return self.page


@pytest.fixture
def visit(site: str, page: Page) -> Visit:
    return Visit(page, site)
