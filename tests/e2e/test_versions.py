"""Versions in a browser: lineage that is walked, two versions compared, one deleted from its dialog."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from curriculum_app.models import DatasetVersion
from tests import factories
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def test_lineage_difference_and_deletion(visit: Visit) -> None:
    actor = factories.make_actor()
    documents = factories.make_documents(12)
    raw = factories.make_dataset(actor, "books", documents=documents)
    changed = [replace(documents[0], text="Quite other words."), *documents[1:8]]
    clean = factories.make_dataset(actor, "clean", stage="curated", documents=changed, parents=[raw])
    factories.make_dataset(actor, "alone")
    visit.sign_in(actor)

    page = visit.open("/data/lineage/")
    expect(page.locator(".lineage-node")).to_have_count(3)
    expect(page.get_by_role("row").filter(has_text="12 → 8")).to_have_count(1)
    node = page.get_by_role("link", name="clean:v1, curated")
    node.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/data/{clean.pk}/")
    expect(page.locator(".lineage-node")).to_have_count(2)  # its own family
    expect(page.locator(".lineage-current")).to_have_attribute("aria-current", "page")

    page.get_by_label("Compare with").select_option(label="books:v1 (raw)")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("link", name="The other way round").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("books:v1 → clean:v1")
    kinds = page.get_by_role("navigation", name="Kind")
    expect(kinds.get_by_role("link", name="removed 4")).to_have_attribute("aria-current", "true")
    kinds.get_by_role("link", name="changed 1").click()
    page.get_by_role("link", name="side by side").click()
    expect(page.locator("ins").first).to_contain_text("Quite")

    visit.open(f"/data/{raw.pk}/")
    page.get_by_role("link", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("clean:v1")
    dialog.get_by_text("Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete books:v1").click()
    expect(page.get_by_text("Deleted by")).to_be_visible()
    assert DatasetVersion.objects.get(pk=raw.pk).deleted and not DatasetVersion.objects.get(pk=clean.pk).deleted
    visit.open("/data/lineage/")
    expect(page.locator(".lineage-deleted")).to_have_count(1)
    expect(page.get_by_role("link", name="books:v1, raw · 12 documents, deleted")).to_be_visible()
