"""The greedy scheduler equals the formula, and keeps to mixtures that a shuffle does not."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.scheduling import adherence, greedy
from curriculum_app.core.scheduling.adherence import Delivery
from curriculum_app.core.scheduling.greedy import first_best
from curriculum_app.core.scheduling.target import CurveTarget, StaticTarget, bins_given_group, rows_of_counts
from tests.core.curriculum.greedy_reference import reference_order

CASES = json.loads((Path(__file__).parents[2] / "fixtures/scheduler_conformance.json").read_text())
COSTS = {
    "sched.static tau0=0.625 lam=0": [0.5, 2, 0.5, 2, 4.5, 0],
    "sched.static tau0=0.625 lam=1": [4.7222222, 3.5555556, 2.5, 2.8888889, 15.3888889, 0],
    "sched.static tau0=0.5 lam=0": [0, 2, 2, 2, 2, 18],
    "sched.unequal": [1, 4.25, 17, 0],
}
DYNAMIC_COSTS = {
    "lam0": [0.2222222, 0.8888889, 2, 0.2222222, 0.8888889, 18],
    "lam1": [6.1288340, 1.5912209, 4.2755556, 1.1918793, 11.4348422, 18.0355556],
}


@dataclass(frozen=True)
class FallingShare:
    """p_0(n) = 1 - n / 24, so E_0(S) = S - S^2 / 48: the dynamic conformance case."""

    given_group: np.ndarray
    constant = False

    def groups(self, tokens):
        return np.stack([tokens - tokens**2 / 48, tokens**2 / 48], axis=-1)

    def bins(self, tokens):
        return self.groups(tokens) @ self.given_group


def greedy_order(*arguments, **options):
    return greedy.greedy_order(*arguments, **options).rows


def deviation(groups, bins, target):
    return adherence.deviation(Delivery(rows_of_counts(groups), rows_of_counts(bins)), target)


def arrays(case):
    return np.array(case["in"]["C"]), np.array(case["in"]["L"])


@pytest.mark.parametrize("name", COSTS)
def test_static_orders_and_costs_are_the_published_ones(name):
    case = CASES[name]
    groups, bins = arrays(case)
    target = StaticTarget(np.array(case["in"]["tau"]), np.array(case["in"]["kappa"]))
    term = case["in"].get("lam", 0.5)
    assert greedy_order(groups, bins, target, length_term=term).tolist() == case["out"]
    order, costs = reference_order(groups, bins, target, term)
    assert order == case["out"]
    assert np.allclose(costs, COSTS[name], atol=1e-6)


@pytest.mark.parametrize(("key", "term"), [("lam0", 0.0), ("lam1", 1.0)])
def test_dynamic_orders_and_costs_are_the_published_ones(key, term):
    case = CASES["sched.dynamic"]
    groups, bins = arrays(case)
    target = FallingShare(bins_given_group(groups, bins))
    assert greedy_order(groups, bins, target, length_term=term).tolist() == case["out"][key]
    assert np.allclose(reference_order(groups, bins, target, term)[1], DYNAMIC_COSTS[key], atol=1e-6)


@st.composite
def problems(draw, equal_lengths=False):
    """(groups, bins, curve): up to 14 sequences, 3 groups, 2 bins."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 14))
    lengths = np.full(count, 8) if equal_lengths else rng.integers(1, 9, count)
    groups = np.array([rng.multinomial(n, rng.dirichlet(np.full(3, 0.4))) for n in lengths])
    bins = np.array([rng.multinomial(n, rng.dirichlet(np.full(2, 0.4))) for n in lengths])
    knots = np.array([0.2, 0.6, 1.0]) * lengths.sum()
    return groups, bins, MixtureCurve(("a", "b", "c"), knots, rng.normal(0, 1.5, (3, 3)))


@settings(deadline=None)
@given(problems(), st.sampled_from([0.0, 0.3, 1.0]))
def test_a_moving_target_over_unequal_lengths_gives_the_order_of_the_formula(problem, term):
    groups, bins, curve = problem
    target = CurveTarget(curve, bins_given_group(groups, bins))
    assert (
        greedy_order(groups, bins, target, length_term=term).tolist() == reference_order(groups, bins, target, term)[0]
    )


@settings(deadline=None)
@given(problems(equal_lengths=True), st.sampled_from([0.0, 1.0]))
def test_a_moving_target_over_equal_lengths_gives_the_order_of_the_formula(problem, term):
    groups, bins, curve = problem
    target = CurveTarget(curve, bins_given_group(groups, bins))
    assert (
        greedy_order(groups, bins, target, length_term=term).tolist() == reference_order(groups, bins, target, term)[0]
    )


@settings(deadline=None)
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_a_fixed_target_gives_the_order_of_the_formula(problem, term):
    groups, bins, _ = problem
    target = StaticTarget(groups.sum(0) / groups.sum(), bins.sum(0) / bins.sum())
    order = greedy_order(groups, bins, target, length_term=term)
    assert order.tolist() == reference_order(groups, bins, target, term)[0]


def made_up(count, num_groups=16, num_bins=8, length=256, seed=0):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(num_groups, 0.15), count)
    groups = np.array([rng.multinomial(length, share) for share in shares])
    bins = np.array([rng.multinomial(length, share) for share in rng.dirichlet(np.full(num_bins, 0.2), count)])
    return groups, bins, StaticTarget(groups.sum(0) / groups.sum(), bins.sum(0) / bins.sum())


def test_natural_shares_end_exactly_on_target_and_stay_close_where_a_shuffle_does_not():
    groups, bins, target = made_up(1500)
    order = greedy_order(groups, bins, target)
    assert np.array_equal(np.sort(order), np.arange(1500))
    kept = deviation(groups[order], bins[order], target)
    shuffle = deviation(groups, bins, target)
    assert np.abs(kept.at_points[-1]).max() < 1e-6
    assert kept.largest < 2 and kept.largest < 0.2 * shuffle.largest
    assert kept.token_l2 < 0.1 * shuffle.token_l2
    assert kept.bins < 0.2 * shuffle.bins


def test_a_constant_curve_is_the_fixed_target():
    groups, bins, target = made_up(200, 4, 3)
    curve = MixtureCurve.constant(tuple("abcd"), target.shares)
    moving = CurveTarget(curve, np.tile(target.bin_shares, (4, 1)))
    assert greedy_order(groups, bins, moving).tolist() == greedy_order(groups, bins, target).tolist()


def test_scaling_all_counts_keeps_the_order():
    groups, bins, target = made_up(150, 5, 3)
    assert np.array_equal(greedy_order(groups, bins, target), greedy_order(groups * 7, bins * 7, target))


def test_without_the_length_term_bins_are_ignored():
    groups, bins, target = made_up(150, 5, 3)
    shuffled = np.random.default_rng(1).permutation(bins)
    assert np.array_equal(
        greedy_order(groups, bins, target, length_term=0), greedy_order(groups, shuffled, target, length_term=0)
    )


def test_a_budget_gives_a_prefix_of_the_whole_order():
    groups, bins, target = made_up(120, 5, 3)
    whole = greedy_order(groups, bins, target)
    part = greedy_order(groups, bins, target, budget=40 * 256)
    assert part.tolist() == whole[:40].tolist()


def test_much_noise_makes_a_shuffle_and_none_makes_none():
    groups, bins, target = made_up(400, 4, 3)
    plain = greedy_order(groups, bins, target)
    noisy = greedy_order(groups, bins, target, sigma=1e6, rng=np.random.default_rng(0))
    assert np.array_equal(np.sort(noisy), np.arange(400))
    assert abs(np.corrcoef(np.argsort(plain), np.argsort(noisy))[0, 1]) < 0.2
    silent = greedy_order(groups, bins, target, sigma=1e-13, rng=np.random.default_rng(0))
    assert silent.tolist() == plain.tolist()


def test_noise_without_a_generator_is_refused():
    groups, bins, target = made_up(3, 2, 2)
    with pytest.raises(ValueError, match="generator"):
        greedy_order(groups, bins, target, sigma=1.0)


def test_equals_go_lowest_index_first():
    groups, bins = np.full((5, 1), 4), np.full((5, 1), 4)
    target = StaticTarget(np.ones(1), np.ones(1))
    assert greedy_order(groups, bins, target).tolist() == [0, 1, 2, 3, 4]
    assert first_best(np.array([2.0, 1.0 + 5e-10, 1.0])) == 1


def test_nothing_to_order_gives_an_empty_order():
    target = StaticTarget(np.ones(1), np.ones(1))
    assert len(greedy_order(np.zeros((0, 1), int), np.zeros((0, 1), int), target)) == 0


def test_four_thousand_sequences_of_sixteen_groups_take_less_than_two_seconds_of_processor_time():
    groups, bins, target = made_up(4096)
    start = time.process_time()
    greedy_order(groups, bins, target)
    assert time.process_time() - start < 2.0
