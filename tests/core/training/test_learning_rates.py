"""Shapes of the learning rates."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.tracks import Tracks
from training_app.core.learning_rates.base import LEARNING_RATES, LearningRate, WarmedUp

KEYS = [entry.key for entry in LEARNING_RATES if issubclass(entry.cls, WarmedUp)]
FROM_ABOVE = {"rewarm": {"start": 0.0}}  # the settings under which a rate starts at 0 like the others


@pytest.mark.parametrize("key", KEYS)
def test_warm_up_is_linear_and_reaches_the_peak(key):
    rate = LEARNING_RATES.build(key, {"peak": 1e-2, "warmup_fraction": 0.1, **FROM_ABOVE.get(key, {})})
    assert rate.at(50, 1000) == pytest.approx(5e-3)
    assert rate.at(100, 1000) == pytest.approx(1e-2)


@pytest.mark.parametrize("key", KEYS)
def test_the_named_phases_cover_the_run_in_order(key):
    phases = LEARNING_RATES.build(key, {"warmup_fraction": 0.1}).phases()
    assert phases[0] == ("warm-up", 0.0, 0.1) and phases[-1][2] == 1.0
    assert all(before[2] == after[1] for before, after in itertools.pairwise(phases))


def test_cosine_is_halfway_in_the_middle_and_ends_at_the_final_fraction():
    rate = LEARNING_RATES.build("cosine", {"peak": 1.0, "warmup_fraction": 0.0, "final_fraction": 0.2})
    assert rate.at(500, 1000) == pytest.approx(0.6)
    assert rate.at(1000, 1000) == pytest.approx(0.2)


def test_wsd_holds_the_peak_and_decays_linearly_at_the_end():
    settings = {"peak": 1.0, "warmup_fraction": 0.0, "decay_fraction": 0.2, "final_fraction": 0.0}
    rate = LEARNING_RATES.build("wsd", settings)
    assert rate.at(800, 1000) == pytest.approx(1.0)
    assert rate.at(900, 1000) == pytest.approx(0.5)
    assert rate.at(1000, 1000) == pytest.approx(0.0)


def test_wsd_decays_by_the_root_as_in_cdma():
    settings = {"peak": 3e-3, "warmup_fraction": 0.05, "decay_fraction": 0.2, "final_fraction": 1 / 3, "decay": "sqrt"}
    rate = LEARNING_RATES.build("wsd", settings)
    found = [rate.at(tokens, 1000) for tokens in (25, 50, 500, 800, 850, 900, 1000)]
    assert found == pytest.approx([0.0015, 0.003, 0.003, 0.003, 0.002, 0.0015857864, 0.001])


@given(key=st.sampled_from(KEYS), tokens=st.integers(1, 2000), warmup=st.floats(0, 0.7))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_rate_is_positive_and_never_above_the_peak(key, tokens, warmup):
    rate = LEARNING_RATES.build(key, {"peak": 0.5, "warmup_fraction": warmup}).at(tokens, 1000)
    assert 0 < rate <= 0.5 + 1e-12


@pytest.mark.parametrize("form", ["cosine", "linear", "inverse_sqrt"])
def test_infinite_has_the_four_pieces_of_its_source(form):
    settings = {
        "peak": 3e-4, "warmup_fraction": 0.1, "cooldown_fraction": 0.4, "constant_fraction": 0.55,
        "anneal_fraction": 0.1, "final_fraction": 0.1, "cooldown": form,
    }  # fmt: skip
    rate = LEARNING_RATES.build("infinite", settings)
    middle = {"cosine": 2.325e-4, "linear": 2.325e-4, "inverse_sqrt": 1.8562952e-4}[form]
    expected = [1.5e-4, 3e-4, middle, 1.65e-4, 1.65e-4, 1.65e-4, 7.0356236e-5, 3e-5]
    found = [rate.at(tokens, 1000) for tokens in (50, 100, 300, 500, 700, 900, 950, 1000)]
    assert found == pytest.approx(expected, rel=1e-6)
    assert rate.phases() == [
        ("warm-up", 0.0, 0.1), ("cool-down", 0.1, 0.5), ("stable", 0.5, 0.9), ("anneal", 0.9, 1.0)
    ]  # fmt: skip


def test_infinite_for_a_later_task_is_constant_and_anneals():
    settings = {"peak": 1e-3, "warmup_fraction": 0, "cooldown_fraction": 0, "constant_fraction": 0.5}
    rate = LEARNING_RATES.build("infinite", settings)
    assert [rate.at(tokens, 1000) for tokens in (1, 800, 1000)] == pytest.approx([5e-4, 5e-4, 1e-4])
    assert rate.phases() == [("stable", 0.0, 0.8), ("anneal", 0.8, 1.0)]


def test_infinite_refuses_pieces_that_are_longer_than_the_run():
    with pytest.raises(InputError, match="take 120% of the tokens"):
        LEARNING_RATES.build("infinite", {"warmup_fraction": 0.9})


def test_rewarm_rises_from_the_minimum_or_from_the_last_rate_and_falls_along_a_cosine():
    settings = {"peak": 3e-4, "warmup_fraction": 0.1, "final_fraction": 0.1}
    from_minimum = LEARNING_RATES.build("rewarm", settings)
    from_zero = LEARNING_RATES.build("rewarm", settings | {"start": 0.0})
    from_last = LEARNING_RATES.build("rewarm", settings | {"start": 1e-4})
    first = 1e-12  # of no token: `at` never asks for it
    assert from_minimum.rising(first) == pytest.approx(3e-5)
    assert [from_minimum.at(t, 1000) for t in (50, 100)] == pytest.approx([1.65e-4, 3e-4])
    assert [from_zero.at(t, 1000) for t in (50, 100, 550, 1000)] == pytest.approx([1.5e-4, 3e-4, 1.65e-4, 3e-5])
    assert from_last.at(50, 1000) == pytest.approx(2e-4)
    with pytest.raises(InputError, match="above the peak"):
        LEARNING_RATES.build("rewarm", settings | {"start": 1e-3})


def planned(knots: list[tuple[float, float]], between: str = "linear", factor: float = 1.0) -> LearningRate:
    track = {"knots": [{"at": at, "rate": rate} for at, rate in knots], "between": between}
    return LEARNING_RATES.build("planned", {"factor": factor}).bound(Tracks.model_validate({"learning_rate": track}))


def test_a_planned_rate_is_the_curriculum_s_times_a_factor():
    rate = planned([(0, 0), (0.1, 2e-3), (0.6, 2e-3), (1, 1e-3)], factor=2)
    found = [rate.at(tokens, 1000) for tokens in (50, 100, 400, 800, 1000, 1200)]
    assert found == pytest.approx([2e-3, 4e-3, 4e-3, 3e-3, 2e-3, 2e-3])
    assert rate.phases() == [("warm-up", 0.0, 0.1), ("stable", 0.1, 0.6), ("decay", 0.6, 1.0)]


def test_a_planned_rate_stands_still_outside_its_knots_and_may_move_in_steps():
    assert planned([(0.2, 1e-3), (0.4, 3e-3), (0.5, 2e-3), (0.6, 1e-3)]).phases() == [
        ("stable", 0.0, 0.2), ("rise", 0.2, 0.4), ("decay", 0.4, 0.6), ("stable", 0.6, 1.0)
    ]  # fmt: skip
    steps = planned([(0, 1e-3), (0.5, 5e-4)], "step")
    assert [steps.at(tokens, 100) for tokens in (1, 49, 50, 100)] == [1e-3, 1e-3, 5e-4, 5e-4]
    assert steps.phases() == [("stable", 0.0, 1.0)]


def test_a_schedule_without_a_rate_is_refused_with_what_to_do():
    with pytest.raises(InputError, match="brings no learning rate") as caught:
        LEARNING_RATES.build("planned").bound(Tracks())
    assert (
        caught.value.problems[0].field == "learning_rate.key" and "schedule it again" in caught.value.problems[0].hint
    )
    assert LEARNING_RATES.build("planned").phases() == []
