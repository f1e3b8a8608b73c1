"""The streaming summary of a run that its table row shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_app.core.tally import SPARKLINE_POINTS, Sparkline, Tally, stored_number


def test_best_follows_the_direction_of_the_metric():
    tally = Tally()
    for step, (loss, speed, rate) in enumerate([(5.0, 10.0, 0.1), (3.0, 30.0, 0.3), (4.0, 20.0, 0.2)], start=1):
        tally.add(step, step * 10, float(step), {"loss": loss, "tokens_per_second": speed, "learning_rate": rate})
    assert tally.latest == {"loss": 4.0, "tokens_per_second": 20.0, "learning_rate": 0.2}
    assert tally.best == {"loss": 3.0, "tokens_per_second": 30.0}
    assert (tally.step, tally.tokens) == (3, 30)


def test_non_finite_values_are_the_latest_but_never_the_best():
    tally = Tally()
    tally.add(1, 10, 0.0, {"loss": 2.0})
    tally.add(2, 20, 1.0, {"loss": math.nan})
    tally.add(3, 30, 2.0, {"loss": -math.inf})
    assert tally.latest == {"loss": "-Infinity"} and tally.best == {"loss": 2.0}
    assert stored_number(math.inf) == "Infinity" and stored_number(math.nan) == "NaN"


@given(st.lists(st.floats(-1e3, 1e3), max_size=700))
def test_a_sparkline_is_short_and_keeps_the_mean_level(values):
    line = Sparkline()
    for value in values:
        line.add(value)
    shown = line.values()
    assert len(shown) <= SPARKLINE_POINTS
    assert bool(shown) == bool(values)
    if values:
        assert min(values) - 0.1 <= min(shown) and max(shown) <= max(values) + 0.1


def test_few_values_are_the_sparkline_themselves():
    line = Sparkline()
    for value in (3.0, math.inf, 2.0, 1.0):
        line.add(value)
    assert line.values() == [3.0, 2.0, 1.0]


def test_pace_is_of_the_last_minute_and_unknown_at_first():
    tally = Tally()
    tally.add(1, 1_000, 0.0, {})
    assert tally.pace() is None
    tally.add(2, 2_000, 100.0, {})
    tally.add(3, 5_000, 110.0, {})
    assert tally.pace() == pytest.approx(300.0)
