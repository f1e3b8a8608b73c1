"""Proxies of difficulty: worked numbers and ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.difficulty.compression import compression_ratio, shrink_short
from curriculum_app.core.difficulty.ranks import quantile_bin, ranks_within, weighted_ranks
from curriculum_app.core.difficulty.surprisal import mean_surprisal, unigram_bits, unigram_bits_per_byte
from curriculum_app.core.packing import HeldOut


@pytest.mark.parametrize(("text", "size"), [("the cat sat on the mat and the dog sat on the log", 39), ("a" * 50, 12)])
def test_compression_ratio_is_bytes_before_over_bytes_after(text, size):
    assert len(text) / (size + 2) <= compression_ratio(text) <= len(text) / (size - 2)  # zlib-ng may differ by 2 bytes


def test_an_empty_text_is_not_redundant():
    assert compression_ratio("") == 1.0


def test_short_texts_are_drawn_to_the_mean():
    assert shrink_short([1.0, 3.0, 2.0], [100, 400, 200]).tolist() == [1.5, 3.0, 2.0]


def test_weighted_ranks_are_the_share_of_smaller_text_plus_half_of_the_equal():
    assert weighted_ranks([5, 1, 5], [1, 2, 1]).tolist() == [0.75, 0.25, 0.75]


values = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50)), min_size=1, max_size=30)


@given(values)
def test_ranks_keep_order_lie_inside_and_average_one_half(items):
    numbers, weights = (np.array(column) for column in zip(*items, strict=True))
    ranks = weighted_ranks(numbers, weights)
    assert np.all((ranks > 0) & (ranks < 1))
    assert np.average(ranks, weights=weights) == pytest.approx(0.5)
    assert np.array_equal(numbers[:, None] < numbers, ranks[:, None] < ranks)


def test_ranks_within_parts_do_not_see_the_other_part():
    ranks = ranks_within([1, 2, 100, 200], [1, 1, 1, 1], np.array([0, 0, 1, 1]))
    assert ranks.tolist() == [0.25, 0.75, 0.25, 0.75]


def test_quantile_bins_hold_about_equal_text():
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(6, 1.5, 5000).astype(int) + 1
    bins = quantile_bin(weighted_ranks(lengths, lengths), 8)
    shares = np.bincount(bins, lengths, 8) / lengths.sum()
    assert np.abs(shares - 1 / 8).max() < 0.02


def test_the_last_rank_falls_into_the_last_bin():
    assert quantile_bin(np.array([0.0, 0.5, 1.0]), 2).tolist() == [0, 1, 1]


def test_unigram_bits_are_add_one_smoothed():
    assert unigram_bits(np.array([3, 0])).tolist() == pytest.approx([-np.log2(4 / 5), -np.log2(1 / 5)])


def test_mean_surprisal_does_not_grow_with_length():
    bits = np.array([1.0, 3.0])
    documents = [np.array([0, 1], dtype=np.uint16), np.array([0, 1] * 50, dtype=np.uint16), np.zeros(0, np.uint16)]
    assert mean_surprisal(documents, bits).tolist() == [2.0, 2.0, 0.0]


def test_unigram_bits_per_byte_leave_out_the_context_token():
    held = HeldOut(np.array([0, 1, 1], dtype=np.uint16), np.array([0, 3]), np.array([4]))
    counts = np.array([2, 1])
    assert unigram_bits_per_byte(counts, held) == pytest.approx(2 * -np.log2(2 / 5) / 4)
