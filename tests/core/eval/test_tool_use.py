"""Tool use: the grammar, BFCL's verdicts, the metrics, and the bundled requests."""

from __future__ import annotations

import json

import pytest

from eval_app.core.examination import examine
from eval_app.core.item_sources.base import ITEM_SOURCES
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.tasks.bundled import bundled_task
from eval_app.core.tool_calls import calls_of, fault_of
from tests.core.eval.models import Roomy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'TOOL_USE[web_search:{"query": "Python 3.12 release date"}]',
            [("web_search", {"query": "Python 3.12 release date"})],
        ),
        (
            '<think>x</think>\nTOOL_USE[a:{"x":[1,2],"s":"]}"}] then TOOL_USE[b:{"y":1}',
            [("a", {"x": [1, 2], "s": "]}"}), ("b", None)],
        ),
        ("TOOL_USE[confirm:{fact: 1}]", [("confirm", None)]),
        ("TOOL_USE[confirm:[1]]", [("confirm", None)]),
        ("no call TOOL_USE [a:{}]", []),
        ("TOOL_USE[a:" + "[" * 100_000, [("a", None)]),
    ],
)
def test_calls_are_read(text, expected):
    assert [(call.name, call.arguments) for call in calls_of(text)] == expected


TRIANGLE = {
    "name": "calculate_triangle_area",
    "parameters": {
        "properties": {"base": {"type": "integer"}, "height": {"type": "integer"}, "unit": {"type": "string"}},
        "required": ["base", "height"],
    },
}
GOLD = [{"calculate_triangle_area": {"base": [10], "height": [5], "unit": ["units", ""]}}]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"base": 10, "height": 5}, ""),
        ({"base": 10, "height": 5, "unit": "units"}, ""),
        ({"base": 10, "height": 5, "unit": "U N.I-TS"}, ""),
        ({"base": 10}, "missing_required"),
        ({"base": 10.0, "height": 5}, "type_error:simple"),
        ({"base": True, "height": 5}, "type_error:simple"),
        ({"base": 10, "height": 6}, "value_error:others"),
        ({"base": 10, "height": 5, "unit": "metres"}, "value_error:string"),
        ({"base": 10, "height": 5, "extra": 1}, "unexpected_param"),
    ],
)
def test_arguments_are_judged_as_bfcl_does(arguments, fault):
    text = f"TOOL_USE[calculate_triangle_area:{json.dumps(arguments)}]"
    assert fault_of([TRIANGLE], GOLD, calls_of(text)) == fault


def test_other_names_counts_and_orders():
    call = 'TOOL_USE[calculate_triangle_area:{"base": 10, "height": 5}]'
    assert fault_of([TRIANGLE], GOLD, calls_of("TOOL_USE[area:{}]")) == "wrong_func_name"
    assert fault_of([TRIANGLE], GOLD, []) == fault_of([TRIANGLE], GOLD, calls_of(call * 2)) == "wrong_count"
    other = {"name": "b", "parameters": {"properties": {"d": {"type": "string"}}, "required": []}}
    both = [*GOLD, {"b": {"d": ["April 1, 2024", ""]}}]
    assert fault_of([TRIANGLE, other], both, calls_of('TOOL_USE[b:{"d": "april 1 2024"}]' + call)) == ""
    assert fault_of([TRIANGLE, other], both, calls_of("TOOL_USE[b:{}]" + call)) == ""
    assert fault_of([TRIANGLE, other], GOLD, calls_of("TOOL_USE[b:{}]")) == "wrong_func_name"


def scored(text, calls=GOLD):
    item = {"tools": json.dumps([TRIANGLE]), "calls": json.dumps(calls)}
    return SCORERS.build("tool_use").score(item, "", Answer(texts=[text])).values


def test_the_metrics_of_a_right_call_after_a_thought():
    values = scored('<think>ten by five</think> TOOL_USE[calculate_triangle_area:{"base": 10, "height": 5}]')
    right = dict.fromkeys(("full_accuracy", "name_accuracy", "syntax", "think_before_tool"), 1.0)
    assert values == right | {
        **{"irrelevance": None, "multi_call": None},
        **{"hallucinated_tool": 0.0, "hallucinated_result": 0.0},
    }


def test_what_is_made_up_is_seen():
    values = scored("TOOL_USE[weather:{}]\nResult: 25 square units")
    assert (values["hallucinated_tool"], values["hallucinated_result"], values["full_accuracy"]) == (1.0, 1.0, 0.0)
    assert scored("The sky is blue.", [])["irrelevance"] == 1.0
    assert scored("TOOL_USE[calculate_triangle_area:{}]", [])["irrelevance"] == 0.0
    assert scored("TOOL_USE[calculate_triangle_area:{")["syntax"] == 0.0


def test_the_bundled_requests_are_the_same_every_time_and_solvable():
    made, again = (list(ITEM_SOURCES.build("tool_requests").items()) for _ in range(2))
    assert made == again and len({record["question"] for _, record in made}) == 80
    assert [record["kind"] for _, record in made[:10]] == ["one"] * 5 + ["several"] * 2 + ["none"] * 3
    for _, record in made:
        calls = [
            f"TOOL_USE[{name}:{json.dumps({gap: values[0] for gap, values in accepted.items()})}]"
            for each in json.loads(record["calls"])
            for name, accepted in each.items()
        ]
        assert fault_of(json.loads(record["tools"]), json.loads(record["calls"]), calls_of(" ".join(calls))) == ""


class Talker(Roomy):
    """A model that never calls a tool."""

    def generate_until(self, requests, **_):
        assert all("TOOL_USE[name:" in request.args[0] for request in requests)
        return ["I would rather talk." for _ in requests]


@pytest.mark.parametrize("task", ["tool_use", "tool_use_think"])
def test_a_task_that_makes_its_items_needs_no_benchmark(task):
    found = examine(Talker(), [bundled_task(task)], [], limit=None, seed=0)
    values = {score.metric: (score.value, score.n) for score in found.scores}
    assert values["full_accuracy"] == (0.0, 56) and values["irrelevance"] == (1.0, 24) and "syntax" not in values
    assert found.tasks[0]["present"] == 80 and not found.missing
