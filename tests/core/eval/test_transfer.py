"""Whether an order of arms carries over to a larger model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval_app.core.verdicts.transfer import fisher, permutation_p, spearman, transfer
from eval_app.core.verdicts.verdict import ArmSummary, Verdict


def verdict(means: dict[str, list[float]], better: str = "lower") -> Verdict:
    arms = [
        ArmSummary(name=name, mean=float(np.mean(row)), by_seed=dict(enumerate(row)), multisets={}, beats_unigram=True)
        for name, row in means.items()
    ]
    return Verdict(
        word="cannot tell", sentence="", baseline="a", alpha=0.05, unigram=None, compares="order", arms=arms,
        comparisons=[], failures=[], better=better,
    )  # fmt: skip


def level(values: list[float], seeds: int = 3) -> dict[str, list[float]]:
    return {chr(97 + place): [value] * seeds for place, value in enumerate(values)}


def test_three_arms_cannot_tell() -> None:
    found = transfer(verdict(level([1, 2, 3])), verdict(level([1, 2, 3])))
    assert found.rho is None and found.sentence.startswith("Cannot tell: 3 arms")


def test_only_arms_that_both_studies_have_count() -> None:
    found = transfer(verdict(level([1, 2, 3, 4, 5, 6])), verdict(level([1, 2, 3, 4, 5])))
    assert found.arms == ["a", "b", "c", "d", "e"] and found.rho == pytest.approx(1.0)
    assert found.p == pytest.approx(2 / 120) and "carries over" in found.sentence


def test_an_order_that_is_turned_round_and_one_that_says_nothing() -> None:
    rising, falling = level([1, 2, 3, 4, 5, 6]), level([6, 5, 4, 3, 2, 1])
    assert "turned round" in transfer(verdict(rising), verdict(falling)).sentence
    assert "carries over" in transfer(verdict(rising), verdict(falling, better="higher")).sentence
    assert transfer(verdict(rising), verdict(level([2, 5, 1, 6, 3, 4]))).sentence.startswith("Cannot tell whether")


def test_the_p_value_is_exact_for_few_arms_and_scipys_for_many() -> None:
    rng = np.random.default_rng(3)
    few, other = rng.normal(size=6), rng.normal(size=6)
    assert spearman(few, other) == pytest.approx(stats.spearmanr(few, other).statistic)
    exact = stats.permutation_test(
        (few,), lambda x: stats.spearmanr(x, other).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert permutation_p(few, other) == pytest.approx(exact.pvalue)
    many, others = rng.normal(size=15), rng.normal(size=15)
    assert permutation_p(many, others) == pytest.approx(stats.spearmanr(many, others).pvalue)


def test_the_interval_over_arms_holds_the_truth_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(4), 0
    for _ in range(400):
        x = rng.normal(size=12)
        low, high = fisher(spearman(x, x + rng.normal(size=12)), 12)
        inside += low <= 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2) <= high
    assert inside / 400 >= 0.92


def test_seeds_are_drawn_again_only_where_there_are_twenty() -> None:
    rng = np.random.default_rng(5)
    rows = {name: list(place + rng.normal(size=20)) for place, name in enumerate("abcdef")}
    assert transfer(verdict(rows), verdict(rows)).interval == "seeds"
    short = {name: row[:19] for name, row in rows.items()}
    assert transfer(verdict(short), verdict(rows)).interval == "fisher"
