"""Packing keeps every token, its owner and its bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.packing import count_groups, held_out_windows, mean_over_tokens, pack, token_dtype

EOS = 0
corpora = st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=12)


def as_tokens(corpus):
    return [np.array(tokens, dtype=np.uint16) for tokens in corpus]


@given(corpora, st.integers(2, 7))
def test_the_stream_is_the_documents_joined_by_end_of_text_and_only_the_tail_is_dropped(corpus, length):
    packed = pack(as_tokens(corpus), np.arange(len(corpus)), EOS, length)
    stream = [token for tokens in corpus for token in [*tokens, EOS]]
    assert packed.tokens.tolist() == stream[: len(stream) // length * length]
    assert packed.dropped == len(stream) % length
    assert np.all(np.diff(packed.offsets) == length)


@given(corpora, st.integers(2, 7), st.randoms())
def test_every_token_is_counted_for_the_group_of_its_own_document(corpus, length, random):
    rows = list(range(len(corpus)))
    random.shuffle(rows)
    group_of = np.arange(len(corpus)) % 3
    packed = pack([as_tokens(corpus)[row] for row in rows], np.array(rows), EOS, length)
    owners = [group_of[row] for row in rows for _ in range(len(corpus[row]) + 1)]
    counts = count_groups(packed.pieces, group_of, 3).toarray()
    for i in range(len(packed.offsets) - 1):
        expected = np.bincount(owners[i * length : (i + 1) * length], minlength=3)
        assert counts[i].tolist() == expected.tolist()


@given(corpora, st.integers(2, 7))
def test_a_mean_over_tokens_weighs_documents_by_what_they_gave(corpus, length):
    packed = pack(as_tokens(corpus), np.arange(len(corpus)), EOS, length)
    values = np.arange(len(corpus), dtype=float)
    owners = [row for row, tokens in enumerate(corpus) for _ in range(len(tokens) + 1)]
    used = owners[: len(packed.tokens)]
    expected = np.array(used, dtype=float).reshape(-1, length).mean(axis=1) if used else np.zeros(0)
    assert np.allclose(mean_over_tokens(packed.pieces, values), expected)


@given(corpora, st.integers(2, 7))
def test_held_out_windows_predict_every_token_once_and_count_its_bytes(corpus, length):
    token_bytes = np.arange(10, dtype=np.int64)
    held = held_out_windows(as_tokens(corpus), token_bytes, EOS, length)
    text = [token for tokens in corpus for token in tokens]
    assert held.predicted().tolist() == text
    assert held.predicted_tokens == len(text)
    assert held.total_bytes == sum(text)
    for i in range(held.num_sequences):
        window = held.tokens_of(i)
        assert 2 <= len(window) <= length
        assert held.n_bytes[i] == window[1:].sum()


def test_the_first_window_of_a_document_has_end_of_text_for_context_and_the_next_the_token_before_it():
    held = held_out_windows(as_tokens([[1, 2, 3, 4, 5]]), np.ones(6, dtype=np.int64), EOS, 4)
    assert [held.tokens_of(i).tolist() for i in range(2)] == [[0, 1, 2, 3], [3, 4, 5]]


def test_no_documents_give_no_sequences():
    packed = pack([], np.zeros(0, dtype=np.int64), EOS, 8)
    assert (len(packed.tokens), packed.offsets.tolist(), packed.dropped) == (0, [0], 0)


def test_tokens_take_two_bytes_up_to_65536():
    assert token_dtype(65536) is np.uint16
    assert token_dtype(65537) is np.uint32
