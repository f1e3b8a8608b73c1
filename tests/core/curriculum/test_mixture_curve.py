"""Curves in log N: published numbers, integrals and the fit to totals."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curriculum_app.core.mixture_curve import MixtureCurve, fit_to_totals

CASE = json.loads((Path(__file__).parents[2] / "fixtures/scheduler_conformance.json").read_text())["terrific.curve"]


def terrific() -> MixtureCurve:
    given_, names = CASE["in"], ("a", "b", "c")
    return MixtureCurve(names, np.array(given_["knotsN"]), given_["eta"] * np.array(given_["D"], dtype=float))


def curves(max_logit: float = 6.0):
    @st.composite
    def build(draw):
        groups, knots = draw(st.integers(1, 5)), draw(st.integers(1, 5))
        steps = draw(st.lists(st.floats(0.05, 3.0), min_size=knots, max_size=knots))
        cell = st.floats(-max_logit, max_logit)
        logits = draw(
            st.lists(st.lists(cell, min_size=groups, max_size=groups), min_size=knots, max_size=knots),
        )
        return MixtureCurve(tuple("abcde"[:groups]), np.exp(np.cumsum(steps)), np.array(logits))

    return build()


@pytest.mark.parametrize("tokens", CASE["out"])
def test_shares_between_and_beyond_the_knots_are_terrifics(tokens):
    assert np.allclose(terrific().at(float(tokens)), CASE["out"][tokens], atol=1e-9)


def test_cumulative_tokens_are_terrifics():
    expected = [
        [202592156.4, 122878354.3, 74529489.3],
        [662034061.8, 636191629.8, 301774308.4],
        [1661362383.8, 3627943343.5, 1110694272.7],
    ]
    totals = np.array([4e8, 1.6e9, 6.4e9])
    assert np.all(np.abs(terrific().cumulative(totals) - expected) <= 1e-6 * totals[:, None])


@given(curves(), st.lists(st.floats(0, 1e4), min_size=1, max_size=8))
def test_cumulative_sums_to_the_tokens_and_never_falls(curve, tokens):
    totals = np.sort(np.array(tokens))
    owed = curve.cumulative(totals)
    assert np.allclose(owed.sum(axis=1), totals, rtol=1e-12, atol=1e-9)
    assert np.all(np.diff(owed, axis=0) >= -1e-6 * max(1.0, totals[-1]))


@given(curves(3.0), st.floats(0.1, 500.0))
def test_cumulative_is_the_integral_of_the_shares(curve, total):
    edges = np.linspace(0, total, 4001)
    middle = (edges[1:] + edges[:-1]) / 2
    simple = curve.at(middle).mean(axis=0) * total
    assert np.allclose(curve.cumulative(total), simple, atol=2e-3 * total)


def test_a_vector_of_totals_gives_what_each_total_gives_alone():
    totals = np.array([1e6, 5e8, 5e8, 2e9, 1e11])
    together = terrific().cumulative(totals)
    for total, row in zip(totals, together, strict=True):
        assert np.allclose(terrific().cumulative(total), row, rtol=1e-9)


@settings(deadline=None)
@given(curves(), st.data())
def test_a_fitted_curve_integrates_to_the_totals(curve, data):
    groups = len(curve.names)
    totals = np.array(data.draw(st.lists(st.integers(1, 10_000), min_size=groups, max_size=groups)), dtype=float)
    fitted = fit_to_totals(curve, totals)
    assert np.abs(fitted.cumulative(totals.sum()) - totals).max() <= 1e-9 * totals.sum()


@given(curves(), st.data())
def test_fitting_only_shifts_each_group(curve, data):
    groups = len(curve.names)
    totals = np.array(data.draw(st.lists(st.integers(1, 10_000), min_size=groups, max_size=groups)), dtype=float)
    moved = fit_to_totals(curve, totals).logits - curve.logits
    relative = moved - moved[:, :1]
    assert np.allclose(relative, relative[0], atol=1e-8)


def test_a_group_without_tokens_is_planned_none():
    curve = MixtureCurve(("a", "b", "c"), np.array([10.0, 100.0]), np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    fitted = fit_to_totals(curve, [40, 0, 60])
    assert np.allclose(fitted.cumulative(100.0), [40, 0, 60], atol=1e-7)


@pytest.mark.parametrize("totals", [[1.0], [-1.0, 2.0], [0.0, 0.0]])
def test_impossible_totals_are_refused(totals):
    with pytest.raises(ValueError, match="totals"):
        fit_to_totals(MixtureCurve.constant(("a", "b"), [0.5, 0.5]), totals)


def test_a_constant_curve_keeps_its_shares():
    curve = MixtureCurve.constant(("a", "b"), [0.25, 0.75])
    assert np.allclose(curve.at([0, 1, 1e9]), [[0.25, 0.75]] * 3)
    assert np.allclose(curve.cumulative(400.0), [100, 300])


@given(curves())
def test_a_curve_survives_json(curve):
    again = MixtureCurve.from_json(json.loads(json.dumps(curve.as_json())))
    assert np.array_equal(again.at([1.0, 7.0, 1e3]), curve.at([1.0, 7.0, 1e3]))


@pytest.mark.parametrize("knots", [[0.0, 1.0], [2.0, 1.0], [1.0]])
def test_a_malformed_curve_is_refused(knots):
    with pytest.raises(ValueError, match="knot"):
        MixtureCurve(("a",), np.array(knots), np.zeros((2, 1)))
