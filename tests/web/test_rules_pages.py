"""The pages of the recipe workbench: what they send, who may do what, and what a wrong address says."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs.models import Job
from chimera.projects.access import Actor
from curriculum_app.core.documents import Document
from curriculum_app.models import DatasetVersion, RuleSample
from tests.conftest import signed_in
from tests.factories import make_dataset, make_rule_sample

RECIPES = {"*": [{"key": "extract"}, {"key": "normalise"}, {"key": "gopher_repetition"}, {"key": "length"}]}
PAGE = "<html><body><article><p>The river is long and cold, and nobody has ever swum it.</p></article></body></html>"


def documents() -> list[Document]:
    lines = [Document(f"d{n}", f"Line {n} is here.\n" * (n + 1), "prose", title=f"Title {n}") for n in range(12)]
    mails = [Document("mail", "Write to a.b@example.net today, please, or never again.", "mail")]
    return [*lines, *mails, Document("page", PAGE, "web", content="html")]


@pytest.fixture
def raw(editor: Actor) -> DatasetVersion:
    return make_dataset(editor, "pages", documents=documents())


@pytest.fixture
def sample(editor: Actor, raw: DatasetVersion) -> RuleSample:
    return make_rule_sample(editor, raw, recipes=RECIPES)


def rules(client: Client, sample: RuleSample) -> dict[str, Any]:
    return client.get(reverse("rule-sample-rules", args=[sample.pk])).json()


def test_the_setup_offers_the_version_and_the_default_recipes(editor_client: Client, raw: DatasetVersion) -> None:
    page = editor_client.get(reverse("dataset-rules", args=[raw.pk])).content.decode()
    assert f'value="{raw.uid}" selected' in page and "gopher_repetition" in page and "No sample of pages:v1 yet" in page
    assert (
        reverse("dataset-rules", args=[raw.pk])
        in editor_client.get(reverse("dataset-detail", args=[raw.pk])).content.decode()
    )


def test_posting_it_starts_one_job_and_shows_its_progress(editor_client: Client, raw: DatasetVersion) -> None:
    post = {"datasets": raw.uid, "name": "r", "recipes": json.dumps(RECIPES), "final_filters": "[]", "documents": "9",
            "seed": "0", "idempotency_key": "k"}  # fmt: skip
    address = reverse("dataset-rules", args=[raw.pk])
    answers = [editor_client.post(address, post) for _ in range(2)]
    job = Job.objects.get(kind="sample-rules")
    assert {answer.headers["Location"] for answer in answers} == {f"{address}?job={job.pk}"}
    assert "Measuring rules" in editor_client.get(f"{address}?job={job.pk}").content.decode()
    assert job.config["documents"] == 9


def test_what_is_wrong_is_said_at_its_field(editor_client: Client, raw: DatasetVersion) -> None:
    post = {"datasets": raw.uid, "name": "r", "recipes": "{}", "final_filters": "[]", "documents": "0", "seed": "0"}
    answer = editor_client.post(reverse("dataset-rules", args=[raw.pk]), post)
    assert answer.status_code == 422 and "greater than or equal to 1" in answer.content.decode()


def test_statistics_are_sent_with_what_holds_their_bounds(editor_client: Client, sample: RuleSample) -> None:
    said = rules(editor_client, sample)
    assert [item["name"] for item in said["domains"]] == ["mail", "prose", "web"]
    prose = said["domains"][1]
    by_reason = {rule["reason"]: rule for rule in prose["rules"]}
    top = by_reason["top_2_gram"]
    assert (top["kind"], top["side"], top["bound"], top["optional"], top["max"]) == ("number", "most", 0.2, True, 1)
    assert len(top["values"]) == prose["documents"] == 12
    assert (by_reason["too_short"]["whole"], by_reason["too_short"]["values"][0]) == (True, len("Line 0 is here.\n"))
    assert said["domains"][2]["steps"][0]["changed"] == [0] and said["finals"][0]["key"] == "pii"


def test_examples_have_the_passages_marked(editor_client: Client, sample: RuleSample) -> None:
    first = rules(editor_client, sample)["domains"][1]["first"]
    query = {"document": first + 3, "step": 2, "reason": "dup_line_frac"}
    (example,) = editor_client.get(reverse("rule-sample-examples", args=[sample.pk]), query).json()["examples"]
    assert [text for text, hit in example["pieces"] if hit] == ["Line 3 is here."] * 3
    page = editor_client.get(reverse("rule-sample-document", args=[sample.pk]), query).content.decode()
    assert page.count("<mark>Line 3 is here.</mark>") == 3 and "<dialog" in page


def test_changes_are_shown_as_difference_or_side_by_side(editor_client: Client, sample: RuleSample) -> None:
    said = rules(editor_client, sample)["domains"]
    change = reverse("rule-sample-change", args=[sample.pk])
    mail = editor_client.get(change, {"document": said[0]["first"], "step": 4}).content.decode()
    assert "<del>a.b</del>" in mail and "<ins>" in mail
    page = editor_client.get(change, {"document": said[2]["first"], "step": 0}).content.decode()
    assert "&lt;article&gt;" in page and "Before" in page and "<del>" not in page


def test_curate_takes_the_recipes_of_the_page(editor_client: Client, sample: RuleSample, raw: DatasetVersion) -> None:
    config = {"datasets": [raw.uid], "recipes": {"*": [{"key": "length", "config": {"min_chars": 30}}]}}
    post = {"name": "clean", "config": json.dumps(config), "idempotency_key": "c"}
    answer = editor_client.post(reverse("rule-sample-curate", args=[sample.pk]), post)
    job = Job.objects.get(kind="curate")
    assert answer.headers["Location"] == reverse("job-detail", args=[job.pk])
    assert job.config["recipes"]["*"][0]["config"]["min_chars"] == 30
    wrong = editor_client.post(
        reverse("rule-sample-curate", args=[sample.pk]), {"name": "x", "config": "{"}, follow=True
    )
    assert "datasets" in wrong.content.decode() and Job.objects.filter(kind="curate").count() == 1


def test_change_filters_opens_the_form_with_the_dragged_thresholds(
    editor_client: Client, sample: RuleSample, raw: DatasetVersion
) -> None:
    config = {"datasets": [raw.uid], "recipes": {"prose": [{"key": "length", "config": {"min_chars": 77}}]}}
    address = reverse("dataset-rules", args=[raw.pk])
    page = editor_client.post(address, {"edit": "1", "config": json.dumps(config)}).content.decode()
    assert "77" in page and not Job.objects.exists()


def test_viewers_see_the_workbench_and_start_nothing(
    viewer_client: Client, sample: RuleSample, raw: DatasetVersion, stranger: Actor
) -> None:
    page = viewer_client.get(reverse("rule-sample-detail", args=[sample.pk])).content.decode()
    assert "Recipe as JSON" in page and "Curate with these rules" not in page
    assert viewer_client.post(reverse("rule-sample-curate", args=[sample.pk]), {"name": "x"}).status_code == 403
    assert "Only editors measure" in viewer_client.get(reverse("dataset-rules", args=[raw.pk])).content.decode()
    for name in ("rule-sample-detail", "rule-sample-rules"):
        assert signed_in(stranger).get(reverse(name, args=[sample.pk])).status_code == 404


@pytest.mark.parametrize("query", [{}, {"document": "x", "step": "0"}, {"document": "999", "step": "0"},
                                   {"document": "0", "step": "99"}])  # fmt: skip
def test_a_document_or_filter_that_is_not_there_is_not_found(
    editor_client: Client, sample: RuleSample, query: dict[str, str]
) -> None:
    for name in ("rule-sample-document", "rule-sample-change"):
        assert editor_client.get(reverse(name, args=[sample.pk]), query).status_code == 404
