"""Selective repetition: worked passes, exact budgets, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.packing import mean_over_tokens
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.scheduling.passes import pass_counts, repeated
from curriculum_app.core.scheduling.selective import (
    RepetitionPhase,
    epochs,
    expected_passes,
    members_for,
    phase_rows,
    quality_ranks,
    rows_shown,
)
from tests.core.curriculum.test_judged_policies import Measured

KEY = "selective_repetition"
KAIYUAN = [{"fraction": part} for part in (1, 1, 0.5, 0.3, 0.1)]


def phases_of(items: list[dict[str, float]]) -> list[RepetitionPhase]:
    return [RepetitionPhase.model_validate(item) for item in items]


def planned(table, rows: int, seed: int = 1, **config):  # type: ignore[no-untyped-def]
    policy, budget = POLICIES.build(KEY, config), rows * table.sequence_length
    return policy.plan(PlanRequest(table, policy.pool(table, budget, 0), seed, budget))


# -- passes ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 4), max_size=60), st.integers(0, 5))
def test_passes_are_rounded_down_or_up_and_their_total_is_the_nearest(passes, seed):
    counts = pass_counts(passes, np.random.default_rng(seed))
    assert np.all((counts == np.floor(passes)) | (counts == np.ceil(passes)))
    assert abs(counts.sum() - sum(passes)) <= 0.5 + 1e-6


def test_rounding_of_passes_is_unbiased():
    counts = [pass_counts([0.3, 0.6, 2.25, 1.0], np.random.default_rng(seed)) for seed in range(3000)]
    assert np.allclose(np.mean(counts, axis=0), [0.3, 0.6, 2.25, 1.0], atol=0.2)
    assert np.all(np.array(counts)[:, 3] == 1)


def test_repeated_keeps_the_order_and_refuses_more_than_the_cap():
    rng = np.random.default_rng(0)
    assert repeated(np.array([7, 3]), 2.0, rng).tolist() == [7, 7, 3, 3]
    assert repeated(np.array([7, 3]), [0.0, 4.0], rng).tolist() == [3, 3, 3, 3]
    with pytest.raises(InputError, match=r"5 passes.*more than the 4.*raise most_passes") as caught:
        repeated(np.array([7]), 5.0, rng, field="policy.config.passes.code")
    assert caught.value.problems[0].field == "policy.config.passes.code"
    assert len(repeated(np.array([7]), 5.0, rng, most=5)) == 5
    for wrong in (-1.0, float("nan")):
        with pytest.raises(InputError, match="0 or more"):
            repeated(np.array([7]), wrong, rng)


# -- the worked passes -------------------------------------------------------------------------------------------------


def test_worked_passes_of_100_100_50_30_10():
    assert expected_passes([0.05, 0.2, 0.4, 0.7], phases_of(KAIYUAN)).tolist() == [5, 4, 3, 2]
    assert epochs(phases_of(KAIYUAN)) == pytest.approx(2.9)


def test_worked_passes_where_the_first_two_phases_are_one_pass(table):
    phases = POLICIES.build(KEY).config.phases
    assert [phase.fraction for phase in phases] == [1, 1, 0.5, 0.3, 0.1]
    assert expected_passes([0.05, 0.2, 0.4, 0.7], phases).tolist() == [4, 3, 2, 1]
    assert epochs(phases) == pytest.approx(1.9)


def test_each_sequence_is_shown_as_often_as_its_rank_says():
    phases, rng = POLICIES.build(KEY).config.phases, np.random.default_rng(0)
    ranks = np.arange(100) / 100
    first, second, *others = phase_rows(ranks, phases, rng)
    assert sorted([*first, *second]) == list(range(100)) and len(first) == 50
    assert [sorted(part) for part in others] == [list(range(n)) for n in (50, 30, 10)]
    counts = np.bincount(np.concatenate([first, second, *others]))
    assert np.array_equal(counts, expected_passes(ranks, phases))


FREE = st.lists(
    st.builds(
        RepetitionPhase,
        fraction=st.sampled_from([0.01, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.9, 1.0]),
        pass_fraction=st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0]),
    ),
    min_size=1,
    max_size=6,
)


@given(FREE, st.integers(1, 300), st.integers(0, 3))
def test_phases_show_the_rows_that_were_counted_and_round_each_sequence_by_less_than_one(phases, count, seed):
    rng = np.random.default_rng(seed)
    ranks = quality_ranks(rng.random(count), np.full(count, 8), rng)
    shown = np.concatenate(phase_rows(ranks, phases, rng))
    assert len(shown) == rows_shown(count, phases)
    passes = expected_passes(ranks, phases)
    assert np.all(np.abs(np.bincount(shown, minlength=count) - passes) < 1)


@given(FREE, st.integers(1, 2000))
def test_the_members_are_the_most_that_fit(phases, rows):
    members = members_for(rows, phases, 10_000)
    assert members == 0 or rows_shown(members, phases) <= rows
    assert members == 10_000 or rows - rows_shown(members, phases) <= 3 * sum(p.pass_fraction for p in phases) + 3


# -- the policy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [4, 5, 101, 700, 1000])
def test_the_budget_is_met_exactly(table, rows):
    plan = planned(table, rows)
    assert len(plan.rows) == rows
    assert np.bincount(plan.order).max() <= 4
    assert plan.facts["sequences_shown_once_to_fill_the_budget"] <= 4
    assert sum(phase["tokens"] for phase in plan.facts["phases"]) == rows * table.sequence_length


def test_the_best_are_shown_most_and_the_phases_are_told(table):
    plan = planned(table, 950, phases=KAIYUAN, most_passes=5)
    counts = np.bincount(plan.order, minlength=table.num_sequences)
    from curriculum_app.core.scheduling.sequence_scores import sequence_scores

    scores = sequence_scores(table, "quality_rank")
    means = [scores[counts == n].mean() for n in (2, 3, 4, 5)]
    assert means == sorted(means)
    names = [phase.name for phase in plan.tracks.phases]
    assert names == ["everything", "everything", "best 50%", "best 30%", "best 10%"]
    assert plan.tracks.phases[0].start == 0 and plan.tracks.phases[-1].end == 1
    worst = planned(table, 950, phases=KAIYUAN, most_passes=5, best="lowest")
    counts = np.bincount(worst.order, minlength=table.num_sequences)
    assert scores[counts == 5].mean() < scores[counts == 2].mean()


def test_measured_columns_take_the_place_of_the_score(table):
    config = {"columns": "columns-1", "parts": [{"column": "grade"}]}
    policy, budget = POLICIES.build(KEY, config), 700 * table.sequence_length
    policy.prepare("made-up", lambda ref: Measured(table))
    order = policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget)).order
    counts, size = np.bincount(order, minlength=table.num_sequences), table.documents.column("tokens").to_numpy()
    lengths = mean_over_tokens(table.pieces, size.astype(float))
    assert lengths[counts == 4].mean() < lengths[counts == 1].mean(), "a grade is better when the text is short"
    assert policy.meaning()["columns"] == "c" * 64
    with pytest.raises(InputError, match="belong together"):
        POLICIES.build(KEY, {"columns": "columns-1"})


def test_more_passes_than_four_have_to_be_asked_for():
    with pytest.raises(InputError, match=r"5 passes.*more than the 4.*most_passes") as caught:
        POLICIES.build(KEY, {"phases": KAIYUAN})
    assert caught.value.problems[0].field == "config.phases"
    assert POLICIES.build(KEY, {"phases": KAIYUAN, "most_passes": 5}).config.most_passes == 5


@pytest.mark.parametrize(
    ("rows", "message"), [(10**6, "at most"), (1, "too small to show one sequence"), (7.5, "not a multiple")]
)
def test_a_budget_that_cannot_be_given_is_named(table, rows, message):
    with pytest.raises(InputError, match=message) as caught:
        POLICIES.build(KEY).pool(table, int(rows * table.sequence_length), 0)
    assert caught.value.problems[0].field == "budget_tokens"


def test_an_unknown_score_is_named_with_those_there_are(table):
    with pytest.raises(InputError, match=r"no score 'beauty'.*quality_rank") as caught:
        planned(table, 100, score="beauty")
    assert caught.value.problems[0].field == "policy.config.score"


@pytest.mark.parametrize("wrong", [{"fraction": 0}, {"fraction": 1.2}, {"pass_fraction": -1}])
def test_wrong_phases_are_an_error_at_their_field(wrong):
    with pytest.raises(InputError) as caught:
        POLICIES.build(KEY, {"phases": [wrong]})
    assert caught.value.problems[0].field == f"config.phases.0.{next(iter(wrong))}"
