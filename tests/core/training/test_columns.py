"""Columns that are opened where somebody looks say the same as columns that are open."""

import numpy as np
import pytest

from training_app.core import columns
from training_app.core.columns import Column, Joined
from training_app.core.segments import DamagedColumn, pack_floats, pack_ints
from training_app.core.series import Series
from training_app.selectors.series import SeriesView, around, draw, framed, thinned

BLOCK, SEALED, COUNT = 100, 950, 1000  # the last block is shorter, 50 points are not sealed yet


def one_series() -> Series:
    """Steps with two gaps, a spike, a NaN at the start, and NaN and infinity later."""
    number = np.arange(COUNT)
    step = number + 1 + 7 * (number >= 333) + 40 * (number >= 700)
    value = 2 + 5 * np.exp(-number / 200) + 0.05 * np.sin(number * 1.7)
    value[617], value[0], value[400:403], value[975] = 40.0, np.nan, np.nan, np.inf
    return Series(step, step * 4096, 1.7e9 + 0.1 * step + 0.003 * np.cos(number), value)


def sealed(series: Series) -> Series:
    """The same, all but the last points in packed blocks."""
    parts = [slice(first, min(first + BLOCK, SEALED)) for first in range(0, SEALED, BLOCK)]
    counts = [part.stop - part.start for part in parts]
    whole = [
        Column([pack_ints(words[part]) for part in parts], counts, np.int64) for words in (series.step, series.tokens)
    ]
    time = Column([pack_floats(series.time[part]) for part in parts], counts, np.float64)
    tail = series.take(np.arange(SEALED, COUNT))
    return Series(*whole, time, series.value[:SEALED]).then(tail)


def drawn(series: Series, view: SeriesView) -> dict:
    frame = framed(series, view, 1.7e9)
    return {**draw("loss", series, thinned(frame, view), view.smoothing, 1.7e9), **around(frame, view)}


@pytest.mark.parametrize("x", ["tokens", "step", "time"])
@pytest.mark.parametrize("smoothing", [0.0, 0.9])
@pytest.mark.parametrize("window", [{}, {"lo": 20.0, "hi": 90.0}])
@pytest.mark.parametrize("log_x", [False, True])
def test_a_chart_of_packed_columns_is_that_of_open_ones(x, smoothing, window, log_x):
    view = SeriesView(x=x, smoothing=smoothing, max_points=40, log_x=log_x, inner=True, **window)
    assert drawn(sealed(one_series()), view) == drawn(one_series(), view)


def test_a_chart_of_a_small_series_has_these_values():
    found = drawn(sealed(one_series()), SeriesView(x="tokens", smoothing=0.9, max_points=16, inner=True))
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert (found["total"], found["weight"]) == pytest.approx(SUMS, rel=1e-14)
    assert found["inner"] == pytest.approx(INNER, rel=1e-12)


def test_a_block_is_opened_once_and_only_when_looked_at(monkeypatch):
    opened: list[int] = []
    real = columns.unpack_ints
    monkeypatch.setattr(
        columns, "unpack_ints", lambda packed, counts: opened.append(len(packed)) or real(packed, counts)
    )
    words = np.arange(1000) ** 2
    column = Column([pack_ints(words[first : first + 100]) for first in range(0, 1000, 100)], [100] * 10, np.int64)
    assert column.take(np.array([5, 7, 950])).tolist() == [25, 49, 902_500]
    assert column.take(np.array([99, 100])).tolist() == [9801, 10_000]
    assert column.whole.tolist() == words.tolist()
    assert [count for count in opened if count] == [2, 1, 7]


def test_a_damaged_block_hurts_only_who_looks_at_it():
    column = Column([pack_ints(np.arange(10)), b"\x02" + bytes(16) + b"nonsense"], [10, 10], np.int64)
    assert column.take(np.array([3])).tolist() == [3]
    with pytest.raises(DamagedColumn):
        column.take(np.array([12]))


def test_points_behind_a_column_follow_it_in_any_order():
    joined = Joined(Column([pack_floats(np.array([0.5, 1.5]))], [2], np.float64), np.array([2.5, np.nan]))
    assert len(joined) == 4 and joined.whole[:3].tolist() == [0.5, 1.5, 2.5]
    assert joined.take(np.array([2, 0])).tolist() == [2.5, 0.5]
    assert joined.take(np.zeros(0, dtype=np.int64)).tolist() == []


def test_a_series_without_points_in_its_columns():
    empty = Column([], [], np.int64)
    assert len(empty) == 0 and empty.whole.tolist() == [] and empty.take(np.zeros(0, dtype=np.int64)).tolist() == []


EXPECTED = {
    "count": 1000,
    "step": [2, 263, 264, 521, 524, 525, 625, 779, 785, 786, 788, 1045, 1047],
    "tokens": [
        8192,
        1077248,
        1081344,
        2134016,
        2146304,
        2150400,
        2560000,
        3190784,
        3215360,
        3219456,
        3227648,
        4280320,
        4288512,
    ],
    "time": [0.202, 26.299, 26.402, 52.098, 52.402, 52.499, 62.501, 77.898, 78.499, 78.597, 78.8, 104.499, 104.703],
    "raw": [
        7.024646,
        3.316655,
        3.384278,
        2.336949,
        2.346826,
        2.343047,
        40.0,
        2.080305,
        2.153531,
        2.080197,
        2.172541,
        1.984202,
        2.082058,
    ],
    "smooth": [
        7.024646,
        3.409401,
        3.406889,
        2.399499,
        2.396695,
        2.39133,
        6.015434,
        2.13136,
        2.134308,
        2.128808,
        2.131314,
        2.033481,
        2.039061,
    ],
    "last_step": 1047,
    "non_finite": {"count": 5, "steps": [1, 408, 409, 410, 1023]},
    "band": {
        "x": [8192.0, 1077248.0, 1081344.0, 2146304.0, 2150400.0, 3215360.0, 3219456.0, 4288512.0],
        "low": [3.316655, 3.316655, 2.336949, 2.336949, 2.080305, 2.080305, 1.984202, 1.984202],
        "high": [7.024646, 7.024646, 3.384278, 3.384278, 40.0, 40.0, 2.172541, 2.172541],
    },
}
SUMS = (20.227956624707232, 9.920233556922947)
INNER = [1.9986600139632253, 6.76111078769323]
