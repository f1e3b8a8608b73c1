"""From a verdict to what outlives it: the report that needs nothing, the arena, a study that is run again."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from chimera.projects.access import Actor
from eval_app.models import Reproduction, Study
from tests.e2e.conftest import Visit
from tests.web.study_factory import make_study

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_a_verdict_is_kept_compared_and_repeated(visit: Visit, editor: Actor) -> None:
    study = make_study(editor, gains={"easy-to-hard": 0.05})
    page = visit.sign_in(editor)
    visit.open(reverse("study-detail", args=[study.pk]))
    report = page.get_by_role("link", name="Report", exact=True).get_attribute("href") or ""
    page.goto("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit.open(report)
    expect(page.get_by_role("heading", level=1)).to_have_text(study.name)
    expect(page.locator("svg[role=img]")).to_have_count(2)
    assert [url for url in asked if not url.endswith((report, "favicon.ico"))] == [], "one file and no more"
    assert not page.evaluate("document.scripts.length")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.pdf(format="A4").startswith(b"%PDF")

    visit.open(reverse("studies"))
    page.get_by_role("link", name="Method arena").click()
    expect(page.get_by_role("heading", name="Easy to hard")).to_be_visible()
    expect(page.get_by_text("1 better")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("link", name=study.name).click()

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Reproduce").click()
    expect(page.get_by_role("heading", name=re.compile(f"Repeats {study.uid}"))).to_be_visible()
    again = Study.objects.get(job__parent=Reproduction.objects.get(original=study).job)
    assert page.url.endswith(reverse("study-detail", args=[again.pk]))
