"""The verdict says better, worse, cannot tell or not trained enough, and never more than the evidence."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval_app.core.verdicts.deciding import decide
from eval_app.core.verdicts.evidence import ArmEvidence, StudyEvidence
from eval_app.core.verdicts.verdict import Verdict

NOISE = [0.0, 0.002, -0.001, 0.001, -0.002, 0.0015, -0.0005]


def arm(name, shift, seeds=5, level=2.0, shown="same"):
    """Scores of two domains: a seed effect that pairs share, the arm's shift, and a little noise of its own."""
    scores = {
        seed: {
            "held_out/code": level + 0.1 * seed + shift * (1 + NOISE[seed] * 50),
            "held_out/prose": level - 0.05 * seed + shift,
        }
        for seed in range(seeds)
    }
    return ArmEvidence(name=name, multisets=dict.fromkeys(range(seeds), shown), scores=scores)


def evidence(*arms, seeds=5, baseline="shuffled", unigram=3.0):
    return StudyEvidence(
        seeds=list(range(seeds)), arms=list(arms), baseline=baseline, unigram={"code": unigram, "prose": unigram}
    )


def two(shift, seeds=5, **changes):
    return evidence(arm("shuffled", 0.0, seeds), arm("curriculum", shift, seeds, **changes), seeds=seeds)


def test_fewer_bits_at_every_seed_is_better():
    verdict = decide(two(-0.02))
    assert verdict.word == "better"
    assert verdict.sentence.startswith("curriculum is better than shuffled: 0.0")
    assert "fewer bits per byte on average over 5 seeds" in verdict.sentence
    assert verdict.comparisons[0].interval.high < 0


def test_more_bits_at_every_seed_is_worse_and_says_so():
    verdict = decide(two(+0.02))
    assert verdict.word == "worse"
    assert "more bits per byte" in verdict.sentence


def noisy(seeds=5):
    base, other = arm("shuffled", 0.0, seeds), arm("curriculum", 0.0, seeds)
    scores = {
        seed: {domain: value + NOISE[seed] - 0.0005 for domain, value in row.items()}
        for seed, row in other.scores.items()
    }
    return evidence(base, other.model_copy(update={"scores": scores}), seeds=seeds)


def test_a_difference_within_the_noise_cannot_be_told_and_says_how_many_seeds_are_lacking():
    comparison = decide(noisy()).comparisons[0]
    assert comparison.word == "cannot tell"
    assert comparison.interval.low < 0 < comparison.interval.high
    assert comparison.more_seeds > 5
    assert f"about {comparison.more_seeds} more seeds" in comparison.sentence
    assert comparison.detectable_difference > abs(comparison.interval.mean)


def test_a_difference_far_below_the_noise_says_that_no_feasible_number_of_seeds_would_settle_it():
    base, other = arm("shuffled", 0.0), arm("curriculum", 0.0)
    for seed, value in enumerate([0.01, -0.01, 0.01, -0.01, 0.00001]):
        other.scores[seed]["held_out/code"] += value
    verdict = decide(evidence(base, other))
    assert verdict.comparisons[0].more_seeds is None
    assert "More than 1,000 seeds" in verdict.sentence


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_one_or_two_seeds_never_carry_a_verdict(seeds, shift):
    verdict = decide(two(shift, seeds))
    assert verdict.word == "cannot tell"
    assert f"{seeds} seed" in verdict.sentence and "at least three" in verdict.sentence
    assert verdict.comparisons[0].more_seeds >= 3 - seeds


def test_two_seeds_of_untrained_models_still_cannot_tell_and_add_that_they_are_untrained():
    verdict = decide(evidence(arm("shuffled", 0, 2, 9.0), arm("curriculum", 0.1, 2, 9.0), seeds=2))
    assert verdict.word == "cannot tell"
    assert "Not trained enough" in verdict.sentence


@pytest.mark.parametrize("levels", [(9.0, 9.0), (2.0, 9.0), (9.0, 2.0)])
def test_models_no_better_than_token_frequencies_are_not_compared(levels):
    verdict = decide(evidence(arm("shuffled", 0, level=levels[0]), arm("curriculum", 0.01, level=levels[1])))
    assert verdict.word == "not trained enough to compare"
    assert "3.000" in verdict.sentence
    assert [summary.beats_unigram for summary in verdict.arms] == [level < 3 for level in levels]


def test_exactly_at_the_unigram_baseline_is_not_below_it():
    flat = ArmEvidence(
        name="shuffled", multisets={}, scores={s: {"held_out/code": 3.0, "held_out/prose": 3.0} for s in range(5)}
    )
    assert decide(evidence(flat, arm("curriculum", 0.0))).word == "not trained enough to compare"


def test_identical_arms_cannot_be_told_apart():
    verdict = decide(two(0.0))
    assert verdict.word == "cannot tell"
    assert "identical" in verdict.sentence
    assert verdict.comparisons[0].interval.p == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_run_without_a_number_fails_its_arm_by_name(value):
    broken = arm("curriculum", -0.02)
    broken.scores[3]["held_out/code"] = value
    verdict = decide(evidence(arm("shuffled", 0.0), broken))
    assert verdict.word == "cannot tell"
    assert "curriculum failed" in verdict.sentence and "seed 3" in verdict.sentence
    assert len(verdict.failures) == 1
    assert verdict.arms[1].by_seed[3] is None
    assert [pair.seed for pair in verdict.comparisons[0].seeds] == [0, 1, 2, 4]


def test_a_run_that_is_missing_fails_its_arm():
    broken = arm("shuffled", 0.0)
    del broken.scores[0]
    assert "shuffled failed" in decide(evidence(broken, arm("curriculum", -0.02))).sentence


@given(st.lists(st.floats(1, 4), min_size=12, max_size=12))
def test_swapping_the_arms_negates_the_difference_exactly(values):
    def built(first, second):
        rows = [
            {s: {"held_out/code": v[2 * s], "held_out/prose": v[2 * s + 1]} for s in range(3)} for v in (first, second)
        ]
        return evidence(
            ArmEvidence(name="shuffled", multisets={}, scores=rows[0]),
            ArmEvidence(name="curriculum", multisets={}, scores=rows[1]),
            seeds=3,
            unigram=8.0,
        )

    one, other = decide(built(values[:6], values[6:])), decide(built(values[6:], values[:6]))
    a, b = one.comparisons[0], other.comparisons[0]
    assert [pair.difference for pair in a.seeds] == [-pair.difference for pair in b.seeds]
    assert (a.interval.mean, a.interval.low) == (-b.interval.mean, -b.interval.high)
    assert a.interval.p == b.interval.p
    opposite = {"better": "worse", "worse": "better"}
    assert opposite.get(a.word, a.word) == b.word


def test_equal_multisets_at_every_seed_compare_order_and_nothing_else():
    assert decide(two(-0.02)).compares == "order"
    assert decide(two(-0.02, shown="other")).compares == "selection + order"
    once = arm("curriculum", -0.02)
    once.multisets[2] = "other"
    assert decide(evidence(arm("shuffled", 0.0), once)).compares == "selection + order"


def test_an_unknown_multiset_is_not_taken_for_an_equal_one():
    unknown = [each.model_copy(update={"multisets": {}}) for each in (arm("shuffled", 0.0), arm("curriculum", -0.02))]
    assert decide(evidence(*unknown)).compares == "selection + order"


def test_domains_are_secondary_and_holm_corrected():
    base, other = arm("shuffled", 0.0), arm("curriculum", 0.0)
    for seed in range(5):
        other.scores[seed]["held_out/code"] -= 0.05 + NOISE[seed]
        other.scores[seed]["held_out/prose"] += 10 * NOISE[seed]
    domains = {result.domain: result for result in decide(evidence(base, other)).comparisons[0].domains}
    assert domains["code"].clear and not domains["prose"].clear
    assert domains["code"].interval.p_holm == pytest.approx(2 * domains["code"].interval.p)


def test_several_arms_share_the_error_and_each_has_its_comparison():
    third = noisy().arms[1].model_copy(update={"name": "even"})
    verdict = decide(evidence(arm("shuffled", 0.0), arm("curriculum", -0.02), third))
    assert [(comparison.arm, comparison.word) for comparison in verdict.comparisons] == [
        ("curriculum", "better"),
        ("even", "cannot tell"),
    ]
    first = verdict.comparisons[0].interval
    assert first.p_holm == pytest.approx(2 * first.p)


def test_the_verdict_is_the_same_every_time_and_survives_json():
    verdict = decide(noisy())
    assert verdict == decide(noisy())
    assert Verdict.model_validate(json.loads(json.dumps(verdict.as_json(), allow_nan=False))) == verdict


def test_evidence_survives_json_with_seeds_as_numbers():
    given_ = two(-0.02)
    assert StudyEvidence.model_validate_json(given_.model_dump_json()) == given_


def test_a_baseline_that_is_no_arm_is_an_error():
    with pytest.raises(ValueError, match="baseline 'other'"):
        decide(evidence(arm("shuffled", 0.0), arm("curriculum", 0.0), baseline="other"))


@pytest.mark.parametrize(
    ("changes", "compares"),
    [
        ({"orders": "other"}, "order"),
        ({"orders": "same", "learning_rate": "constant"}, "learning rate"),
        ({"orders": "other", "learning_rate": "constant"}, "order + learning rate"),
        ({"orders": "same"}, "nothing"),
    ],
)
def test_arms_are_labelled_with_all_that_differs(changes, compares):
    orders = dict.fromkeys(range(5), changes["orders"])
    base = arm("shuffled", 0.0).model_copy(update={"orders": dict.fromkeys(range(5), "same")})
    other = arm("curriculum", -0.02).model_copy(update={**changes, "orders": orders})
    assert decide(evidence(base, other)).compares == compares
