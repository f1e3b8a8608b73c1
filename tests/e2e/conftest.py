"""One Chromium for the session, one context per test, and no error of the page goes unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.browser import ARGUMENTS, find_chromium

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
