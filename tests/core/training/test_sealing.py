"""Rows become blocks: which series share an axis, and that unfilled segments are filled up first."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training_app.core.buffer import Buffer
from training_app.core.sealing import Pending, Tail, blocks_of, summary_of
from training_app.core.segments import SEGMENT_POINTS


def points(first: int, last: int, every: dict[str, int]) -> dict:
    buffer = Buffer()
    for step in range(first, last + 1):
        values = {key: step + 0.5 for key, often in every.items() if step % often == 0}
        buffer.add(step, step * 100, 1e9 + step, values)
    return buffer.points()


def pending(*rows: dict) -> Pending:
    found = Pending()
    for row in rows:
        found.add(row)
    return found


def test_series_logged_at_the_same_steps_share_an_axis():
    blocks = list(
        blocks_of(pending(points(1, 50, {"a": 1, "b": 1}), points(51, 100, {"a": 1, "b": 1, "c": 10})), {}, {}, {})
    )
    shared, rare = sorted(blocks, key=lambda block: -len(block.places))
    assert [line.key for line in shared.lines] == ["a", "b"] and len(shared.places) == 100
    assert [line.key for line in rare.lines] == ["c"] and rare.places.step.tolist() == [60, 70, 80, 90, 100]
    assert rare.places.tokens.tolist() == [6000, 7000, 8000, 9000, 10000] and rare.lines[0].values[0] == 60.5


def test_an_unfilled_segment_is_filled_up_before_a_new_one_begins():
    (first,) = blocks_of(pending(points(1, 1000, {"a": 1})), {}, {}, {})
    tails = {"a": Tail(7, 0, first.lines[0].values)}
    second, third = blocks_of(pending(points(1001, 1500, {"a": 1})), tails, {7: first.places}, {"a": 1000})
    assert (len(second.places), second.lines[0].place) == (SEGMENT_POINTS, 0)
    assert (len(third.places), third.lines[0].place) == (1500 - SEGMENT_POINTS, SEGMENT_POINTS)
    assert third.places.step.tolist() == list(range(1025, 1501)) and third.lines[0].values[-1] == 1500.5


def test_after_full_segments_a_new_one_begins_at_its_place():
    (block,) = blocks_of(pending(points(2049, 2060, {"a": 1})), {}, {}, {"a": 2048})
    assert block.lines[0].place == 2048 and len(block.places) == 12


@given(st.lists(st.floats() | st.just(math.nan), min_size=1, max_size=20))
def test_a_summary_is_of_the_finite_values(values):
    step, column = np.arange(10, 10 + len(values)), np.array(values)
    summary = summary_of(step, column)
    finite = [(value, place) for place, value in zip(step.tolist(), values, strict=True) if math.isfinite(value)]
    assert summary.non_finite == len(values) - len(finite)
    assert math.isnan(summary.last) if math.isnan(values[-1]) else summary.last == values[-1]
    if not finite:
        assert summary.lowest is summary.highest_step is None
        return
    assert summary.lowest == min(finite)[0] and summary.highest == max(finite)[0]
    assert summary.lowest_step == next(place for value, place in finite if value == summary.lowest)


def test_a_buffer_keeps_the_order_of_points_when_the_keys_change():
    buffer = Buffer()
    for step in range(1, 5):
        buffer.add(step, step, 0.0, {"a": float(step)} | ({"b": -0.0} if step % 2 else {}))
    buffer.add(5, 5, 0.0, {"b": math.inf, "a": 5})
    assert buffer.points()["values"] == {
        "a": [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0), (4, 5.0)],
        "b": [(0, "-0.0"), (2, "-0.0"), (4, "Infinity")],
    }
