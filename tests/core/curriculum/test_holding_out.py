"""Held-out text is enough, comes from a reserve, and never costs more than half of a domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.holding_out import Sets, cut_domains, hold_out, reserve_of, tokenizer_sample
from curriculum_app.core.tokenizer import byte_tokenizer, inside_character


def documents(*sizes):
    return [np.arange(size, dtype=np.uint16) for size in sizes]


def sets_of(together, seed=0):
    """Sets with these keys, each at a random rank."""
    together = np.asarray(together, dtype=np.uint64)
    rank = np.random.default_rng(seed).random(int(together.max()) + 1)
    return Sets(together, rank[together.astype(int)])


DOCUMENTS = st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 20), st.integers(0, 2)), min_size=1, max_size=60)


@given(DOCUMENTS, st.integers(1, 2000), st.floats(0, 0.5), st.integers(0, 99))
def test_a_cut_keeps_every_set_on_one_side_and_reserves_at_most_half_of_a_domain(made, wanted, share, seed):
    num_bytes, together, domain_of = (np.array(column) for column in zip(*made, strict=True))
    sets = sets_of(together, seed)
    rows = {str(name): np.flatnonzero(domain_of == name) for name in np.unique(domain_of)}
    cut = cut_domains(rows, num_bytes, sets, wanted, share)
    reserved = np.concatenate([split.reserve for split in cut.splits.values()])
    rest = np.concatenate([split.rest for split in cut.splits.values()])
    assert not set(together[reserved]) & set(together[rest])
    for name, mine in rows.items():
        split = cut.splits[name]
        assert num_bytes[split.reserve].sum() <= num_bytes[mine].sum() / 2
        assert set(split.reserve) | set(split.rest) <= set(mine) and not set(split.reserve) & set(split.rest)
    held = {name: sets.firsts(cut.splits[name].reserve)[:2] for name in rows if len(cut.splits[name].reserve)}
    away = cut.kept_from_training(held)
    assert all(away[found].all() for found in held.values())
    assert not set(together[away]) & set(together[~away])


def test_only_the_first_of_a_set_is_held_out_and_all_of_it_is_kept_from_training():
    together = np.repeat(np.arange(50), 2)
    sets = sets_of(together)
    cut = cut_domains({"prose": np.arange(100)}, np.full(100, 100), sets, 40, 0.0)
    firsts = sets.firsts(cut.splits["prose"].reserve)
    assert len(set(together[firsts])) == len(firsts)
    away = np.flatnonzero(cut.kept_from_training({"prose": firsts[:3]}))
    assert len(away) == 6 and set(together[away]) == set(together[firsts[:3]])


def test_a_set_that_spans_domains_is_kept_from_training_in_all_of_them():
    together = np.array([*range(40), *range(40)])
    rows = {"apart": np.arange(40), "prose": np.arange(40, 80)}
    cut = cut_domains(rows, np.full(80, 100), sets_of(together), 40, 0.0, apart=["apart"])
    held = cut.splits["prose"].reserve[:2]
    assert len(cut.splits["apart"].reserve) == 0
    assert set(np.flatnonzero(cut.kept_from_training({"prose": held}))) == {*held, *(held - 40)}


def test_what_lies_below_the_share_is_never_trained_on_and_a_smaller_version_agrees():
    sets = sets_of(np.arange(1000))
    everything = cut_domains({"prose": np.arange(1000)}, np.full(1000, 500), sets, 1000, 0.1)
    held = everything.splits["prose"].reserve[:5]
    away = everything.kept_from_training({"prose": held})
    assert np.array_equal(away, sets.rank < 0.1)
    some = np.arange(0, 1000, 3)
    smaller = cut_domains({"prose": some}, np.full(1000, 500), sets, 1000, 0.1)
    first = smaller.splits["prose"].reserve[:2]
    assert np.array_equal(smaller.kept_from_training({"prose": first})[some], away[some])


def test_the_reserve_of_a_large_domain_is_only_what_may_be_needed():
    num_bytes = np.full(1000, 1000)
    assert num_bytes[reserve_of(np.arange(1000), num_bytes, sets_of(np.arange(1000)), 1000, 0.0)].sum() == 8 * 1000


def test_a_set_of_more_than_half_a_domain_is_passed_over():
    together = np.array([0] * 60 + list(range(1, 41)))
    rank = np.where(together == 0, 0.0, np.arange(100) / 100)
    reserve = reserve_of(np.arange(100), np.full(100, 10), Sets(together.astype(np.uint64), rank), 10, 0.0)
    assert reserve.tolist() == list(range(60, 68))


def test_a_long_document_gives_at_most_an_eighth_if_others_can_give_the_rest():
    taken = hold_out("prose", documents(100_000, *[100] * 20), 800)
    assert [len(tokens) for tokens in taken] == [100] * 8


def test_a_long_document_gives_more_if_the_others_cannot():
    assert [len(tokens) for tokens in hold_out("prose", documents(100_000, 100), 800)] == [800]


def test_no_held_out_text_is_cut_inside_a_character():
    tokenizer = byte_tokenizer()
    text = "aé€😀" * 30
    tokens = np.array(tokenizer.encode(text).ids, dtype=np.uint16)
    for wanted in range(8, 18):
        (taken, *_) = hold_out("prose", [tokens] * 8, 8 * wanted, inside_character(tokenizer))
        assert tokenizer.decode(taken.tolist()) == text[: len(tokenizer.decode(taken.tolist()))]
        assert wanted <= len(taken) <= wanted + 3


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
    rows, num_bytes, sets = np.arange(1000), np.full(1000, 100), sets_of(np.arange(1000))
    half = reserve_of(rows, num_bytes, sets, 64, 0.0, all_usable=False)
    assert len(half) == 500 > len(reserve_of(rows, num_bytes, sets, 64, 0.0))
