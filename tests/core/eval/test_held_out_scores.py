"""Perplexities and bits per byte, exact to the token, the word and the byte."""

import math

import numpy as np
import pyarrow as pa
import pytest

from eval_app.core.held_out_scores import DomainResult, HeldOutResult, TextSums, perplexity, ratio_interval, result_of


def test_the_worked_example_of_one_text():
    text = TextSums(nll=4.0, tokens=4, words=3, n_bytes=12)
    found = (text.token_perplexity, text.word_perplexity, text.byte_perplexity, text.bits_per_byte)
    assert found == pytest.approx((2.718282, 3.793668, 1.395612, 0.480898), abs=5e-7)


def test_the_worked_example_of_two_domains():
    one = DomainResult(domain="a", windows=1, documents=1, nll=1200, tokens=400, words=300, n_bytes=1800)
    other = DomainResult(domain="b", windows=1, documents=1, nll=900, tokens=450, words=300, n_bytes=1500)
    result = HeldOutResult(domains=[one, other])
    assert one.token_perplexity == pytest.approx(20.0855, abs=5e-5)
    assert other.token_perplexity == pytest.approx(7.3891, abs=5e-5)
    assert result.micro.token_perplexity == pytest.approx(11.8294, abs=5e-5)
    assert result.macro("token_perplexity") == pytest.approx(13.7373, abs=5e-5)
    assert result.micro.bits_per_byte == pytest.approx(0.9180787, abs=5e-8)


def test_nothing_and_too_much_have_no_finite_perplexity():
    assert math.isnan(perplexity(1.0, 0)) and perplexity(1e6, 1) == math.inf


def test_windows_are_summed_by_domain_and_their_interval_is_over_documents():
    windows = pa.table(
        {"domain": list("aaab"), "document": [0, 0, 1, 0], "nll": [1.0, 2.0, 4.0, 5.0], "tokens": [2, 2, 3, 4],
         "words": [1, 2, 2, 3], "bytes": [4, 6, 10, 12], "seen": [True, True, False, False]}
    )  # fmt: skip
    first, second = result_of(windows).domains
    assert (first.windows, first.documents, first.nll, first.tokens, first.words, first.n_bytes) == (3, 2, 7, 7, 5, 20)
    expected = ratio_interval([3.0, 4.0], np.array([10, 10]) * math.log(2))
    assert (first.low, first.high) == pytest.approx(expected)
    assert (second.low, second.high) == (None, None)
    assert (first.seen, second.seen, second.unseen_bits_per_byte) == (1, 0, None)
    assert first.unseen_bits_per_byte == pytest.approx(4.0 / (10 * math.log(2)))


def test_a_ratio_over_equal_sizes_has_the_interval_of_the_mean():
    values = np.array([1.0, 2.0, 4.0])
    half = 4.302653 * values.std(ddof=1) / math.sqrt(3)
    assert ratio_interval(values, np.ones(3)) == pytest.approx((7 / 3 - half, 7 / 3 + half), rel=1e-6)


def test_the_interval_holds_the_true_ratio_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        sizes = rng.integers(5, 50, 25)
        found = ratio_interval(sizes * rng.normal(1.2, 0.3, 25), sizes)
        hits += found is not None and found[0] <= 1.2 <= found[1]
    assert 0.92 <= hits / 1000 <= 0.97
