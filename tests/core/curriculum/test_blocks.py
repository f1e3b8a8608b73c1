"""The block search makes the choices of the full one, with and without noise, at any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.scheduling import blocks
from curriculum_app.core.scheduling.adherence import Delivery, deviation
from curriculum_app.core.scheduling.candidates import classes_of, joined
from curriculum_app.core.scheduling.greedy import LIMIT, TIE, greedy_order
from curriculum_app.core.scheduling.target import CurveTarget, StaticTarget, bins_given_group, rows_of_counts
from tests.core.curriculum.greedy_reference import reference_order
from tests.core.curriculum.test_greedy import CASES, COSTS, FallingShare, arrays

LENGTH = 240
pytestmark = pytest.mark.timeout(300)  # the first use on a machine compiles: about 10 s alone, far more on a busy one


def made_up(count, num_groups, num_bins, seed, equal=True, doubles=0.2):
    """A sparse corpus of one to five pieces a sequence, some sequences twice; groups of very different size."""
    rng = np.random.default_rng(seed)
    popularity = np.exp(rng.standard_normal(num_groups))
    lengths = np.full(count, LENGTH) if equal else rng.integers(1, 9, count) * 60
    groups, bins = np.zeros((count, num_groups), int), np.zeros((count, num_bins), int)
    for row in range(count):
        cuts = rng.multinomial(lengths[row], rng.dirichlet(np.ones(rng.integers(1, 6))))
        np.add.at(groups[row], rng.choice(num_groups, len(cuts), p=popularity / popularity.sum()), cuts)
        np.add.at(bins[row], rng.integers(0, num_bins, len(cuts)), cuts)
    source = np.where(rng.random(count) < doubles, rng.integers(0, count, count), np.arange(count))
    return groups[source], bins[source]


def natural(groups, bins):
    return StaticTarget(groups.sum(0) / groups.sum(), bins.sum(0) / bins.sum())


def moving(groups, bins, seed):
    rng = np.random.default_rng(seed)
    names = tuple(str(index) for index in range(groups.shape[1]))
    knots = np.array([0.2, 0.6, 1.0]) * groups.sum()
    return CurveTarget(MixtureCurve(names, knots, rng.normal(0, 1, (3, len(names)))), bins_given_group(groups, bins))


def in_blocks(groups, bins, target, **options):
    found = greedy_order(groups, bins, target, mode="exact", **options)
    assert found.exact and "blocks" in found.method
    return found.rows


@pytest.mark.parametrize("name", COSTS)
def test_published_orders(name):
    case = CASES[name]
    target = StaticTarget(np.array(case["in"]["tau"]), np.array(case["in"]["kappa"]))
    assert in_blocks(*arrays(case), target, length_term=case["in"].get("lam", 0.5)).tolist() == case["out"]


@pytest.mark.parametrize(("key", "term"), [("lam0", 0.0), ("lam1", 1.0)])
def test_published_orders_of_a_moving_target(key, term):
    groups, bins = arrays(CASES["sched.dynamic"])
    target = FallingShare(bins_given_group(groups, bins))
    assert in_blocks(groups, bins, target, length_term=term).tolist() == CASES["sched.dynamic"]["out"][key]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([2, 5, 64]))
def test_a_fixed_target_gives_the_order_of_the_formula(seed, equal, term, leaf):
    """Sequences of several groups with lambda > 0 equal brute force, in blocks of any size."""
    groups, bins = made_up(30, 6, 3, seed, equal)
    target = natural(groups, bins)
    unit, weight = groups.sum() / len(groups), np.sqrt(term)
    values = joined(rows_of_counts(groups), rows_of_counts(bins), weight, unit)
    owed = blocks.Owing(target, weight, unit)
    problem = blocks.Problem(values, groups.sum(axis=1) / unit, 6, owed)
    found = blocks.search_blocks(problem, budget=np.inf, leaf=leaf)
    assert found.order.tolist() == reference_order(groups, bins, target, term)[0] and found.cut == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 1.0]))
def test_a_moving_target_gives_the_order_of_the_formula(seed, term):
    groups, bins = made_up(16, 4, 3, seed)
    target = moving(groups, bins, seed)
    assert in_blocks(groups, bins, target, length_term=term).tolist() == reference_order(groups, bins, target, term)[0]


@pytest.mark.parametrize("kind", ["fixed", "moving"])
@pytest.mark.parametrize("equal", [True, False])
def test_two_thousand_sequences_of_fifty_groups_go_in_the_order_of_the_full_search(kind, equal):
    groups, bins = made_up(2000, 50, 8, 7, equal)
    target = natural(groups, bins) if kind == "fixed" else moving(groups, bins, 7)
    if kind == "moving" and not equal:
        target = Piecewise(target, groups)
    plain = greedy_order(groups, bins, target)
    assert "product" in plain.method
    assert np.array_equal(in_blocks(groups, bins, target), plain.rows)


class Piecewise:
    """A target that is linear between the points at which the block search reads it."""

    constant = False

    def __init__(self, target, groups):
        apart = max(groups.sum() / blocks.NODES, groups.sum(axis=1).max())
        self.nodes = apart * np.arange(int(groups.sum() / apart) + 20)
        self._at = target.groups(self.nodes), target.bins(self.nodes)

    def _read(self, values, tokens):
        return np.stack([np.interp(tokens, self.nodes, column) for column in values.T], axis=1)

    def groups(self, tokens):
        return self._read(self._at[0], tokens)

    def bins(self, tokens):
        return self._read(self._at[1], tokens)


def test_windows_of_a_moving_plan_change_nothing(monkeypatch):
    groups, bins = made_up(600, 12, 4, 3)
    target = moving(groups, bins, 3)
    whole = in_blocks(groups, bins, target)
    monkeypatch.setattr(blocks, "WINDOW", 16 * 40)
    assert np.array_equal(in_blocks(groups, bins, target), whole)


def test_a_budget_gives_a_prefix():
    groups, bins = made_up(300, 9, 4, 1)
    target = natural(groups, bins)
    assert np.array_equal(in_blocks(groups, bins, target, budget=100 * LENGTH), in_blocks(groups, bins, target)[:100])


def test_the_order_of_the_input_matters_only_between_equals():
    rng = np.random.default_rng(2)
    groups, bins = (
        np.array([rng.multinomial(LENGTH, shares) for shares in rng.dirichlet(np.ones(size), 400)]) for size in (30, 5)
    )
    target, moved = natural(groups, bins), np.random.default_rng(0).permutation(400)
    assert np.array_equal(moved[in_blocks(groups[moved], bins[moved], target)], in_blocks(groups, bins, target))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_no_prefix_is_further_off_than_four_times_the_largest_sequence(seed):
    groups, bins = made_up(150, 8, 3, seed)
    target = natural(groups, bins)
    order = in_blocks(groups, bins, target)
    assert np.array_equal(np.sort(order), np.arange(150))
    both = np.hstack([groups - LENGTH * target.shares, bins - LENGTH * target.bin_shares])
    assert np.linalg.norm(np.cumsum(both[order], axis=0), axis=1).max() <= 4 * np.linalg.norm(both, axis=1).max()


def test_the_length_term_keeps_bins_to_their_plan():
    groups, bins = made_up(800, 10, 5, 5)
    target = natural(groups, bins)
    delivery = Delivery(rows_of_counts(groups), rows_of_counts(bins))
    off = [
        deviation(delivery.in_order(in_blocks(groups, bins, target, length_term=term)), target)
        for term in (0.0, 0.1, 1.0)
    ]
    assert off[0].bins > 2 * off[1].bins > off[2].bins
    assert off[2].largest < 2


# -- noise -------------------------------------------------------------------------------------------------------------


def first_choices(chooser, count):
    return np.bincount([chooser(np.random.default_rng(seed)) for seed in range(count)], minlength=6)


def test_noise_chooses_as_often_as_noise_on_every_single_sequence_does():
    groups = np.array([[4, 0], [4, 0], [4, 0], [0, 4], [2, 2], [1, 3]])
    target = StaticTarget(np.array([0.5, 0.5]), np.ones(1))
    bins = groups.sum(axis=1, keepdims=True)
    costs = ((groups - 2) ** 2).sum(axis=1) / 16

    def plain(rng):
        return int((costs + 0.4 * rng.standard_normal(6)).argmin())

    def ours(rng):
        return int(in_blocks(groups, bins, target, sigma=0.4, rng=rng, budget=4)[0])

    want, got = first_choices(plain, 20_000) / 20_000, first_choices(ours, 400)
    assert stats.chisquare(got, want * 400).pvalue > 1e-3


def test_much_noise_is_a_shuffle_and_hardly_any_is_none():
    groups, bins = made_up(1500, 20, 4, 4)
    target = natural(groups, bins)
    plain = in_blocks(groups, bins, target)
    noisy = in_blocks(groups, bins, target, sigma=1e6, rng=np.random.default_rng(0))
    assert np.array_equal(np.sort(noisy), np.arange(1500))
    assert abs(stats.kendalltau(np.argsort(plain), np.argsort(noisy)).statistic) < 0.06
    tenths = np.bincount(np.argsort(noisy)[:500] // 150, minlength=10)
    assert stats.chisquare(tenths).pvalue > 1e-3
    assert np.array_equal(in_blocks(groups, bins, target, sigma=TIE / 10, rng=np.random.default_rng(0)), plain)


def test_some_noise_is_repeatable_and_lies_between():
    groups, bins = made_up(1000, 20, 4, 6)
    target, delivery = natural(groups, bins), Delivery(rows_of_counts(groups), rows_of_counts(bins))
    some, again = (in_blocks(groups, bins, target, sigma=1.0, rng=np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(some, again)
    off = [deviation(delivery.in_order(order), target).largest for order in (in_blocks(groups, bins, target), some)]
    shuffled = deviation(delivery.in_order(np.random.default_rng(0).permutation(1000)), target).largest
    assert off[0] < off[1] < shuffled


# -- candidates and modes ----------------------------------------------------------------------------------------------


def test_equal_sequences_are_one_candidate_with_their_indices_in_order():
    rows = rows_of_counts(np.array([[4, 0], [1, 3], [4, 0], [0, 4], [1, 3], [4, 0]]))
    classes = classes_of(rows)
    assert classes.first.tolist() == [0, 1, 3] and classes.offsets.tolist() == [0, 3, 5, 6]
    assert classes.members.tolist() == [0, 2, 5, 1, 4, 3]


@pytest.mark.parametrize("limit", [LIMIT, 4])
def test_a_bounded_search_says_so_and_stays_close(limit):
    groups, bins = made_up(3000, 300, 8, 8, doubles=0)
    target, delivery = natural(groups, bins), Delivery(rows_of_counts(groups), rows_of_counts(bins))
    exact = greedy_order(groups, bins, target, mode="exact")
    loose = greedy_order(groups, bins, target, mode="bounded", limit=1000)
    assert (loose.mode, loose.exact) == ("bounded", True) and np.array_equal(loose.rows, exact.rows)
    tight = greedy_order(groups, bins, target, mode="bounded", limit=limit)
    assert not tight.exact and np.array_equal(np.sort(tight.rows), np.arange(3000))
    off = [deviation(delivery.in_order(found.rows), target).largest for found in (exact, tight)]
    assert off[1] <= 2 * off[0] and off[0] < 2


def test_many_groups_stay_sparse():
    rng = np.random.default_rng(0)
    entries = (np.full(900, 5), (np.repeat(np.arange(300), 3), rng.integers(0, 200_000, 900)))
    groups = sparse.csr_array(entries, shape=(300, 200_000))
    bins = sparse.csr_array(np.asarray(groups.sum(axis=1))[:, None])
    target = StaticTarget(np.asarray(groups.sum(axis=0)) / groups.sum(), np.ones(1))
    assert np.array_equal(np.sort(greedy_order(groups, bins, target).rows), np.arange(300))
