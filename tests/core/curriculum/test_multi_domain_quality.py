"""The multi-domain quality curriculum: worked ranks, even windows, caps, keep ratios, repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.packing import mean_over_tokens
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.scheduling.interleave import interleaved, rescaled_ranks
from curriculum_app.core.scheduling.sequence_scores import sequence_scores
from tests.core.curriculum.test_judged_policies import Measured

KEY = "multi_domain_quality"


def planned(table, rows: int, seed: int = 1, **config):  # type: ignore[no-untyped-def]
    policy, budget = POLICIES.build(KEY, config), rows * table.sequence_length
    return policy.plan(PlanRequest(table, policy.pool(table, budget, 0), seed, budget))


def shares_of(plan) -> dict[str, float]:  # type: ignore[no-untyped-def]
    return {item["name"]: item["share"] for item in plan.facts["sources"]}


# -- Algorithm 1 -------------------------------------------------------------------------------------------------------


def test_worked_ranks_of_two_sources():
    a, b = np.argsort([0.9, 0.1, 0.5, 0.3]), np.argsort([7, 3])
    assert (a.tolist(), b.tolist()) == ([1, 3, 2, 0], [1, 0])
    assert rescaled_ranks([4, 2]).tolist() == [1.5, 3, 4.5, 6, 3, 6]
    orders = {tuple(interleaved([a, 10 + b], np.random.default_rng(seed)).tolist()) for seed in range(40)}
    tied = [(3, 11), (11, 3)], [(0, 10), (10, 0)]
    assert orders == {(1, *one, 2, *two) for one in tied[0] for two in tied[1]}, "ties are decided at random"


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(0, 3), st.data())
def test_every_window_holds_its_part_of_every_source(sizes, seed, data):
    """On the scale of ranks give or take one; in rows also by what the ties at both ends can hold of others."""
    of = np.repeat(np.arange(len(sizes)), sizes)
    sources = [np.flatnonzero(of == k) for k in range(len(sizes))]
    order, total = of[interleaved(sources, np.random.default_rng(seed))], sum(sizes)
    start = data.draw(st.integers(0, total))
    rows = data.draw(st.integers(0, total - start))
    got = np.bincount(order[start : start + rows], minlength=len(sizes))
    shares = np.array(sizes) / total
    assert np.all(np.abs(got - rows * shares) <= 1 + len(sizes) * shares + 1e-9)
    place = np.sort(rescaled_ranks(sizes))
    low, high = sorted((data.draw(st.floats(0, total)), data.draw(st.floats(0, total))))
    within = np.bincount(order[(place > low) & (place <= high)], minlength=len(sizes))
    assert np.all(np.abs(within - (high - low) * shares) <= 1 + 1e-9)


def test_two_sources_keep_their_parts_in_every_window_of_rows():
    of = np.repeat([0, 1], [700, 300])
    order = of[interleaved([np.arange(700), np.arange(700, 1000)], np.random.default_rng(0))]
    seen = np.concatenate([[0], np.cumsum(order)])
    for rows in (1, 10, 77, 500):
        assert np.abs(seen[rows:] - seen[:-rows] - rows * 0.3).max() <= 1 + 1e-9


# -- the policy --------------------------------------------------------------------------------------------------------


def test_every_source_ascends_and_the_mixture_stays_even(table):
    plan = planned(table, 600)
    assert len(np.unique(plan.order)) == 600
    scores = sequence_scores(table, "quality_rank")[plan.order]
    of = np.asarray(table.grouping("domain").counts.argmax(axis=1)).ravel()[plan.order]
    for group in range(4):
        assert np.all(np.diff(scores[of == group]) >= 0)
    assert plan.adherence["max_deviation"] < 0.5 * plan.adherence["shuffle_max_deviation"]


def test_lowest_best_and_random_sources(table):
    plan = planned(table, 400, best="lowest", sources={"code": {"scored": False}})
    scores = sequence_scores(table, "quality_rank")[plan.order]
    of = np.asarray(table.grouping("domain").counts.argmax(axis=1)).ravel()[plan.order]
    assert np.all(np.diff(scores[of == 1]) <= 0)
    assert not np.all(np.diff(scores[of == 0]) <= 0)


def test_a_source_may_have_a_score_of_its_own(table):
    rules = {"code": {"column": "words", "higher": "more"}}
    policy, budget = POLICIES.build(KEY, {"columns": "columns-1", "sources": rules}), 400 * table.sequence_length
    policy.prepare("made-up", lambda ref: Measured(table))
    order = policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget)).order
    of = np.asarray(table.grouping("domain").counts.argmax(axis=1)).ravel()[order]
    own = mean_over_tokens(table.pieces, Measured(table).column("words"))[order]
    code, others = own[of == 0], sequence_scores(table, "quality_rank")[order][of == 1]
    assert code[: len(code) // 4].mean() + 1 < code[-len(code) // 4 :].mean()
    assert np.all(np.diff(others) >= 0)
    assert policy.meaning()["columns"] == "c" * 64


@pytest.mark.parametrize(
    ("rule", "field"),
    [({"column": "beauty"}, "column"), ({"column": "words"}, "higher"), ({"column": "length"}, "higher")],
)
def test_a_column_that_cannot_be_a_score_is_refused_at_its_source(table, rule, field):
    policy = POLICIES.build(KEY, {"columns": "columns-1", "sources": {"code": rule}})
    with pytest.raises(InputError) as caught:
        policy.prepare("made-up", lambda ref: Measured(table))
    assert caught.value.problems[0].field == f"policy.config.sources.code.{field}"


def test_keep_and_repeat(table):
    rules = {"code": {"keep": 0.25, "repeat": 3.0}, "prose": {"repeat": 0.5}}
    plan = planned(table, 600, sources=rules)
    of = np.asarray(table.grouping("domain").counts.argmax(axis=1)).ravel()
    counts, scores = np.bincount(plan.order, minlength=len(of)), sequence_scores(table, "quality_rank")
    code, prose = of == 0, of == 2
    assert scores[code & (counts > 0)].min() >= np.quantile(scores[code], 0.74)
    assert counts[code].max() == 3 and counts[~code].max() == 1
    assert counts[prose].sum() <= 0.5 * prose.sum() + 1
    assert len(plan.rows) == 600


def test_shares_are_kept_within_their_bounds(table):
    natural = shares_of(planned(table, 400))
    plan = planned(table, 400, sources={"code": {"most": 0.1}, "prose": {"least": 0.4}})
    shares = shares_of(plan)
    assert shares["code"] == pytest.approx(0.1) and shares["prose"] == pytest.approx(0.4)
    free = shares["literature"] / shares["reference"]
    assert free == pytest.approx(natural["literature"] / natural["reference"], abs=0.02)
    assert len(plan.rows) == 400


@pytest.mark.parametrize(
    ("rows", "rules", "field", "message"),
    [
        (800, {"code": {"least": 0.9}}, "policy.config.sources.code.least", r"but code gives at most"),
        (
            400,
            {name: {"most": 0.2} for name in ("code", "literature", "prose", "reference")},
            "policy.config.sources.code.most",
            r"leave room for 10,240 of 12,800 tokens",
        ),
        (400, {"cdoe": {"keep": 0.5}}, "policy.config.sources.cdoe", r"no group 'cdoe'.*one of code"),
        (10**6, {}, "budget_tokens", r"more than the sources give"),
        (4.5, {}, "budget_tokens", r"not a multiple"),
    ],
)
def test_what_cannot_be_given_is_named_with_what_would_do(table, rows, rules, field, message):
    policy = POLICIES.build(KEY, {"sources": rules})
    with pytest.raises(InputError, match=message) as caught:
        policy.pool(table, int(rows * table.sequence_length), 0)
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"sources": {"code": {"repeat": 5.0}}}, "config.sources.code.repeat"),
        ({"sources": {"code": {"repeat": 21.0}}, "most_passes": 30}, "config.sources.code.repeat"),
        ({"sources": {"code": {"least": 0.5, "most": 0.4}}}, "config.sources.code.least"),
        ({"sources": {"code": {"least": 0.6}, "prose": {"least": 0.6}}}, "config.sources"),
        ({"sources": {"code": {"keep": 0.0}}}, "config.sources.code.keep"),
        ({"sources": {"code": {"column": "grade"}}}, "config.sources.code.column"),
        ({"columns": "columns-1"}, "config.columns"),
    ],
)
def test_wrong_settings_are_an_error_at_their_field(config, field):
    with pytest.raises(InputError) as caught:
        POLICIES.build(KEY, config)
    assert caught.value.problems[0].field == field


def test_a_grouping_the_sequences_do_not_have_is_refused(table):
    with pytest.raises(InputError, match="no grouping 'source'") as caught:
        planned(table, 100, grouping="source")
    assert caught.value.problems[0].field == "policy.config.grouping"
