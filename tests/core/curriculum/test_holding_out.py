"""Held-out text is enough, comes from a reserve, and never costs more than half of a domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.holding_out import hold_out, split_domain, tokenizer_sample


def documents(*sizes):
    return [np.arange(size, dtype=np.uint16) for size in sizes]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.integers(1, 2000), st.integers(0, 99))
def test_a_split_keeps_every_document_once_and_reserves_at_most_half_of_the_bytes(sizes, wanted, seed):
    num_bytes = np.array(sizes)
    split = split_domain(np.arange(len(sizes)), num_bytes, wanted, np.random.default_rng(seed))
    assert sorted([*split.reserve, *split.rest]) == list(range(len(sizes)))
    assert num_bytes[split.reserve].sum() <= num_bytes.sum() / 2


def test_the_reserve_of_a_large_domain_is_only_what_may_be_needed():
    num_bytes = np.full(1000, 1000)
    split = split_domain(np.arange(1000), num_bytes, 1000, np.random.default_rng(0))
    assert num_bytes[split.reserve].sum() == 8 * 1000


def test_a_long_document_gives_at_most_an_eighth_if_others_can_give_the_rest():
    taken = hold_out("prose", documents(100_000, *[100] * 20), 800)
    assert [len(tokens) for tokens in taken] == [100] * 8


def test_a_long_document_gives_more_if_the_others_cannot():
    assert [len(tokens) for tokens in hold_out("prose", documents(100_000, 100), 800)] == [800]


def test_a_domain_that_is_too_small_is_named_with_what_it_has():
    with pytest.raises(InputError) as caught:
        hold_out("prose", documents(100, 50), 800)
    (problem,) = caught.value.problems
    assert problem.field == "held_out_tokens"
    assert "'prose'" in problem.message and "150" in problem.hint


def test_the_tokenizer_sample_is_balanced_and_gives_what_a_small_domain_lacks_to_the_others():
    parts = [np.arange(0, 100), np.arange(100, 105), np.arange(105, 205)]
    num_bytes = np.full(205, 10)
    rows = tokenizer_sample(parts, num_bytes, limit=650)
    by_part = [int(np.isin(part, rows).sum()) for part in parts]
    assert by_part == [30, 5, 30]


def test_the_tokenizer_sample_of_a_small_corpus_is_all_of_it():
    rows = tokenizer_sample([np.arange(5), np.arange(5, 9)], np.full(9, 10))
    assert rows.tolist() == list(range(9))


def test_where_documents_may_turn_out_useless_half_of_the_text_is_set_aside():
    num_bytes = np.full(1000, 100)
    split = split_domain(np.arange(1000), num_bytes, 64, np.random.default_rng(0), all_usable=False)
    assert (
        len(split.reserve) == 500 > len(split_domain(np.arange(1000), num_bytes, 64, np.random.default_rng(0)).reserve)
    )
