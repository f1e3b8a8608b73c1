"""Normal deviates and the largest of many: against scipy."""

import numpy as np
import pytest
from scipy import stats

from curriculum_app.core.scheduling.normal_draws import largest_of, upper_quantile


def test_the_largest_of_many_normals_is_drawn_at_once():
    state = np.array([1], dtype=np.uint64)
    drawn = np.array([largest_of(50, 0.0, state) for _ in range(20_000)])
    assert drawn.mean() == pytest.approx(2.2496, abs=0.02) and drawn.std() == pytest.approx(0.463, abs=0.02)
    capped = np.array([largest_of(3, 0.3, state) for _ in range(5000)])
    assert capped.max() <= stats.norm.isf(0.3)
    tails = np.array([1e-200, 1e-12, 0.01, 0.3, 0.5, 0.99, 1 - 1e-12])
    assert np.allclose([upper_quantile(tail) for tail in tails], stats.norm.isf(tails), rtol=1e-6, atol=1e-9)
