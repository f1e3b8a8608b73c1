"""Journey 3 of the product in a browser: measure, drag a cut, read what it drops, curate."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from chimera.artefacts import ArtefactStore
from chimera.context import LocalContext
from chimera.jobs.models import Job
from chimera.launch.processes import Child
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.jobs import import_
from curriculum_app.core.rule_sample import RuleSample
from curriculum_app.models import RuleSample as Row
from curriculum_app.starter import recipes
from tests import factories
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

FAST = {"tokenizer": "regex"}
RECIPES = {
    "*": [{"key": key, "config": FAST} for key in ("gopher_repetition", "gopher_quality", "c4")],
    "web": [{"key": "extract"}, {"key": "gopher_quality", "config": FAST}, {"key": "min_length"}],
}


@pytest.fixture
def corpus(tmp_path: Path) -> list[Document]:
    """Documents of prose and pages of the starter corpus."""
    ctx = LocalContext(tmp_path)
    wanted = [config for config in recipes.imports(max_documents=30) if config.domain in ("prose", "web")]
    versions = [DatasetVersion.open(import_.run(config, ctx).stored) for config in wanted]
    return [document for version in versions for document in version.iter_documents()]


def opened(row: Row) -> RuleSample:
    store = ArtefactStore(factories.store().root)
    return RuleSample.open(store.load("rule-sample", row.digest))


def posted(page: Page) -> dict[str, list[dict[str, object]]]:
    """The recipes that the page would post now."""
    page.wait_for_timeout(300)  # the form follows a moment after the last move of a cut
    recipes: dict[str, list[dict[str, object]]] = json.loads(page.locator("[name=config]").input_value())["recipes"]
    return recipes


def shown(page: Page) -> Counter[tuple[int, str]]:
    """`(step, reason)` → documents of the open domain that the page says go there first."""
    tiles = page.locator(".rule").evaluate_all(
        "tiles => tiles.map(tile => [tile.dataset.step, tile.dataset.reason, tile.dataset.first])"
    )
    return Counter({(int(step), reason): int(first) for step, reason, first in tiles if int(first)})


def recomputed(sample: RuleSample, name: str, recipe: list[dict[str, object]]) -> Counter[tuple[int, str]]:
    """The same by running the recipe on the texts of the sample."""
    keys = [str(choice["key"]) for choice in recipe]
    found = sample.judged(sample.domain(name), [FilterChoice.model_validate(choice) for choice in recipe])
    return Counter({(keys.index(stage), reason): count for (stage, reason), count in found.items()})


def tile(page: Page, reason: str) -> Locator:
    return page.locator(f".rule[data-reason='{reason}']")


def agree(page: Page, sample: RuleSample, name: str) -> list[dict[str, object]]:
    """The counts of the page are those of the recipe really run; gives that recipe."""
    recipe = posted(page)[name]
    assert shown(page) == recomputed(sample, name, recipe)
    return recipe


def bench(visit: Visit, corpus: list[Document], address: str = "") -> tuple[Page, Row]:
    """The open workbench over a sample of the corpus."""
    actor = factories.make_actor()
    row = factories.make_rule_sample(actor, factories.make_dataset(actor, "pages", documents=corpus), recipes=RECIPES)
    visit.sign_in(actor)
    page = visit.open(f"/rules/{row.pk}/{address}")
    expect(page.locator("#workbench")).to_have_attribute("aria-busy", "false")
    return page, row


def test_a_cut_dragged_by_keyboard_and_mouse_is_counted_exactly(visit: Visit, corpus: list[Document]) -> None:
    page, row = bench(visit, corpus)
    sample = opened(row)
    expect(page.get_by_role("tab", name="prose")).to_have_attribute("aria-selected", "true")
    agree(page, sample, "prose")
    words = tile(page, "gopher_short_doc").get_by_role("slider")
    words.focus()
    before = words.get_attribute("aria-valuetext")
    for _ in range(4):
        page.keyboard.press("PageUp")
    expect(words).not_to_have_attribute("aria-valuetext", before or "")
    agree(page, sample, "prose")
    expect(page.get_by_text("texts nearest to the cut")).to_be_visible()
    alpha = tile(page, "gopher_below_alpha_threshold")
    alpha.scroll_into_view_if_needed()
    box = alpha.locator("svg").bounding_box()
    assert box is not None
    old = alpha.get_attribute("data-alone")
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20, steps=5)
    page.mouse.up()
    expect(alpha).not_to_have_attribute("data-alone", old or "")
    agree(page, sample, "prose")


def test_rules_are_switched_off_typed_and_what_they_drop_is_read(visit: Visit, corpus: list[Document]) -> None:
    page, row = bench(visit, corpus)
    tile(page, "dup_line_frac").get_by_role("button", name=re.compile("^Switch off")).click()
    sentences = tile(page, "too_few_sentences").get_by_role("spinbutton")
    sentences.fill("9")
    sentences.press("Enter")
    recipe: Any = agree(page, opened(row), "prose")
    assert recipe[0]["config"]["dup_line_frac"] is None and recipe[2]["config"]["min_sentences"] == 9
    page.locator(".example header button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("tab", name="web").click()
    agree(page, opened(row), "web")
    page.get_by_text("Before and after").first.click()
    expect(page.get_by_role("heading", name="Before", exact=True)).to_be_visible()


def test_a_shared_address_holds_the_cuts_and_curates_with_them(visit: Visit, corpus: list[Document]) -> None:
    cut = quote(json.dumps(["prose", "2.min_sentences", 9]))
    page, row = bench(visit, corpus, f"#domain=web&cut={cut}")
    expect(page.get_by_role("tab", name="web")).to_have_attribute("aria-selected", "true")
    agree(page, opened(row), "web")
    page.get_by_label("Name of the new version").fill("clean")
    page.get_by_role("button", name="Curate with these rules").click()
    page.wait_for_url("**/jobs/**")
    config = Job.objects.get(kind="curate").config
    assert config["recipes"]["prose"][2]["config"]["min_sentences"] == 9
    assert config["recipes"]["web"][1]["config"]["min_words"] == 50 and config["name"] == "clean"


def test_a_sample_is_measured_from_the_page_of_a_version(visit: Visit, worker: Child) -> None:
    actor = factories.make_actor()
    raw = factories.make_dataset(actor, "pages")
    visit.sign_in(actor)
    page = visit.open(f"/data/{raw.pk}/")
    page.get_by_role("link", name="Recipe workbench").first.click()
    page.get_by_label("Documents of each domain").fill("3")
    page.get_by_role("button", name="Measure").click()
    page.wait_for_url("**/rules/*/", timeout=25_000)
    expect(page.locator("#workbench")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text("6 documents measured")).to_be_visible()
