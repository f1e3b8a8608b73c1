"""Journey 2 in a browser: upload, map fields on a preview, set source and licence, see the version's card."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chimera.jobs.models import Job
from chimera.launch.processes import Child
from curriculum_app.models import DatasetVersion, SchemaMapping
from tests import factories
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

RECORDS = [
    {"key": n, "headline": f"Note {n}", "body": {"words": f"The {n}th note says this. " * (1 + n)}, "lang": "en"}
    for n in range(30)
]


def test_bring_data(visit: Visit, worker: Child, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS))
    visit.sign_in(factories.make_actor())
    page = visit.open("/data/")
    page.get_by_role("link", name="Import").first.click()
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Preview").click()
    result = page.locator("#result")
    expect(result.get_by_text("20 documents")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Title from")).to_have_value("key:headline")
    expect(page.get_by_label("Text: value or template")).to_be_hidden()
    expect(result.get_by_text("not mapped")).to_have_count(1)  # body.words is the text, key goes nowhere yet

    page.get_by_label("Id from").select_option("key")
    expect(result.get_by_text("not mapped")).to_have_count(0)
    page.get_by_label("Text from").select_option("template …")
    expect(page.get_by_label("Text: value or template")).to_be_visible()
    page.get_by_label("Text: value or template").fill("{headline}\n\n{body.words}")
    expect(result.get_by_role("cell", name="Note 3 The 3th note").first).to_be_visible()
    page.get_by_label("Source", exact=True).fill("my notes")
    page.get_by_label("Licence", exact=True).fill("CC0-1.0")
    page.get_by_label("Name of the mapping").fill("notes")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("The mapping is saved as notes.")).to_be_visible()
    assert SchemaMapping.objects.get().mapping["text"] == {"template": "{headline}\n\n{body.words}"}

    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/jobs/*/")
    _until_done()
    version = DatasetVersion.objects.get()
    visit.open(f"/data/{version.pk}/")
    card = page.locator("section", has=page.get_by_role("heading", name="Text at a glance"))
    expect(card).to_contain_text("30")
    expect(card).to_contain_text("my notes")
    expect(card.get_by_role("row", name="en 100.0 % 30")).to_be_visible()
    assert version.manifest["licenses"] == {"CC0-1.0": 30}


def test_the_form_of_the_job_edits_the_same_mapping(visit: Visit) -> None:
    visit.sign_in(factories.make_actor())
    page = visit.open("/jobs/new/import/")
    page.get_by_label("Name", exact=True).fill("notes")
    page.get_by_label("File or folder").fill("/data/notes.jsonl")
    form = page.locator("form#job-form")
    form.locator("summary").filter(has_text="text").first.click()
    form.get_by_label("more than that").check()
    form.get_by_label("Key", exact=True).fill("")
    form.get_by_label("Template").fill("{title}\n{body}")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(lambda url: "/new/" not in url)
    assert Job.objects.get().config["mapping"] == {"text": {"template": "{title}\n{body}"}}


def _until_done() -> None:
    end = time.monotonic() + 30
    while not Job.objects.filter(kind="import", state="succeeded").exists():
        assert time.monotonic() < end, list(Job.objects.values_list("kind", "state", "error_text"))
        time.sleep(0.1)
