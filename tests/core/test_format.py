"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera import format as text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1_050_000, "1.05 M"), (3906, "3906"), (13_100, "13.1 k"), (999_999, "1 M"), (0, "0"), (-1_500_000, "−1.5 M"),
     (0.25, "0.25"), (None, "–"), (float("nan"), "not a number"), (float("inf"), "∞"), (2_500_000_000, "2.5 G")],
)  # fmt: skip
def test_compact(value, shown):
    assert text.compact(value) == shown


def test_compact_takes_a_unit():
    assert text.compact(524_288, "tokens") == "524 k tokens"


@pytest.mark.parametrize(("value", "shown"), [(0, "0 B"), (999, "999 B"), (12_400_000, "12.4 MB"), (1e13, "10 TB")])
def test_byte_size(value, shown):
    assert text.byte_size(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(9999, "9999"), (12345, "12\u202f345"), (-12345, "−12\u202f345")])
def test_grouped(value, shown):
    assert text.grouped(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.7791, "0.779"), (-0.5, "−0.500"), (9.352, "9.35"), (71.67, "71.7"), (9780.85, "9781"), (18000, "18\u202f000"),
     (3, "3"), (None, "–"), (float("nan"), "–"), (float("inf"), "∞"), (float("-inf"), "−∞")],
)  # fmt: skip
def test_figures(value, shown):
    assert text.figures(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.18, "180 ms"), (4.25, "4.2 s"), (41, "41 s"), (400, "6 min 40 s"), (3600, "1 h"), (90_000, "1 d 1 h"),
     (86_401, "1 d"), (None, "–")],
)  # fmt: skip
def test_duration(value, shown):
    assert text.duration(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0312, "3.1 %"), (0.0001, "< 0.1 %"), (0.9999, "> 99.9 %"), (1.0, "100.0 %"), (0.0, "0.0 %"), (None, "–")],
)
def test_percent(value, shown):
    assert text.percent(value) == shown


def test_signs_are_true_minus_and_plus():
    assert (text.signed(-0.033), text.signed(0.008), text.fixed(-1.5, 1)) == ("−0.033", "+0.008", "−1.5")


@given(st.floats(min_value=1, max_value=1e14))
def test_compact_keeps_three_digits(value):
    shown = text.compact(value)
    prefix = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    number, _, unit = shown.replace("\u202f", "").partition(" ")
    assert float(number) * prefix.get(unit, 1) == pytest.approx(value, rel=0.006)
