"""Journey 4 in a browser: label with keys, drag the threshold by keyboard and mouse, freeze what passes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from chimera.jobs import bell, dispatch, runner
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from curriculum_app.core.documents import Document
from curriculum_app.models import Classifier, DatasetVersion, Label, Theme
from curriculum_app.services import themes as services
from tests import factories
from tests.core.curriculum.test_themes import texts
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

DOCUMENTS = [Document(f"{kind}-{n}", text, "web") for kind in ("yes", "no") for n, text in enumerate(texts(kind, 40))]


@pytest.fixture
def actor() -> Actor:
    return factories.make_actor()


@pytest.fixture
def theme(actor: Actor) -> Theme:
    services.presets_add(actor)
    return Theme.objects.get(slug="edu")


@pytest.fixture
def dataset(actor: Actor) -> DatasetVersion:
    return factories.make_dataset(actor, "pages", documents=DOCUMENTS)


@pytest.fixture
def classifier(actor: Actor, theme: Theme, dataset: DatasetVersion, monkeypatch: pytest.MonkeyPatch) -> Classifier:
    """Trained in this process; no worker runs."""
    monkeypatch.setattr(dispatch, "send", lambda queue: None)
    monkeypatch.setattr(bell, "ring", lambda group, payload: None)
    for document in DOCUMENTS[:30] + DOCUMENTS[40:70]:
        services.label_put(actor, theme, dataset, document, document.id.startswith("yes"))
    services.classifier_train(actor, theme, dataset, {})
    assert runner.run_next("cpu")
    return Classifier.objects.get()


def test_texts_are_labelled_with_keys(visit: Visit, actor: Actor, theme: Theme, dataset: DatasetVersion) -> None:
    visit.sign_in(actor)
    page = visit.open(f"/data/themes/{theme.slug}/label/?dataset={dataset.pk}")
    tally, heading = page.locator("#labelling p[aria-live]"), page.locator("#labelling article h2")
    busy = page.locator(".htmx-request, .htmx-swapping, .htmx-settling")  # a key pressed then would find no button
    asked = []
    for key, said in (("y", "1 yes · 0 no"), ("n", "1 yes · 1 no"), ("s", "1 yes · 1 no")):
        asked.append(heading.inner_text())
        page.keyboard.press(key)
        expect(heading).not_to_have_text(asked[-1])
        expect(tally).to_contain_text(said)
        expect(busy).to_have_count(0)
    page.keyboard.press("Shift+U")
    expect(tally).to_contain_text("1 yes · 0 no")
    expect(heading).to_have_text(asked[1])
    phrase = page.get_by_label("that hold")
    phrase.press_sequentially("yny")
    expect(phrase).to_have_value("yny")  # letters in a field are text, not answers
    label = Label.objects.get()
    assert (label.document_id, label.value, label.annotator) == (asked[0], True, actor.name)


def test_the_threshold_is_dragged_and_what_passes_is_frozen(
    visit: Visit, actor: Actor, classifier: Classifier, dataset: DatasetVersion
) -> None:
    rows = served(actor, classifier)
    visit.sign_in(actor)
    page = visit.open(reverse("classifier-detail", args=[classifier.pk]))
    slider, first = page.get_by_role("slider", name="Threshold"), round(threshold_shown(page) * 200)
    for presses, key, place in ((3, "ArrowRight", first + 3), (2, "ArrowLeft", first + 1), (1, "Home", 0)):
        for _ in range(presses):
            slider.press(key)
        agrees(page, rows[place])

    plot = page.locator(".threshold-plot").bounding_box()
    assert plot is not None
    middle = plot["y"] + plot["height"] / 2
    page.mouse.move(plot["x"] + 0.2 * plot["width"], middle)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.5 * plot["width"], middle, steps=5)
    page.mouse.up()
    chosen = rows[round(threshold_shown(page) * 200)]
    assert 0.4 < chosen["threshold"] < 0.6
    agrees(page, chosen)

    expect(page.locator("input[name=threshold]")).to_have_value(f"{chosen['threshold']:g}")
    page.get_by_label("Name").fill("edu only")
    page.get_by_role("button", name="Freeze").click()
    page.wait_for_url("**/jobs/*/")
    job = Job.objects.get(kind="subset")
    assert (job.config["name"], job.config["threshold"]) == ("edu only", chosen["threshold"])
    assert runner.run_next("cpu")
    made = DatasetVersion.objects.get(stage="subset")
    assert made.documents == chosen["documents"] and list(made.parents.all()) == [dataset]


def served(actor: Actor, classifier: Classifier) -> list[dict[str, Any]]:
    """What the server says of each threshold, in steps of 0.005."""
    client = Client()
    client.force_login(actor.user)
    rows: list[dict[str, Any]] = client.get(reverse("classifier-thresholds", args=[classifier.pk])).json()["rows"]
    assert len(rows) == 201
    return rows


def threshold_shown(page: Page) -> float:
    output = page.locator(".threshold-slider output")
    expect(page.locator("[data-say=documents]")).not_to_have_text("–")
    return float(output.inner_text())


def agrees(page: Page, row: dict[str, Any]) -> None:
    """The numbers over the plot, and those of the server below it, are of this threshold."""
    expect(page.locator(".threshold-slider output")).to_have_text(f"{row['threshold']:.3f}")
    expect(page.locator("[data-say=documents]")).to_have_text(re.compile(rf"^{row['documents']} \("))
    expect(page.locator("#around .card-head .sub").first).to_have_text(f"at {row['threshold']:.3f}")
    by_domain = page.get_by_role("group", name="What passes, by domain")
    expect(by_domain.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text(str(row["documents"]))
