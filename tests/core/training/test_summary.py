"""The table row of a run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_app.core.summary import SPARKLINE_POINTS, smoothed, sparkline


def test_smoothing_is_the_mean_of_the_last_values():
    assert smoothed([1.0, 2.0, 3.0, 4.0], 2) == [1.0, 1.5, 2.5, 3.5]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=700))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_sparkline_has_at_most_sixty_points_within_the_losses_and_ends_at_the_end(losses):
    line = sparkline(losses)
    assert len(line) == min(len(losses), SPARKLINE_POINTS)
    assert min(losses) - 1e-4 <= min(line) and max(line) <= max(losses) + 1e-4
    span = max(1, len(losses) // SPARKLINE_POINTS)
    assert line[-1] == pytest.approx(sum(losses[-span:]) / span, abs=1e-4)
