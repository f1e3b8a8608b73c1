"""What a study may ask for: outcomes, looks, budgets, controls; and what its plan and verdict make of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chimera.jobs.kinds import Finished
from eval_app.core import study
from eval_app.core.configs_study import StudyConfig
from eval_app.core.statistics import ratio_of_means
from eval_app.core.study_arms import equal_compute, identical_arms, parameters_of, with_controls, wrong_budgets
from eval_app.core.study_evidence import gather
from eval_app.core.tasks.bundled import bundled_suites
from eval_app.core.verdicts.deciding import decide
from eval_app.core.verdicts.outcome import Outcome
from eval_app.core.verdicts.stopping import EarlyStop, looks_of
from eval_app.core.verdicts.verdict import Verdict
from training_app.core.configs import STARTER, TINY

WOBBLE = [0.0, 0.004, -0.003, 0.002, -0.005, 0.003, -0.001, 0.002]


def make(**changes: Any) -> StudyConfig:
    return StudyConfig.model_validate(
        {"sequences": "sequences-1", "budget_tokens": 1024, "seeds": [1, 2, 3], **changes}
    )


def arms(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "shuffled", "policy": {"key": "shuffle"}}, *more]


CURVE = {"name": "curve", "policy": {"key": "easy_to_hard"}}


def played(config: StudyConfig, gains: dict[str, float], tokens: dict[str, int] | None = None) -> dict[str, Finished]:
    """Every child that the plan ever asks for, finished: scores of two domains, lower by the arm's gain."""
    done: dict[str, Finished] = {}
    while new := [child for child in study.plan(config, done) if child.slot not in done]:
        for child in new:
            done[child.slot] = _ended(child, config, gains, tokens or {})
    return done


def _ended(child: Any, config: StudyConfig, gains: dict[str, float], tokens: dict[str, int]) -> Finished:
    kind, arm, seed = child.slot.split("/")
    if kind == "schedule":
        return Finished({"schedule": f"schedule-{config.arms.index(config.arm(arm)) + 1}{seed}"}, {})
    score = 2.0 + 0.1 * int(seed) - gains.get(arm, 0.0) * (1 + WOBBLE[int(seed) % 8] * 10)
    summary = {
        "held_out": {"code": score, "prose": score}, "held_out_macro": score, "unigram": {"code": 5.0, "prose": 5.0},
        "multiset_digest": "a", "delivered_digest": arm, "tokens": tokens.get(arm, 1024), "parameters": 1000,
        "first_loss": 9.0, "last_loss": 3.0 - gains.get(arm, 0.0),
    }  # fmt: skip
    return Finished({"checkpoint": f"checkpoint-{seed}"}, summary)


def verdict_of(config: StudyConfig, done: dict[str, Finished]) -> Verdict:
    return decide(gather(config, done))


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_a_text_names_the_metric_and_old_configs_are_read() -> None:
    assert make(primary_outcome="held_out/macro").primary_outcome == Outcome()
    assert make(primary_outcome={"metric": "accuracy", "better": "higher"}).primary_outcome.sign == -1


def test_bits_per_byte_are_never_better_higher() -> None:
    with pytest.raises(ValidationError, match="less is better"):
        make(primary_outcome={"metric": "held_out/code", "better": "higher"})


@pytest.mark.parametrize(("better", "word"), [("lower", "better"), ("higher", "worse")])
def test_any_number_of_a_run_can_be_the_outcome_and_the_direction_counts(better: str, word: str) -> None:
    config = make(arms=arms(CURVE), primary_outcome={"metric": "last_loss", "better": better})
    verdict = verdict_of(config, played(config, {"curve": 0.2}))
    assert (verdict.word, verdict.metric, verdict.unit) == (word, "last_loss", "last_loss")
    assert "0.2000 lower last_loss" in verdict.sentence
    assert {row.domain for row in verdict.comparisons[0].domains} == {"code", "prose", "macro"}


def test_an_outcome_that_no_run_gives_fails_by_name() -> None:
    config = make(arms=arms(CURVE), primary_outcome={"metric": "arc_easy/accuracy", "better": "higher"})
    verdict = verdict_of(config, played(config, {}))
    assert verdict.word == "cannot tell" and "without a number of arc_easy/accuracy" in verdict.sentence


# -- looks -------------------------------------------------------------------------------------------------------------


def test_levels_of_looks_are_those_of_lan_and_demets_and_sum_to_alpha() -> None:
    looks = looks_of(10, 0.05, EarlyStop(looks=[5]))
    assert [look.seeds for look in looks] == [5, 10]
    assert looks[0].level == pytest.approx(0.005575, abs=1e-6)  # 2 − 2 Φ(1.959964 / √0.5)
    pocock = looks_of(10, 0.05, EarlyStop(looks=[5], spending="pocock"))
    assert pocock[0].level == pytest.approx(0.031006, abs=1e-6)  # 0.05 ln(1 + 0.5 (e − 1))
    assert sum(look.level for look in pocock) == pytest.approx(0.05)
    assert looks_of(10, 0.05, None)[0].level == 0.05


@pytest.mark.parametrize("looks", [[4, 4], [5, 4], [2], [6]])
def test_looks_that_are_none_are_refused(looks: list[int]) -> None:
    with pytest.raises(ValidationError, match="look"):
        make(seeds=[1, 2, 3, 4, 5, 6], early_stop={"looks": looks})


def test_a_study_ends_at_the_look_that_decides_it_and_says_so() -> None:
    config = make(arms=arms(CURVE), seeds=[1, 2, 3, 4, 5, 6, 7, 8], early_stop={"looks": [4]})
    done = played(config, {"curve": 0.3})
    assert {slot.rpartition("/")[2] for slot in done} == {"1", "2", "3", "4"}
    verdict = verdict_of(config, done)
    assert verdict.word == "better" and "after 4 seeds that was declared" in verdict.sentence
    assert verdict.comparisons[0].stopped_after == 4 and not verdict.failures
    assert [(look.seeds, look.decided) for look in verdict.looks] == [(4, ["curve"])]


def test_only_the_arm_that_is_decided_stops_and_it_stays_listed() -> None:
    other = {"name": "same", "policy": {"key": "hard_to_easy"}}
    config = make(arms=arms(CURVE, other), seeds=[1, 2, 3, 4, 5, 6], early_stop={"looks": [4]})
    done = played(config, {"curve": 0.3, "same": 0.0})
    assert "train/same/6" in done and "train/shuffled/6" in done and "train/curve/5" not in done
    verdict = verdict_of(config, done)
    assert [each.arm for each in verdict.comparisons] == ["curve", "same"]
    assert [each.stopped_after for each in verdict.comparisons] == [4, None]
    assert len(verdict.arms[0].by_seed) == 6 and len(verdict.arms[1].by_seed) == 4


def test_a_study_that_is_not_decided_runs_to_its_last_seed() -> None:
    config = make(arms=arms(CURVE), seeds=[1, 2, 3, 4, 5], early_stop={"looks": [3]})
    assert "train/curve/5" in played(config, {"curve": 0.0})


# -- budgets -----------------------------------------------------------------------------------------------------------

TWICE = {"name": "twice", "policy": {"key": "shuffle"}, "budget_factor": 2}


def test_an_arm_with_another_budget_is_a_yardstick_and_never_better() -> None:
    config = make(arms=arms(TWICE, CURVE))
    done = played(config, {"twice": 0.4, "curve": 0.2}, {"twice": 2048})
    budgets = {child.slot: child.config.budget_tokens for child in study.plan(config, {})}
    assert budgets["schedule/twice/1"] == 2 * budgets["schedule/shuffled/1"] == 2048
    verdict = verdict_of(config, done)
    assert [(each.arm, each.word, each.matched) for each in verdict.comparisons] == [
        ("twice", "yardstick", False),
        ("curve", "better", True),
    ]
    assert verdict.word == "better" and verdict.sentence.startswith("curve is better")
    assert "2 times the tokens of shuffled: a yardstick" in verdict.comparisons[0].sentence
    assert (
        verdict.comparisons[1].interval and verdict.comparisons[1].interval.p_holm == verdict.comparisons[1].interval.p
    )
    worth = verdict.worth[0]
    assert (worth.arm, worth.yardstick) == ("curve", "twice")
    assert worth.factor == pytest.approx(2**0.5, rel=0.01)


def test_equal_tokens_are_not_equal_compute() -> None:
    config = make(arms=arms(CURVE), match="compute")
    done = played(config, {"curve": 0.2})
    big = {
        slot: Finished(each.artifacts, {**each.summary, "parameters": 3000})
        for slot, each in done.items()
        if "curve" in slot
    }
    verdict = verdict_of(config, done | big)
    assert verdict.word == "yardstick" and verdict.comparisons[0].ratio == pytest.approx(3.0)
    assert verdict.arms[0].flops == 6 * 1000 * 1024


def test_fiellers_interval_of_a_ratio() -> None:
    """Against its definition: at both ends the t statistic of first − ratio · second is the critical one."""
    first, second = [0.9, 1.1, 1.0, 1.3], [2.0, 2.1, 1.8, 2.2]
    ratio = ratio_of_means(first, second)
    assert ratio.low is not None and ratio.high is not None and ratio.low < ratio.value < ratio.high
    from scipy import stats

    for end in (ratio.low, ratio.high):
        p = stats.ttest_1samp([a - end * b for a, b in zip(first, second, strict=True)], 0).pvalue
        assert p == pytest.approx(0.05, abs=1e-9)
    assert ratio_of_means(first, [1.0, -1.1, 0.9, -0.5]).low is None


# -- selection and order -----------------------------------------------------------------------------------------------

SELECTING = {"name": "best", "policy": {"key": "selective_repetition"}}
CONTROL = {"name": "best shuffled", "shuffled_of": "best"}


def test_a_control_shuffles_what_its_arm_was_shown_at_the_same_seed() -> None:
    config = make(arms=arms(SELECTING, CONTROL))
    first = {child.slot for child in study.plan(config, {})}
    assert "schedule/best/1" in first and "schedule/best shuffled/1" not in first
    done = {"schedule/best/1": Finished({"schedule": "schedule-5"}, {})}
    made = {child.slot: child.config for child in study.plan(config, done)}["schedule/best shuffled/1"]
    assert (made.policy.key, made.policy.config) == ("reshuffled", {"schedule": "schedule-5"})


def test_order_alone_is_told_apart_from_selection() -> None:
    config = make(arms=arms(SELECTING, CONTROL))
    verdict = verdict_of(config, played(config, {"best": 0.3, "best shuffled": 0.1}))
    order = verdict.orders[0]
    assert (order.arm, order.against, order.clear) == ("best", "best shuffled", True)
    assert order.interval.mean == pytest.approx(-0.2, rel=0.02)
    assert verdict.num_secondary == 2 * 2 + 1


def test_every_arm_that_selects_gets_its_control_once() -> None:
    raw = {"order_control": True, "arms": [*arms(SELECTING, CURVE), {"name": "bad", "policy": {"key": "nonsense"}}]}
    full = with_controls(raw)
    assert [arm["name"] for arm in full["arms"]] == ["shuffled", "best", "curve", "bad", "best shuffled"]
    assert with_controls(full) == full and with_controls({"arms": raw["arms"]}) == {"arms": raw["arms"]}


def test_arms_that_differ_in_their_names_alone_are_told() -> None:
    config = make(arms=arms(CURVE, {**CURVE, "name": "again"}))
    (problem,) = identical_arms(config)
    assert problem.field == "arms.2.name" and "'curve' and 'again' are the same" in problem.message
    assert not identical_arms(make(arms=arms(CURVE, {**CURVE, "name": "twice", "budget_factor": 2})))


def test_ready_schedules_of_another_budget_are_told() -> None:
    config = make(arms=[{"name": "shuffled", "schedules": ["schedule-1", "schedule-2", "schedule-3"]}, CURVE])
    (problem,) = wrong_budgets(config, {"schedule-1": 1024, "schedule-2": 2048})
    assert problem.field == "arms.0.schedules.1" and "2,048" in problem.message and "factor to 2" in problem.hint


@pytest.mark.parametrize(("model", "vocabulary", "count"), [(STARTER, 2048, 1_066_112), (TINY, 512, 43_168)])
def test_parameters_are_counted_without_building_a_model(model: Any, vocabulary: int, count: int) -> None:
    assert parameters_of(model, vocabulary) == count


def test_equal_compute_gives_whole_sequences() -> None:
    assert equal_compute(1024, 32, 1000, 4000) == 256
    assert equal_compute(1000, 32, 1000, 3000) == 320


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arms": arms({"name": "b", "shuffled_of": "nobody"})}, "name an arm with a policy"),
        (
            {"arms": arms({"name": "b", "shuffled_of": "shuffled"}, {"name": "c", "shuffled_of": "b"})},
            "name an arm with",
        ),
        (
            {"arms": arms({"name": "b", "policy": {"key": "shuffle"}, "sequences": "sequences-2"})},
            "common held-out text",
        ),
        ({"arms": [{**TWICE, "name": "shuffled"}, CURVE]}, "its factor is 1"),
    ],
)
def test_impossible_arms_are_refused_with_a_reason(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make(**change)


def test_tasks_are_asked_of_every_run_and_one_can_be_the_outcome() -> None:
    asked = {"suite": next(name for name in bundled_suites() if name != "none")}
    config = make(arms=arms(CURVE), tasks=asked, primary_outcome={"metric": "arc/accuracy", "better": "higher"})
    done: dict[str, Finished] = {}
    for _ in range(2):
        done |= {c.slot: _ended(c, config, {}, {}) for c in study.plan(config, done) if c.kind != "evaluate"}
    for child in study.plan(config, done):
        if child.kind == "evaluate":
            assert child.config.suite == asked["suite"] and child.config.sequences is None
            right = 0.5 + 0.1 * ("curve" in child.slot) * (1 + WOBBLE[int(child.slot[-1])])
            done[child.slot] = Finished({}, {"scores": {"arc/accuracy": right}})
    verdict = verdict_of(config, done)
    assert verdict.word == "better" and "higher arc/accuracy" in verdict.sentence
    assert not make(tasks={}).evaluated and not make().evaluated


def test_arms_of_other_sequences_are_scored_on_the_common_text() -> None:
    other = {"name": "other", "policy": {"key": "shuffle"}, "sequences": "sequences-2"}
    config = make(arms=arms(other), held_out="sequences-3")
    done: dict[str, Finished] = {}
    for _ in range(2):
        done |= {c.slot: _ended(c, config, {}, {}) for c in study.plan(config, done) if c.kind != "evaluate"}
    children = {child.slot: child.config for child in study.plan(config, done)}
    assert str(children["schedule/other/1"].sequences) == "sequences-2"
    assert str(children["evaluate/other/1"].sequences) == "sequences-3"
    scores = {"scores": {"held_out/web": 2.0, "held_out/macro": 2.0}}
    done |= {slot: Finished({}, scores) for slot in children if slot.startswith("evaluate/")}
    evidence = gather(config, done, unigram={"web": 5.0})
    assert evidence.value(evidence.arms[1], 1) == 2.0
    assert decide(evidence).compares == "data"
