"""The win rate of two reports, and a person who judges pairs without seeing whose they are."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from chimera.jobs.models import Job
from chimera.typed import sha256_json
from eval_app.core.evaluation import Evaluation
from eval_app.core.item_results import ITEMS_FILE, ItemResult, write_items
from eval_app.core.jobs.judge_pairs import JudgeResult
from eval_app.models import EvalReport, PairVote, Score
from eval_app.selectors.win_rates import win_rates
from eval_app.services.votes import adopt_judged
from tests.conftest import signed_in
from tests.factories import store
from tests.web.evaluation_factory import make_checkpoint_row, make_report

pytestmark = pytest.mark.django_db


def with_answers(actor, texts):
    """A report of the task `poems` whose item n was answered with texts[n]; longer is better."""
    report = make_report(actor, lambda n: True, items=1, task="poems")
    results = [
        ItemResult("poems", f"q-{n}", f"Poem {n}?", "", float(len(text)), {}, answers=[text])
        for n, text in enumerate(texts)
    ]
    manifest = {"texts": texts, "of": report.pk}
    with store().stage(Evaluation.ref_kind) as stage:
        write_items(stage.path / ITEMS_FILE, results)
        report.digest = stage.seal(sha256_json(manifest), manifest).digest
    report.save()
    return report


@pytest.fixture
def reports(editor):
    return with_answers(editor, ["a long answer", "x", "same"]), with_answers(editor, ["short", "xy", "same"])


def test_the_page_shows_rule_judge_and_person(editor_client, editor, reports):
    candidate, baseline = reports
    PairVote.objects.create(
        candidate=candidate, baseline=baseline, task="poems", item="q-0", choice="tie", voter="someone"
    )
    page = editor_client.get(reverse("win-rate"), {"candidate": candidate.pk, "baseline": baseline.pk})
    text = page.content.decode()
    assert "rule: the task&#x27;s score" in text and "person: someone" in text and "Judge poems" in text
    assert [(each.by, each.rate.wins, each.rate.ties, each.rate.losses) for each in win_rates(*reports)] == [
        ("rule: the task's score", 1, 1, 1),
        ("person: someone", 0, 1, 0),
    ]


def test_a_person_judges_pair_after_pair_and_never_sees_whose_they_are(editor_client, editor, reports):
    candidate, baseline = reports
    client = editor_client
    address = reverse("win-rate-judge", args=[candidate.pk, baseline.pk, "poems"])
    for _ in range(2):
        page = client.get(address).content.decode()
        assert candidate.checkpoint.label not in page and "candidate" not in page.split("data-judge", 1)[1]
        item = re.search(r'name="item" value="([^"]+)"', page)[1]
        left = re.search(r'id="left".*?<p class="eval-prompt[^>]*>([^<]*)', page, re.DOTALL)[1]
        longer = {"a long answer": "left", "short": "right", "x": "right", "xy": "left"}[left]
        assert client.post(address, {"item": item, "choice": longer}).status_code == 302
    assert "All pairs are judged" in client.get(address).content.decode()
    choices = PairVote.objects.order_by("item").values_list("item", "choice", "voter")
    assert list(choices) == [(f"q-{n}", each, editor.name) for n, each in enumerate(("candidate", "baseline"))], (
        "equal answers are put to nobody"
    )
    assert client.post(address, {"item": "q-0", "choice": "nonsense"}).status_code == 302
    assert PairVote.objects.count() == 2


def test_viewers_cannot_vote_and_other_projects_see_nothing(viewer, stranger, reports):
    candidate, baseline = reports
    address = reverse("win-rate-judge", args=[candidate.pk, baseline.pk, "poems"])
    assert signed_in(viewer).post(address, {"item": "q-0", "choice": "left"}).status_code == 403
    assert signed_in(stranger).get(address).status_code == 404
    assert PairVote.objects.count() == 0


def test_a_judge_asked_again_replaces_what_it_said(editor, reports):
    candidate, baseline = reports
    judge = make_checkpoint_row(editor)
    config = {"candidate": candidate.uid, "baseline": baseline.uid, "task": "poems", "judge": judge.uid}
    job = Job(config=config)
    for choice in ("tie", "candidate"):
        adopted = adopt_judged(job, JudgeResult({"q-0": choice, "q-1": "baseline"}))
    assert adopted.summary["rate"] == 0.5
    assert {vote.item: vote.choice for vote in PairVote.objects.filter(judge=judge)} == {
        "q-0": "candidate",
        "q-1": "baseline",
    }


def test_without_two_reports_the_page_says_the_next_step(editor_client):
    assert "Two reports are needed" in editor_client.get(reverse("win-rate")).content.decode()
    assert EvalReport.objects.count() == 0


def test_a_report_names_what_stands_beside_the_main_score(editor_client, editor):
    report = make_report(editor, lambda n: True, task="poems")
    report.manifest["tasks"][0]["metrics"] = {"level_2": "Accuracy at level 2"}
    report.save()
    Score.objects.create(report=report, task="poems", metric="level_2", value=0.25, low=0.1, high=0.5, n=12)
    text = editor_client.get(reverse("evaluation-detail", args=[report.pk])).content.decode()
    assert "Accuracy at level 2" in text and "0.100 to 0.500" in text
