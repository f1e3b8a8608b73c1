"""A stored schedule gives back its order and its plan."""

import numpy as np

from chimera.artefacts import ArtefactStore
from curriculum_app.core.schedule import ROW, multiset_digest, rows_of, tokens_shown
from tests.core.curriculum.sequence_factory import build_schedule, build_sequences


def test_a_schedule_opens_the_table_it_orders_and_plans_its_mixture(tmp_path):
    store = ArtefactStore(tmp_path)
    table = build_sequences(store)
    schedule = build_schedule(store, table, seed=3)
    assert schedule.open_sequences(store).digest == table.digest
    assert schedule.rows.dtype == ROW
    assert schedule.num_tokens == table.num_tokens
    shares = schedule.planned_mixture(np.array([0, 1000]))
    assert np.allclose(shares.sum(axis=1), 1)
    delivered = tokens_shown(table, schedule.grouping_name, schedule.rows)
    assert np.allclose(delivered / delivered.sum(), shares[0])


def test_two_orders_of_one_pool_differ_in_order_and_agree_in_multiset(tmp_path):
    store = ArtefactStore(tmp_path)
    table = build_sequences(store)
    first, second = build_schedule(store, table, seed=1), build_schedule(store, table, seed=2)
    assert first.order_digest != second.order_digest
    assert first.multiset_digest == second.multiset_digest
    assert first.digest != second.digest


def test_a_multiset_digest_counts_repeats():
    assert multiset_digest(np.array([2, 1])) == multiset_digest(np.array([1, 2]))
    assert multiset_digest(np.array([1, 1, 2])) != multiset_digest(np.array([1, 2, 2]))


def test_rows_show_whole_sequences_with_weight_one(table):
    rows = rows_of(table, np.array([4, 2]))
    assert rows["sequence"].tolist() == [4, 2]
    assert rows["start"].tolist() == [0, 0]
    assert rows["length"].tolist() == table.lengths[[4, 2]].tolist()
    assert rows["weight"].tolist() == [1.0, 1.0]
