"""The forms of new jobs in a browser: nested settings without writing JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chimera.jobs.models import Job
from tests import factories
from tests.e2e.conftest import Visit, Watch

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def start(page: Page) -> None:
    """Submit the form and wait for the page of what it started."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(lambda url: "/new/" not in url)


def card(part: Page | Locator, title: str) -> Locator:
    """The card of a list whose heading begins with `title`."""
    return part.locator("li.item").filter(has=part.page.locator(f"> details > summary > strong:text-is('{title}')"))


def posted(page: Page, name: str) -> Any:
    """What the field would post now."""
    return json.loads(page.locator(f"textarea[name='{name}']").input_value())


def test_a_study_with_a_third_arm_is_put_together_without_writing_json(visit: Visit) -> None:
    actor = factories.make_actor()
    sequences = factories.make_sequences(actor)
    visit.sign_in(actor)
    page = visit.open("/jobs/new/study/")
    expect(page.locator("#id_sequences")).to_have_value(sequences.uid)  # the only one there is
    expect(page.get_by_label("Hidden size")).to_be_hidden()
    page.get_by_label("Token budget").fill("3200")
    expect(page.get_by_label("Kind of the new arm")).to_have_value("shuffle")
    page.get_by_label("Kind of the new arm").select_option("Hard to easy")
    page.get_by_role("button", name="Add arm").click()
    arm = card(page.locator("form"), "hard-to-easy")
    arm.get_by_label("Sharpness").fill("5")
    arm.get_by_label("Budget factor").fill("2")
    arm.get_by_label("Name").fill("hard first")
    said = card(page.locator("form"), "hard first").locator("summary")
    expect(said).to_contain_text("Hard to easy · Sharpness: 5 · Budget factor: 2")
    start(page)
    arms = Job.objects.get(kind="study").config["arms"]
    assert [(item["name"], item["policy"]["key"]) for item in arms] == [
        ("shuffled", "shuffle"),
        ("easy-to-hard", "easy_to_hard"),
        ("hard first", "hard_to_easy"),
    ]
    assert arms[2]["policy"]["config"] == {"sharpness": 5.0, "start": 0.05, "length_term": 1.0, "search": "automatic"}


def test_a_recipe_gets_a_filter_that_is_moved_by_keyboard(visit: Visit) -> None:
    actor = factories.make_actor()
    factories.make_dataset(actor)
    visit.sign_in(actor)
    page = visit.open("/jobs/new/curate/")
    before = [choice["key"] for choice in posted(page, "recipes")["*"]]
    page.get_by_label("Name", exact=True).fill("clean")
    domain = card(page.locator("form"), "Every other domain (*)")
    domain.locator("> details > summary").click()
    domain.get_by_label("Kind of the new filter").select_option("C4 lines and pages")
    domain.get_by_role("button", name="Add filter").click()
    domain.get_by_label("Sentences at least").fill("")
    up = domain.get_by_role("button", name="Move up: C4 lines and pages")
    up.focus()
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    domain.get_by_role("button", name="Remove: Repair Unicode (NFC)").click()
    start(page)
    recipes = Job.objects.get(kind="curate").config["recipes"]
    wanted = [key for key in [*before[:-2], "c4", *before[-2:]] if key != "normalise"]
    assert [choice["key"] for choice in recipes["*"]] == wanted
    assert recipes["*"][wanted.index("c4")]["config"]["min_sentences"] is None
    assert [choice["key"] for choice in recipes["code"]] == ["python_parse", "length", "min_length"]


def test_domains_are_added_by_name_and_no_name_is_given_twice(visit: Visit) -> None:
    visit.sign_in(factories.make_actor())
    page = visit.open("/jobs/new/curate/")
    page.get_by_role("button", name="Add domain").click()
    name = page.get_by_label("Domain", exact=True).last
    name.fill("code")
    assert name.evaluate("input => input.validationMessage") == "Another entry has this name."
    name.fill("poems")
    assert name.evaluate("input => input.validationMessage") == ""
    assert posted(page, "recipes")["poems"] == []


def test_a_problem_is_told_in_the_card_that_it_is_about(visit: Visit, watch: Watch) -> None:
    watch.expected.add(422)
    actor = factories.make_actor()
    factories.make_sequences(actor)
    visit.sign_in(actor)
    page = visit.open("/jobs/new/study/")
    arm = card(page.locator("form"), "easy-to-hard")
    arm.locator("summary").click()
    arm.get_by_label("Start").evaluate("input => input.removeAttribute('max')")
    arm.get_by_label("Start").fill("7")
    page.get_by_role("button", name="Start", exact=True).click()
    problem = card(page.locator("form"), "easy-to-hard").get_by_text("Input should be less than or equal to 0.9")
    expect(problem).to_be_visible()
    expect(page.get_by_label("Start", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Arms as JSON").click()
    expect(page.get_by_text("1.policy.config.start: Input should be less than")).to_be_visible()


def test_json_and_form_show_the_same_and_what_is_no_json_stays_as_it_was_typed(visit: Visit) -> None:
    visit.sign_in(factories.make_actor())
    page = visit.open("/jobs/new/study/")
    page.get_by_role("button", name="Arms as JSON").click()
    area = page.get_by_role("textbox", name="Arms")
    arms = [{"name": "ready", "policy": None, "schedules": ["schedule-1"]}, *json.loads(area.input_value())]
    area.fill(json.dumps(arms))
    page.get_by_role("button", name="Arms as Form").click()
    page.locator("summary").filter(has_text=re.compile("^ready")).click()
    expect(page.get_by_text("See JSON for: schedules schedule-1")).to_be_visible()
    page.get_by_label("Name", exact=True).first.fill("prepared")
    assert posted(page, "arms")[0] == {
        "name": "prepared", "policy": None, "schedules": ["schedule-1"], "shuffled_of": "", "sequences": None,
        "budget_tokens": None, "budget_factor": 1, "model": None, "learning_rate": None, "average": None,
    }  # fmt: skip
    page.get_by_role("button", name="Arms as JSON").click()
    area.fill("[{")
    page.get_by_role("button", name="Arms as Form").click()
    expect(page.get_by_text("Stays JSON")).to_be_visible()
    expect(area).to_have_value("[{")


def test_choosing_a_policy_shows_its_settings_at_once(visit: Visit) -> None:
    actor = factories.make_actor()
    sequences = factories.make_sequences(actor)
    visit.sign_in(actor)
    page = visit.open("/jobs/new/schedule/")
    page.get_by_label("Name", exact=True).fill("even")
    page.get_by_label("Token budget").fill("2048")
    page.get_by_label("Kind", exact=True).select_option("Even mixture")
    expect(page.get_by_label("Sharpness")).to_have_count(0)
    page.get_by_label("Length term").fill("2.5")
    start(page)
    config = Job.objects.get(kind="schedule").config
    assert config["policy"] == {
        "key": "fixed_mixture",
        "config": {"grouping": "domain", "shares": {}, "length_term": 2.5, "search": "automatic"},
    }  # fmt: skip
    assert (config["name"], config["sequences"]) == ("even", sequences.uid)
