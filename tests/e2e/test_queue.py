"""The queue in a browser: dragged with the mouse, moved by keys, and what two people do at once."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from chimera.jobs import ordering, services
from chimera.projects.access import Actor
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def shows(page: Page, *wanted: str) -> None:
    expect(page.locator(".queue-what > a")).to_have_text(list(wanted))


def test_jobs_are_dragged_and_moved_by_keys_and_a_conflict_is_told(visit: Visit, editor: Actor) -> None:
    configs = [{"name": name, "path": f"{name}.jsonl", "license": "CC0-1.0"} for name in ("ant", "bee", "cat", "dog")]
    jobs = [services.start(editor, "import", config)[0].pk for config in configs]
    visit.sign_in(editor)
    page = visit.open(reverse("job-queue-page"))
    shows(page, "ant", "bee", "cat", "dog")

    handle, target = page.locator(".queue-handle").nth(3), page.locator(".queue-entry").first
    start, end = handle.bounding_box(), target.bounding_box()
    assert start is not None and end is not None
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 10, end["y"] + 40, steps=12)
    page.mouse.move(start["x"] + 10, end["y"] + 2, steps=6)
    page.mouse.up()
    expect(page.locator(".queue")).to_have_attribute("data-seen", ",".join(map(str, [jobs[3], *jobs[:3]])))
    shows(page, "dog", "ant", "bee", "cat")
    page.reload()
    shows(page, "dog", "ant", "bee", "cat")

    page.locator(".queue-handle").nth(1).focus()
    page.keyboard.press("ArrowDown")
    shows(page, "dog", "bee", "ant", "cat")
    expect(page.locator(f"#handle-cpu-{jobs[0]}")).to_be_focused()
    page.keyboard.press("ArrowDown")
    shows(page, "dog", "bee", "cat", "ant")

    seen = [jobs[3], jobs[1], jobs[2], jobs[0]]
    ordering.reorder(editor, "cpu", seen, seen[::-1])  # somebody else, whose bell has not been heard
    page.get_by_role("button", name="bee down").click()
    expect(page.locator(".notice.is-bad")).to_contain_text("somebody else has changed the order")
    shows(page, "ant", "cat", "bee", "dog")
    assert [entry.root.pk for entry in ordering.entries_of(editor, "cpu")] == seen[::-1]
