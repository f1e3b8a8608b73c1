"""The pool is exactly the budget, stratified and seeded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.pool import draw_pool, largest_remainder
from curriculum_app.core.schedule import multiset_digest


@given(st.integers(1, 600), st.integers(0, 2**31 - 1))
def test_a_pool_is_exactly_the_budget_without_repeats(table, count, seed):
    pool = draw_pool(table, count * table.sequence_length, seed)
    assert pool.tokens == count * table.sequence_length
    assert len(np.unique(pool.ids)) == count
    assert pool.digest == multiset_digest(pool.ids)


def test_equal_seeds_draw_equal_pools_and_others_another(table):
    budget = 200 * table.sequence_length
    assert draw_pool(table, budget, 1).digest == draw_pool(table, budget, 1).digest
    assert draw_pool(table, budget, 1).digest != draw_pool(table, budget, 2).digest


def test_the_whole_corpus_is_a_pool(table):
    assert draw_pool(table, table.num_tokens, 0).ids.tolist() == list(range(table.num_sequences))


@pytest.mark.parametrize("grouping", ["domain", "difficulty"])
def test_a_pool_keeps_the_shares_of_the_corpus(table, grouping):
    pool = draw_pool(table, 400 * table.sequence_length, 5)
    groups = table.grouping(grouping)
    corpus, drawn = groups.totals() / table.num_tokens, groups.totals(pool.ids) / pool.tokens
    assert np.abs(corpus - drawn).max() < 0.02


def test_a_budget_larger_than_the_corpus_says_what_there_is(table):
    with pytest.raises(InputError) as caught:
        draw_pool(table, table.num_tokens + table.sequence_length, 0)
    (problem,) = caught.value.problems
    assert problem.field == "budget_tokens"
    assert str(table.num_tokens) in problem.hint


@pytest.mark.parametrize(("budget", "hint"), [(100, "use 96 or 128"), (5, "use 32")])
def test_a_budget_that_is_no_multiple_names_the_nearest_ones(table, budget, hint):
    with pytest.raises(InputError) as caught:
        draw_pool(table, budget, 0)
    assert caught.value.problems[0].hint == hint


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(sum), st.data())
def test_largest_remainders_sum_and_never_exceed_their_size(sizes, data):
    count = data.draw(st.integers(0, sum(sizes)))
    quotas = largest_remainder(sizes, count)
    assert quotas.sum() == count
    assert np.all(quotas <= sizes)
    assert np.all(np.abs(quotas - np.array(sizes) * count / sum(sizes)) < 1)
