"""What follows once a plan owes more than there is."""

import numpy as np
import pytest

from chimera.context import LocalContext
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import PlanRequest, follow_greedily
from curriculum_app.core.pool import draw_pool
from curriculum_app.core.scheduling.horizon import order_with_repeats, renormalised
from curriculum_app.core.scheduling.target import StaticTarget, rows_of_counts
from tests.core.curriculum.sequence_factory import build_sequences

GROUPS = np.repeat([[4, 0], [0, 4]], [9, 3], axis=0)
EVEN = StaticTarget(np.array([0.5, 0.5]), np.ones(1))


def repeated(budget, **options):
    rows, bins = rows_of_counts(GROUPS), rows_of_counts(GROUPS.sum(axis=1, keepdims=True))
    settings = {"length_term": 1.0, "sigma": 0.0, "rng": np.random.default_rng(0), **options}
    return order_with_repeats(rows, bins, EVEN, budget=budget, **settings).rows


def test_repeats_keep_the_mixture_as_long_as_showings_last():
    order = repeated(72)
    assert len(order) == 18 and GROUPS[order].sum(axis=0).tolist() == [36, 36]
    assert np.bincount(order, minlength=12).tolist() == [1] * 9 + [3] * 3
    assert np.abs(np.cumsum(GROUPS[order], axis=0) @ [1, -1]).max() <= 4


def test_no_sequence_is_shown_more_often_than_asked():
    assert np.bincount(repeated(96, max_epochs=2), minlength=12).max() == 2
    assert len(repeated(96, max_epochs=1)) == 12
    with pytest.raises(ValueError, match="between 1 and 4"):
        repeated(96, max_epochs=5)


def test_the_groups_that_last_take_the_tokens_of_those_that_do_not():
    target = renormalised(EVEN, np.array([36, 12]), np.ones((2, 1)), 48.0)
    assert np.allclose(
        target.groups(np.array([12.0, 24.0, 36.0, 48.0])), [[6, 6], [12, 12], [24, 12], [36, 12]], atol=0.01
    )
    assert np.allclose(target.bins(np.array([36.0])), 36)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return build_sequences(LocalContext(tmp_path_factory.mktemp("table")).store)


def follow(table, horizon, share, budget_sequences=300):
    shares = np.full(4, (1 - share) / 3)
    shares[0] = share
    pool = draw_pool(table, 600 * table.sequence_length, 0)
    request = PlanRequest(table, pool, 1, budget_sequences * table.sequence_length)
    return follow_greedily(
        request, "domain", MixtureCurve.constant(table.grouping("domain").names, shares), 1, horizon=horizon
    )


def test_a_plan_stops_at_its_horizon_goes_on_or_repeats(table):
    plans = {name: follow(table, name, 0.7) for name in ("stop", "drift", "repeat", "renormalise")}
    horizon, length = plans["stop"].adherence["feasible_horizon"], table.sequence_length
    assert len(plans["stop"].rows) == horizon // length < 300
    assert plans["stop"].adherence["drift_after_horizon"] == 0 < plans["drift"].adherence["drift_after_horizon"]
    assert all(len(plans[name].rows) == 300 for name in ("drift", "repeat", "renormalise"))
    assert len(np.unique(plans["repeat"].order)) < 300 == len(np.unique(plans["renormalise"].order))
    off = {name: plan.adherence["max_deviation"] for name, plan in plans.items()}
    assert off["stop"] < 3 and off["repeat"] < off["renormalise"] and off["repeat"] < off["drift"]
    assert {plan.adherence["horizon"] for plan in plans.values()} == set(plans)


def test_within_the_horizon_a_part_of_the_corpus_follows_other_shares_than_its_own(table):
    plan = follow(table, "stop", 0.4, 200)
    report = plan.adherence
    assert len(plan.rows) == 200 and report["candidates"] == 600
    assert report["max_deviation"] < 2 and report["unused_total"] == 400 * table.sequence_length
    assert (report["mode"], report["exact"]) == ("exact", True)
