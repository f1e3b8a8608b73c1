"""Win rates: counting, intervals, rule and judge, sides drawn."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.intervals import wilson
from eval_app.core.configs_judge import JudgeConfig
from eval_app.core.item_results import ItemResult
from eval_app.core.jobs import judge_pairs
from eval_app.core.win_rate import WinRate, by_judge, by_rule, counted, pairs_of, sides


def answered(item, main, prompt="p"):
    return ItemResult("t", item, prompt, "", main, {}, answers=[f"{main}"])


@pytest.mark.parametrize(("wins", "n"), [(0, 7), (3, 10), (50, 100), (9, 9)])
def test_without_ties_the_interval_is_wilsons(wins, n):
    assert WinRate(wins, 0, n - wins).interval == pytest.approx(wilson(wins, n, 0.05))


def test_ties_count_half_and_a_verdict_needs_the_interval_off_one_half():
    assert WinRate(1, 2, 1).rate == 0.5 and WinRate(0, 0, 0).interval == (0.0, 1.0)
    assert [WinRate(*each).verdict for each in ((80, 0, 20), (20, 0, 80), (6, 0, 4), (0, 50, 0))] == [
        *("better", "worse", "cannot tell", "cannot tell"),
    ]
    assert counted(["candidate", "tie", "baseline", "candidate"]) == WinRate(2, 1, 1)


def test_only_equal_prompts_are_compared():
    one, other = [answered("a", 1.0), answered("b", 1.0)], [answered("b", 0.0), answered("a", 1.0, "other prompt")]
    assert [(x.item, y.item) for x, y in pairs_of(one, other)] == [("b", "b")]


def test_the_rule_is_the_main_metric_in_its_direction():
    pair = answered("a", 1.0), answered("a", 0.0)
    assert (by_rule(pair), by_rule(pair[::-1]), by_rule(pair, higher_is_better=False)) == (
        *("candidate", "baseline", "baseline"),
    )
    assert by_rule((pair[0], pair[0])) == "tie" and by_rule((answered("a", math.nan), pair[1])) is None


def test_a_judge_that_only_likes_a_place_decides_nothing():
    def likes_the_first(asked, ending):
        return 1.0 if ending == " first" else 0.0

    def likes_long_answers(asked, ending):
        first, second = asked.split("First answer:\n")[1].split("\n\nSecond answer:\n")
        longer = len(first) > len(second.split("\n\nThe better")[0])
        return float(longer == (ending == " first"))

    assert by_judge("p", "a", "b", likes_the_first) == "tie"
    assert by_judge("p", "aaaa", "b", likes_long_answers) == "candidate"
    assert by_judge("p", "a", "bbbb", likes_long_answers) == "baseline"
    assert by_judge("p", "same", "same", likes_long_answers) == "tie"


class Report:
    def __init__(self, items):
        self._items = items

    def items(self, task):
        return self._items if task == "t" else []


def test_the_judge_is_asked_about_every_shared_prompt(tmp_path, monkeypatch):
    ctx = LocalContext(tmp_path)
    ctx.artefacts["evaluation-1"] = Report([answered("a", 1.0), answered("b", 2.0), answered("c", 3.0)])
    ctx.artefacts["evaluation-2"] = Report([answered("b", 5.0), answered("a", 1.0)])
    ctx.artefacts["checkpoint-1"] = "judge"
    monkeypatch.setattr(judge_pairs, "_likelihood", lambda judge, config: lambda asked, ending: float("5.0" in asked))
    config = JudgeConfig(candidate="evaluation-1", baseline="evaluation-2", task="t", judge="checkpoint-1")
    assert judge_pairs.run(config, ctx).choices == {"a": "tie", "b": "tie"}
    with pytest.raises(InputError, match="share no answers of other"):
        judge_pairs.run(config.model_copy(update={"task": "other"}), ctx)


def test_sides_are_drawn_by_the_seed_and_fair():
    drawn = [sides(str(seed))[0] for seed in range(400)]
    assert drawn == [sides(str(seed))[0] for seed in range(400)]
    assert 160 < drawn.count("candidate") < 240 and set(sides("x")) == {"candidate", "baseline"}


def test_a_report_is_not_its_own_baseline():
    with pytest.raises(ValidationError, match="its own baseline"):
        JudgeConfig(candidate="evaluation-1", baseline="evaluation-1", task="t", judge="checkpoint-1")
