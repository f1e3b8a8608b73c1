"""Task definitions, scorers and scores (torch-free)."""

import math

import pytest

from chimera.errors import InputError
from curriculum_app.starter.taxonomy import nodes
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.scorers.exact_match import normalised
from eval_app.core.task_scores import centered, interval
from eval_app.core.tasks.bundled import bundled_suites, bundled_tasks
from eval_app.core.tasks.definition import read_definition


def test_every_bundled_task_and_suite_is_readable():
    assert {"commonsense_qa", "mmlu"} <= set(bundled_tasks())
    for suite in bundled_suites().values():
        assert all(task in bundled_tasks() or task in suite.missing for task in suite.tasks)


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("task: x\nmetadata:\n  chance: 2\n", "metadata.chance", 3),
        ("task: x\noutput_type: poem\n", "output_type", 2),
        ("task: x\nprompt: hello\n", "prompt", 2),
        ("- x", "", None),
        ("task: [", "", 1),
    ],
)
def test_a_wrong_definition_names_its_line_and_field(text, field, line):
    with pytest.raises(InputError) as error:
        read_definition(text, "mine.yaml")
    problem = error.value.problems[0]
    assert (problem.field, problem.line, problem.file) == (field, line, "mine.yaml")


def test_options_are_compared_as_three_worlds_do():
    """data.md 9.2: sums choose 2, means choose 0, lm-eval's acc_norm chooses 0; the loss of option 2 is .95."""
    answer = Answer(["a b c", "d", "e f"], [-2.7, -2.0, -1.9], [3, 1, 2], [False] * 3)
    chosen = {by: SCORERS.build("choices", {"by": by}).score({}, 2, answer) for by in ("sum", "token", "character")}
    assert {by: scored.facts["chosen"] for by, scored in chosen.items()} == {"sum": 2, "token": 0, "character": 0}
    assert chosen["token"].values == {"accuracy": 0.0, "correct_answer_loss": 0.95, "acc": 1.0, "acc_norm": 0.0}


@pytest.mark.parametrize(
    ("accuracy", "chance", "expected"),
    [(0.4375, 0.25, 0.25), (0.5, 0.5, 0), (0.73, 0.5, 0.46), (0.62, 0.62, 0), (0.2, 0.25, -0.066667)],
)
def test_centered_accuracy(accuracy, chance, expected):
    assert math.isclose(centered(accuracy, chance), expected, abs_tol=1e-6)


def test_answers_are_compared_in_trivia_form():
    assert normalised("The  Eiffel_Tower!") == "eiffel tower"
    scorer = SCORERS.build("exact_match", {})
    assert scorer.score({}, ["the Eiffel Tower"], Answer(texts=["Eiffel tower, in Paris"])).values == {"accuracy": 1.0}
    whole = SCORERS.build("exact_match", {"match": "whole"})
    assert whole.score({}, "Eiffel Tower", Answer(texts=["Eiffel tower, in Paris"])).values == {"accuracy": 0.0}


def test_the_interval_of_shares_is_wilsons_and_of_losses_students():
    low, high = interval([1.0] * 3 + [0.0] * 7, share=True)
    assert math.isclose(low, 0.1078, abs_tol=1e-4) and math.isclose(high, 0.6032, abs_tol=1e-4)
    assert interval([2.0], share=False) == (2.0, 2.0)


def test_skills_of_bundled_tasks_stand_in_the_starter_taxonomy():
    paths: set[str] = set()

    def walk(node, above):
        paths.add(path := "/".join([*above, node["slug"]]))
        for child in node.get("children", []):
            walk(child, path.split("/"))

    for root in nodes():
        walk(root, [])
    assert {skill for task in bundled_tasks().values() for skill in task.metadata.skills} <= paths
