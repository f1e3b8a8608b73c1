"""Items asked through lm-eval: prompts, the three shapes of MosaicML's files, and items that do not fit named by id."""

import pytest

from chimera.errors import InputError
from eval_app.core.tasks.bundled import bundled_task
from eval_app.core.tasks.definition import read_definition
from tests.core.eval.models import Roomy

pytestmark = pytest.mark.torch


class Listening(Roomy):
    """A model that takes words as tokens and likes short continuations."""

    def encoded(self, pairs):
        return [(pair, pair[0].split(), pair[1].split()) for pair in pairs]

    def score(self, encoded):
        return [(-float(len(pair[1])), False) for pair, _, _ in encoded]

    def generate_until(self, requests):
        return [f"said {number}" for number, _ in enumerate(requests)]


def ask(definition, items, examples=()):
    from eval_app.core.harness import ask

    return ask(Listening(), definition, items, examples)


def test_a_schema_asks_one_continuation_after_every_context():
    item = {"context_options": ["The cup", "The bottle"], "continuation": "was full.", "gold": 1}
    (asked,) = ask(bundled_task("winograd"), [("w-1", item)])
    assert asked.target == 1 and asked.answer.options == ["The cup", "The bottle"]
    assert asked.answer.tokens == [2, 2]


@pytest.mark.parametrize(
    "item",
    [{"query": "Fix it", "choices": ["a", "b"], "gold": 1}, {"question": "Fix it", "choices": ["a", "b"], "answer": 1}],
)
def test_piqa_takes_both_shapes_of_records(item):
    (asked,) = ask(bundled_task("piqa").model_copy(update={"num_fewshot": 0}), [("p-1", item)])
    assert (asked.prompt, asked.target) == ("Fix it\nAnswer:", 1)


def test_worked_examples_stand_before_a_continuation():
    records = [(f"j-{n}", {"context": f"Question {n}", "continuation": f"answer {n}"}) for n in range(3)]
    definition = bundled_task("jeopardy").model_copy(update={"num_fewshot": 2})
    (asked,) = ask(definition, records[:1], records[1:])
    assert asked.prompt.endswith("\nQuestion 0\nAnswer:") and asked.prompt.count("Answer: answer") == 2
    assert asked.answer.options == [" answer 0"] and asked.target == " answer 0"


def test_templates_are_read_as_lm_eval_reads_them():
    from eval_app.core.templates import compiled

    config = {"doc_to_text": "{{gold}}", "doc_to_target": "{{answers}}", "doc_to_choice": "{{[one, 'b']}}"}
    made = compiled(config)
    assert made["doc_to_text"]({"gold": 1}) == 1 and made["doc_to_choice"]({"one": "a"}) == ["a", "b"]
    assert made["doc_to_target"]({"answers": ["x", "y"]}) == ["x", "y"]
    assert made["doc_to_target"]({"answers": "[no list"}) == "[no list"
    assert compiled({"doc_to_text": "{{gold}}"})["doc_to_text"]({"gold": 1}) == "1"
    assert compiled({"doc_to_target": "answer"}) == {"doc_to_target": "answer"}


def test_repeats_ask_as_often_and_keep_every_text():
    text = "task: t\noutput_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: a\nrepeats: 3\n"
    (asked,) = ask(read_definition(text), [("g", {"q": "Why?", "a": "so"})])
    assert asked.answer.texts == ["said 0", "said 1", "said 2"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"question": "q", "choices": ["a", "b"], "answer": 5}, "the right answer 5 is none of its 2 options"),
        ({"question": "q", "choices": ["a", ""], "answer": 0}, "empty"),
        ({"text": "q", "choices": ["a", "b"], "answer": 0}, "question"),
    ],
)
def test_an_item_that_does_not_fit_is_named(item, message):
    good = ("good", {"question": "q", "choices": ["a", "b"], "answer": 0})
    with pytest.raises(InputError) as error:
        ask(bundled_task("mmlu"), [good, ("bad-7", item)])
    (problem,) = error.value.problems
    assert "'bad-7'" in problem.message and message in problem.message and "doc_to_text" in problem.hint
