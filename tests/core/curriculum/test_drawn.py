"""Mixtures drawn by hand: what a knot means, what is delivered, and what cannot be meant."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from chimera.errors import InputError
from curriculum_app.core.chosen_shares import share_row
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.drawn_curve import FLOOR, MOST_ERROR, DrawnConfig, drawn_curve
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import multiset_of
from curriculum_app.core.sequences import Grouping, SequenceTable
from tests.core.curriculum.sequence_factory import DOMAINS

EVEN = dict.fromkeys(DOMAINS, 0.25)
HALF = {"code": 0.5, "prose": 0.5}


def knots(*drawn: tuple[float, dict[str, float]], **more: object) -> dict[str, object]:
    return {"knots": [{"at": at, "shares": shares} for at, shares in drawn], **more}


def plan_of(table: SequenceTable, config: dict[str, object], sequences: int, key: str = "drawn") -> Plan:
    budget, policy = sequences * table.sequence_length, POLICIES.build(key, config)
    return policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget))


def problem(
    config: dict[str, object], table: SequenceTable | None = None, sequences: int = 100
) -> tuple[str, str, str]:
    with pytest.raises(InputError) as caught:
        policy = POLICIES.build("drawn", config)
        assert table is not None
        policy.pool(table, sequences * table.sequence_length, 0)
    first = caught.value.problems[0]
    return first.field, first.message, first.hint


def curve_of(table: SequenceTable, config: dict[str, object], budget: int = 10_000):
    return drawn_curve(DrawnConfig.model_validate(config), table.grouping("domain"), budget, "policy.config")


# -- what a knot means -------------------------------------------------------------------------------------------------


def test_over_log_tokens_logits_move_evenly(table):
    """Halfway between 0.01 and 1 of the budget, in log tokens, lies 0.1: logits of 9:1 and 1:9 meet at 1:1."""
    drawn = curve_of(table, knots((0.01, {"code": 0.9, "prose": 0.1}), (1, {"code": 0.1, "prose": 0.9})))
    assert drawn.curve.at(100)[[0, 2]] == pytest.approx([0.9, 0.1])
    assert drawn.curve.at(1_000)[[0, 2]] == pytest.approx([0.5, 0.5])
    assert drawn.curve.at(10_000)[[0, 2]] == pytest.approx([0.1, 0.9])
    assert drawn.curve.at(1_000)[[1, 3]].max() < 1e-200 and drawn.error == 0


def test_over_tokens_shares_move_evenly_within_the_error_that_is_stated(table):
    """A line from 1:0 to 0:1 owes code half of everything, and three quarters of the first half of it: 3,750."""
    drawn = curve_of(table, knots((0, {"code": 1}), (1, {"prose": 1}), scale="linear"))
    tokens = np.linspace(1, 10_000, 3_001)
    straight = np.zeros((len(tokens), 4))
    straight[:, 2] = tokens / 10_000
    straight[:, 0] = 1 - straight[:, 2]
    assert np.abs(drawn.curve.at(tokens) - straight).max() <= MOST_ERROR + FLOOR
    assert 0 < drawn.error <= MOST_ERROR and len(drawn.curve.knots) < 60
    assert drawn.curve.cumulative(10_000)[0] == pytest.approx(5_000, abs=10)
    assert drawn.curve.cumulative(5_000)[0] == pytest.approx(3_750, abs=5)


def test_one_knot_stands_still_and_none_is_the_corpus(table):
    assert curve_of(table, knots((0.3, HALF))).curve.at([1, 9_999])[:, 0] == pytest.approx([0.5, 0.5])
    totals = table.grouping("domain").totals()
    assert curve_of(table, {}).curve.at(5) == pytest.approx(totals / totals.sum())


places = st.lists(st.integers(2, 1000), min_size=1, max_size=6, unique=True).map(lambda found: sorted(found))
weights = st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any), min_size=6, max_size=6)


@given(at=places, drawn=weights, scale=st.sampled_from(["log", "linear"]))
def test_whatever_is_drawn_gives_shares_on_the_simplex_that_grow_into_the_budget(table, at, drawn, scale):
    made = [
        (p / 1000, {n: v / sum(w) for n, v in zip(DOMAINS, w, strict=True)}) for p, w in zip(at, drawn, strict=False)
    ]
    curve = curve_of(table, knots(*made, scale=scale)).curve
    shares, owed = curve.at(np.linspace(0, 10_000, 50)), curve.cumulative(np.linspace(0, 10_000, 50))
    assert (shares >= 0).all() and shares.sum(axis=1) == pytest.approx(np.ones(50))
    assert (np.diff(owed, axis=0) >= -1e-6).all()
    assert owed.sum(axis=1) == pytest.approx(np.linspace(0, 10_000, 50))
    for place, wanted in made:
        assert curve.at(place * 10_000) == pytest.approx([wanted[n] for n in DOMAINS], abs=2 * MOST_ERROR)


# -- what is delivered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_what_is_delivered_keeps_to_the_curve(table, scale):
    config = knots((0, {**EVEN}), (0.5, {"code": 0.4, "prose": 0.2, "literature": 0.2, "reference": 0.2}), scale=scale)
    plan = plan_of(table, config, 400)
    assert len(plan.rows) == 400 and len(set(plan.order)) == 400
    given_ = np.cumsum(table.grouping("domain").dense(plan.order), axis=0)
    off = np.abs(given_ - plan.curve.cumulative(given_.sum(axis=1).astype(float))).max() / table.sequence_length
    assert off == pytest.approx(plan.adherence["max_deviation"]) and off < 4
    assert plan.adherence["feasible_horizon"] >= 400 * table.sequence_length
    assert plan.facts["curve_error"] == 0 if scale == "log" else plan.facts["curve_error"] > 0


def test_the_tracks_go_with_the_plan(table):
    tracks = {"learning_rate": {"knots": [{"at": 0, "rate": 0.01}, {"at": 1, "rate": 0.001}]}}
    plan = plan_of(table, {"tracks": tracks}, 20)
    assert plan.tracks.learning_rate is not None and plan.tracks.learning_rate.at(0.5) == pytest.approx(0.0055)


def test_noise_changes_the_order_and_is_drawn_from_the_seed(table):
    quiet, loud, again = (plan_of(table, {"sigma": sigma}, 60) for sigma in (0, 5, 5))
    assert not np.array_equal(quiet.order, loud.order) and np.array_equal(loud.order, again.order)


def test_a_fixed_mixture_of_chosen_shares_is_kept_at_every_prefix(table):
    config = {"shares": {"code": 0.4, "prose": 0.3, "literature": 0.2, "reference": 0.1}}
    plan = plan_of(table, config, 300, "fixed_mixture")
    delivered = table.grouping("domain").dense(plan.order)
    assert delivered.sum(axis=0) / delivered.sum() == pytest.approx([0.4, 0.2, 0.3, 0.1], abs=0.01)
    assert plan.adherence["max_deviation"] < 3
    assert not POLICIES.build("fixed_mixture", config).only_order and POLICIES.build("fixed_mixture").only_order


def test_a_fixed_mixture_stored_before_shares_could_be_chosen_stays_valid(table):
    plan = plan_of(table, {"length_term": 2.0}, 300, "fixed_mixture")
    assert plan.grouping == "domain" and len(plan.rows) == 300


# -- what cannot be meant ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        (knots((0, EVEN), (1, {"code": 0.5, "prose": 0.45})), "config.knots.1.shares", "add up to 0.95, not to 1"),
        (knots((0, {"code": -0.5, "prose": 1})), "config.knots.0.shares.code", "greater than or equal to 0"),
        (knots((0, {"code": float("nan")})), "config.knots.0.shares.code", "finite number"),
        (knots((0, {})), "config.knots.0.shares", "at least 1 item"),
        (knots((0.5, EVEN), (0.5, EVEN)), "config.knots.1.at", "knot 2 at 0.5 must come after knot 1 at 0.5"),
        (knots((0, EVEN), (1.2, EVEN)), "config.knots.1.at", "less than or equal to 1"),
        (knots((0, EVEN), (0.0005, EVEN)), "config.knots.1.at", "must come after 0.001"),
        (
            {"tracks": {"phases": [{"name": "a", "start": 0, "end": 0.6}, {"name": "b", "start": 0.5, "end": 1}]}},
            "config.tracks.phases.1.start",
            "phases 'a' and 'b' overlap",
        ),
    ],
)
def test_what_is_wrong_with_a_drawing_is_said_at_its_field(config, field, said):
    found, message, _ = problem(config)
    assert found == field and said in message
    with pytest.raises(ValueError, match=r"(?s)" + said[:20]):
        PolicyChoice.model_validate({"key": "drawn", "config": config})


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        (knots((0, EVEN), (1, {"cod": 1.0})), "policy.config.knots.1.shares", "did you mean 'code'?"),
        ({"grouping": "domains"}, "policy.config.grouping", "did you mean 'domain'?"),
    ],
)
def test_what_the_sequences_do_not_know_is_refused_with_the_nearest(table, config, field, said):
    found, _, hint = problem(config, table)
    assert (found, hint) == (field, said)


def test_a_group_without_a_token_can_have_no_share():
    grouping = Grouping(("a", "b"), sparse.csr_array(np.array([[8, 0], [8, 0]])))
    with pytest.raises(InputError, match="the group 'b' has no tokens") as caught:
        drawn_curve(DrawnConfig.model_validate(knots((0, {"a": 1}), (1, {"b": 1}))), grouping, 16, "policy.config")
    assert caught.value.problems[0].field == "policy.config.knots.1.shares"
    assert share_row(grouping, {"a": 1, "b": 0}, "shares").tolist() == [1, 0]


def test_a_budget_the_corpus_cannot_give_names_the_group_and_the_largest_that_can(table):
    tokens = int(table.grouping("domain").totals()[0])
    field, message, hint = problem(knots((0, {"code": 1.0})), table, table.num_sequences)
    assert field == "budget_tokens" and f"'code' is {table.num_tokens - tokens:,} tokens short" in message
    largest = tokens // table.sequence_length * table.sequence_length
    assert hint == f"at most {largest} for this mixture"
    POLICIES.build("drawn", knots((0, {"code": 1.0}))).pool(table, largest, 0)


def test_a_budget_beyond_the_corpus_or_between_sequences_is_refused(table):
    policy = POLICIES.build("drawn")
    for budget in (table.num_tokens + table.sequence_length, table.sequence_length + 1):
        with pytest.raises(InputError) as caught:
            policy.pool(table, budget, 0)
        assert caught.value.problems[0].field == "budget_tokens"


def test_every_pair_of_knots_may_be_as_close_as_a_user_can_draw_them(table):
    at = np.linspace(0, 1, 64)
    drawn = knots(*((p, EVEN if i % 2 else HALF) for i, p in enumerate(at)), scale="linear")
    made = curve_of(table, drawn)
    assert made.error <= MOST_ERROR and all(a < b for a, b in itertools.pairwise(made.curve.knots))


# -- passes and lengths ------------------------------------------------------------------------------------------------


def test_a_group_may_be_shown_more_often_so_that_more_of_it_can_be_asked_for(table):
    tokens, length = table.grouping("domain").totals(), table.sequence_length
    sequences = int(1.5 * tokens[0]) // length
    only = knots((0, {"code": 1.0}))
    assert problem(only, table, sequences)[0] == "budget_tokens"
    plan = plan_of(table, {**only, "passes": {"code": 2.0}}, sequences)
    shown = np.bincount(plan.order, minlength=table.num_sequences)
    assert len(plan.rows) == sequences and shown.max() == 2
    pure = table.grouping("domain").dense()[:, 0] == 0
    assert shown[pure].max() <= 1


def test_a_budget_larger_than_the_corpus_can_be_given_by_passes_and_halves_show_half(table):
    twice = {"passes": dict.fromkeys(DOMAINS, 2.0)}
    assert len(plan_of(table, twice, table.num_sequences + 50).rows) == table.num_sequences + 50
    half = POLICIES.build("drawn", {"passes": dict.fromkeys(DOMAINS, 0.5)})
    pool = half.pool(table, 10 * table.sequence_length, 3)
    assert len(pool.ids) == len(set(pool.ids)) == pytest.approx(table.num_sequences / 2, abs=1)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"passes": {"code": 5.0}}, "config.passes.code"),
        ({"passes": {"code": -1.0}}, "config.passes.code"),
        ({"passes": {"cods": 2.0}}, "policy.config.passes"),
        ({"lengths": {"knots": [{"at": 0, "length": 12}]}}, "config.lengths"),
    ],
)
def test_passes_and_lengths_that_cannot_be_are_refused_at_their_field(table, config, field):
    assert problem(config, table)[0] == field


def test_rows_are_cut_to_the_drawn_length_and_show_the_same_tokens(table):
    lengths = {"knots": [{"at": 0, "length": 8}, {"at": 0.5, "length": 32}], "between": "step"}
    whole, cut = plan_of(table, {}, 100), plan_of(table, {"lengths": lengths}, 100)
    first = np.cumsum(cut.rows["length"]) <= 50 * table.sequence_length
    assert cut.rows["length"][first].max() <= 9 and cut.rows["length"][-1] == 32
    assert cut.rows["length"].sum() == whole.rows["length"].sum() == 100 * table.sequence_length
    assert multiset_of(cut.rows, table.lengths) == multiset_of(whole.rows, table.lengths)
    assert "then cut to length" in cut.adherence["method"] and cut.adherence["max_deviation"] < 4
