"""A document through its recipe again: the same verdicts as the curation gave, with every value."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curriculum_app.core import asking_filters
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.documents import Document
from curriculum_app.core.examination import examine
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.pipeline import Chain

GOLDEN = [json.loads(line) for line in (Path(__file__).parents[2] / "fixtures/curation_golden.jsonl").open()]
ROOT = Path(__file__).parents[3]
KEYS = ("language", "gopher_repetition", "gopher_quality", "c4", "fineweb", "min_length")
RECIPE = [FilterChoice(key="length", config={"min_chars": 10, "max_chars": None}), FilterChoice(key="pii")]
RECIPE += [FilterChoice(key="length", config={"max_chars": 40})]


def document(text):
    return Document("a", text, "web")


def test_each_step_says_its_rules_and_what_it_changed():
    steps = examine(document("Write to jane@work.example, please."), RECIPE)
    assert [(step.key, step.verdict) for step in steps] == [("length", "kept"), ("pii", "changed"), ("length", "kept")]
    assert steps[0].rules[0].passes and steps[0].rules[0].statistic == 35 and steps[0].rules[0].bound == 10
    assert "jane@work.example" in steps[1].before and "jane@work.example" not in steps[1].after
    assert not steps[0].rules[1].binds


def test_after_the_rule_that_decided_the_rest_is_measured_and_marked():
    steps = examine(document("short"), RECIPE)
    assert (steps[0].verdict, steps[0].reason) == ("dropped", "too_short")
    assert [rule.decided for rule in steps[0].rules] == [True, False]
    assert [step.verdict for step in steps[1:]] == ["not reached", "not reached"]


@pytest.mark.parametrize("text", [record["text"] for record in GOLDEN])
def test_the_golden_documents_have_the_verdict_of_the_pipeline(text):
    recipe = [FilterChoice(key=key, config={"languages": ["en"]} if key == "language" else {}) for key in KEYS]
    verdict = Chain(recipe).judge(document(text))
    steps = examine(document(text), recipe)
    dropped = next((step for step in steps if step.verdict == "dropped"), None)
    if not isinstance(verdict, DroppedDocument):
        assert dropped is None
        return
    assert (dropped.key, dropped.reason) == (verdict.stage, verdict.reason)
    decided = [rule.statistic for rule in dropped.rules if rule.decided]
    assert decided == ([] if verdict.statistic is None else [verdict.statistic])


def test_it_runs_in_a_process_of_its_own():
    asked = asking_filters.steps(document("short"), [choice.as_json() for choice in RECIPE])
    assert asked == examine(document("short"), RECIPE)


def test_passages_are_asked_for_many_documents_at_once():
    choice = FilterChoice(key="c4")
    texts = [document("One { two."), document("Nothing here.")]
    assert asking_filters.passages(texts, choice, "curly_bracket") == [[(4, 5)], []]


def test_a_page_that_asks_filters_loads_neither_spacy_nor_torch():
    code = (
        "import sys; from curriculum_app.core import asking_filters;"
        "from curriculum_app.core.documents import Document;"
        "from curriculum_app.core.filters.base import FilterChoice;"
        "found = asking_filters.passages([Document('a', 'ab cd', 'web')], FilterChoice(key='gopher_quality'), "
        "'gopher_below_avg_threshold');"
        "print(found, sorted({'spacy', 'torch'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[[(0, 2), (3, 5)]] []\n"
