"""Journey 4 in a browser: one global run from the form, the matrix, the list behind a cell, a pair side by side."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from chimera.launch.processes import Child
from curriculum_app.core.dedup.shingles import shingles
from curriculum_app.core.documents import Document
from curriculum_app.models import DatasetVersion
from tests import factories
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

SENTENCES = [f"Sentence {n} of the long report says what happened on day {n} in room {n * 7}." for n in range(40)]
KEPT = " ".join(SENTENCES)
REMOVED = " ".join([*SENTENCES[:38], "Another ending was written for this copy."])
OTHER = " ".join(f"Nothing here is like it, as line {n * 13} shows in {n} ways." for n in range(30))


def test_from_the_form_to_two_texts_side_by_side(visit: Visit, worker: Child) -> None:
    actor = factories.make_actor()
    documents = [Document("kept", KEPT, "books"), Document("copy", REMOVED, "web"), Document("other", OTHER, "web")]
    raw = factories.make_dataset(actor, "library", documents=documents)
    visit.sign_in(actor)

    page = visit.open(f"/jobs/new/curate/?datasets={raw.uid}")
    page.get_by_label("Name", exact=True).fill("one of each")
    page.locator("#id_recipes").evaluate("(area) => { area.value = '{\"*\": []}'; }")
    page.get_by_role("button", name=re.compile("Start|Curate|Run")).first.click()
    page.wait_for_url("**/jobs/*/")
    page.get_by_role("link", name=re.compile("dataset: dataset-")).click(timeout=90_000)

    made = DatasetVersion.objects.get(stage="curated")
    expect(page.get_by_role("heading", level=1)).to_have_text(made.label)
    cell = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="books", exact=True))
    cell.get_by_role("link", name="1", exact=True).click()
    page.wait_for_url("**/duplicates/**")
    page.get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_role("link", name="compare").click()

    kept, removed = shingles(KEPT), shingles(REMOVED)
    exact = len(kept & removed) / len(kept | removed)
    assert 0.8 <= exact < 1
    expect(page.get_by_text(f"Jaccard {exact:.3f}")).to_be_visible()
    expect(page.locator("del")).to_contain_text(["Another ending"])
