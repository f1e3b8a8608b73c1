"""A stored table gives back what was packed."""

import numpy as np
import pytest

from chimera.artefacts import ArtefactStore
from curriculum_app.core import sequences
from curriculum_app.core.sequences import array_digest
from curriculum_app.core.tokenizer import byte_tokenizer
from tests.core.curriculum.sequence_factory import DOMAINS, build_sequences


def test_group_and_bin_counts_of_a_sequence_sum_to_its_length(table):
    for name in table.grouping_names:
        assert np.array_equal(table.grouping(name).dense().sum(axis=1), table.lengths)
    assert np.array_equal(table.bins.sum(axis=1), table.lengths)
    assert table.grouping("domain").names == DOMAINS


def test_totals_of_chosen_sequences_are_the_sums_of_their_rows(table):
    chosen = np.array([3, 1, 4])
    grouping = table.grouping("domain")
    assert np.array_equal(grouping.totals(chosen), grouping.dense(chosen).sum(axis=0))


def test_the_documents_of_a_sequence_cover_it_in_order(table):
    pieces = table.documents_of(5)
    assert [piece.start for piece in pieces] == np.cumsum([0, *(piece.length for piece in pieces[:-1])]).tolist()
    assert sum(piece.length for piece in pieces) == table.lengths[5]
    counted = dict.fromkeys(DOMAINS, 0)
    for piece in pieces:
        counted[piece.document["domain"]] += piece.length
    assert list(counted.values()) == table.grouping("domain").dense(np.array([5]))[0].tolist()


def test_held_out_text_decodes_to_exactly_the_bytes_it_counts(table):
    tokenizer = byte_tokenizer()
    for part in table.held_out().values():
        assert len(tokenizer.decode(part.predicted().tolist()).encode()) == part.total_bytes


def test_held_out_documents_are_never_packed(table):
    held = set(np.flatnonzero(table.documents.column("held_out").to_numpy()))
    assert held and not held & set(table.pieces.documents.tolist())


def test_context_can_beat_the_unigram_baseline_of_eight_bits_a_byte(table):
    assert set(table.unigram_bits_per_byte()) == set(DOMAINS)
    assert all(1.0 < value < 8.0 for value in table.unigram_bits_per_byte().values())


def test_equal_contents_have_one_digest_and_others_another(table, tmp_path):
    again = build_sequences(ArtefactStore(tmp_path))
    other = build_sequences(ArtefactStore(tmp_path), seed=1)
    assert again.digest == table.digest != other.digest


def test_an_unknown_grouping_is_an_error(table):
    with pytest.raises(KeyError):
        table.grouping("colour")


def test_an_array_digest_sees_type_and_shape_not_memory_order():
    array = np.arange(6, dtype=np.int64).reshape(2, 3)
    assert array_digest(array) == array_digest(np.asfortranarray(array)) == array_digest(array.astype(">i8"))
    assert len({array_digest(array), array_digest(array.T), array_digest(array.astype(np.int32))}) == 3


def test_counts_are_hashed_as_if_dense(table, monkeypatch):
    for blocks in (1 << 20, 7):
        monkeypatch.setattr(sequences, "DIGEST_NUMBERS", blocks)
        for name in table.grouping_names:
            counts = table.grouping(name).counts
            assert sequences.counts_digest(counts) == array_digest(counts.toarray())
