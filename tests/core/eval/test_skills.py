"""Skills: items counted once at their node and above, paired changes, emergence, orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval_app.core.skills import (
    ItemScores,
    Point,
    SkillScore,
    Tag,
    below,
    change,
    emerged,
    items_of_nodes,
    rank_agreement,
    score_of,
)
from eval_app.core.task_scores import interval

ABOVE = {"root": ["root"], "maths": ["root", "maths"], "algebra": ["root", "maths", "algebra"]}
KEYS = [("a", "x-1"), ("a", "x-2"), ("a", "y-1"), ("b", "x-1")]


def test_an_item_counts_once_at_its_node_and_at_every_node_above():
    tags = [Tag("algebra", "a", "x-*"), Tag("maths", "a", "x-1"), Tag("maths", "b")]
    found = {node: places.tolist() for node, places in items_of_nodes(KEYS, tags, ABOVE).items()}
    assert found == {"algebra": [0, 1], "maths": [0, 1, 3], "root": [0, 1, 3]}


def test_a_score_is_a_share_with_wilsons_interval_and_the_mean_level_of_chance():
    scores = ItemScores(KEYS, np.array([1.0, 0, 1, 1]), {"a": 0.25, "b": 0.5})
    score = score_of(scores, np.arange(4))
    assert (score.n, score.value, score.chance) == (4, 0.75, 0.3125)
    assert score.low == pytest.approx(0.3006, abs=1e-4) and score.few and score.at_chance
    assert score_of(ItemScores(KEYS, scores.right, {"a": None, "b": 0.5}), np.arange(4)).chance is None


def test_partial_credits_get_the_interval_of_a_mean_as_in_a_report():
    """2 of 8 in credits of .25: Wilson's of a rounded 2 would hold .591."""
    scores = ItemScores([("a", str(n)) for n in range(8)], np.array([0.25] * 6 + [0.5, 0.0]), {"a": None})
    score = score_of(scores, np.arange(8))
    assert score.value == 0.25 and (score.low, score.high) == interval(scores.right.tolist(), share=True)
    assert score.low == pytest.approx(0.1383, abs=1e-4) and score.high == pytest.approx(0.3617, abs=1e-4)


def test_changes_are_paired_by_item():
    """McNemar of data.md 9.8: 5 and 15 discordant items give p .041389."""
    keys = [("a", str(n)) for n in range(40)]
    before = ItemScores(keys, np.array([1.0] * 5 + [0.0] * 15 + [1.0] * 20), {"a": None})
    after = ItemScores(keys[::-1], np.array([0.0] * 5 + [1.0] * 15 + [1.0] * 20)[::-1], {"a": None})
    found = change(before, after)
    assert (found.n, found.only_before, found.only_after, found.difference) == (40, 5, 15, 0.25)
    assert found.test.exact == pytest.approx(0.041389, abs=1e-6) and found.clear
    assert change(before, ItemScores([("c", "1")], np.ones(1), {"c": None})) is None


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_report_does_not_differ_from_itself(right):
    scores = ItemScores([("a", str(n)) for n in range(len(right))], np.array(right, float), {"a": None})
    found = change(scores, scores)
    assert (found.difference, found.test.exact, found.clear) == (0, 1.0, False)


def points(*above):
    return [Point(10 * n, SkillScore(100, 0.5, 0.3 if high else 0.2, 0.6, 0.25)) for n, high in enumerate(above, 1)]


def test_a_skill_has_emerged_when_it_stays():
    assert emerged(points(0, 1, 0, 1, 1)) == 40
    assert emerged(points(1, 0)) is None and emerged([]) is None
    assert below([(1, 5.0), (2, 3.0), (3, 4.5), (4, 3.9)], 4.0) == 4


def test_the_order_of_two_runs_takes_five_skills():
    first = dict(zip("abcdef", range(6), strict=True))
    assert rank_agreement(dict(list(first.items())[:4]), first) is None
    assert rank_agreement(first, dict.fromkeys(first, 1)) is None
    assert rank_agreement(first, first).rho == 1
    found = rank_agreement(first, first | {"a": 1, "b": 0})
    assert found.low < found.rho < found.high <= 1
