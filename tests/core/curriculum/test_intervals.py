"""Wilson's interval: worked values of data.md, and scipy's."""

import pytest
from scipy.stats import binomtest

from curriculum_app.core.intervals import wilson


def test_wilsons_interval_has_the_worked_values():
    assert wilson(0, 20) == (0.0, pytest.approx(0.161125, abs=1e-6))
    assert wilson(8, 10) == (pytest.approx(0.490162, abs=1e-6), pytest.approx(0.943318, abs=1e-6))
    assert wilson(0, 0) == (0.0, 1.0) and wilson(20, 20)[1] == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_it_is_scipys(alpha):
    for hits, of in ((3, 7), (41, 120), (1, 1000)):
        theirs = binomtest(hits, of).proportion_ci(1 - alpha, method="wilson")
        assert wilson(hits, of, alpha) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
