"""Columns come back bit by bit, whatever they hold, and damaged ones are refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training_app.core.segments import DamagedColumn, pack_floats, pack_ints, unpack_floats, unpack_ints

lengths = st.integers(1, 70)
whole = st.integers(-(2**63), 2**63 - 1)
numbers = st.floats(width=64) | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])


def bits(values: np.ndarray) -> list[int]:
    return values.view(np.int64).tolist()


@given(st.lists(arrays(np.int64, lengths, elements=whole), min_size=1, max_size=5))
def test_whole_numbers_come_back(columns):
    packed = [pack_ints(column) for column in columns]
    assert unpack_ints(packed, [len(column) for column in columns]).tolist() == np.concatenate(columns).tolist()


@given(st.lists(arrays(np.float64, lengths, elements=numbers), min_size=1, max_size=5))
def test_floats_come_back_bit_by_bit(columns):
    packed = [pack_floats(column) for column in columns]
    assert bits(unpack_floats(packed, [len(column) for column in columns])) == bits(np.concatenate(columns))


def test_a_nan_keeps_its_payload():
    odd = np.array([0x7FF8_0000_0000_1234, -1], dtype=np.int64).view(np.float64)
    assert bits(unpack_floats([pack_floats(odd)], [2])) == bits(odd)


def test_many_columns_of_one_layout_come_back_in_order():
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=1024) for _ in range(200)] + [rng.normal(size=10)]
    packed = [pack_floats(column) for column in columns]
    assert bits(unpack_floats(packed, [len(column) for column in columns])) == bits(np.concatenate(columns))


def test_equal_steps_need_no_bytes_and_noise_needs_its_own():
    assert len(pack_ints(np.arange(0, 1024 * 4096, 4096))) == 17
    assert len(pack_floats(np.full(1024, 0.25))) == 17
    noise = 2 + np.random.default_rng(0).normal(0, 0.1, 1024)
    assert len(pack_floats(noise)) / 1024 < 7.0
    assert len(pack_floats(noise.astype(np.float32).astype(np.float64))) / 1024 < 3.6


def test_no_columns_are_no_numbers():
    assert len(unpack_ints([], [])) == 0


@pytest.mark.parametrize(
    "packed",
    [b"", b"\x09" + bytes(16), b"\x03" + bytes(5), b"\x02" + bytes(16) + b"nonsense", pack_floats(np.arange(7.0))],
)
def test_damaged_columns_are_refused(packed):
    with pytest.raises(DamagedColumn):
        unpack_floats([packed], [9])
