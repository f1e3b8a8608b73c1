"""Batches are the schedule's rows, in its order."""

import numpy as np
import pytest
import torch

from chimera.errors import InputError
from curriculum_app.core.schedule import ROW
from tests.core.training.run_factory import make_context
from training_app.core.objectives.base import OBJECTIVES
from training_app.core.order import Batches, DeliveryMismatch, require_delivered_as_planned, token_hash, tokens_of

CPU, OBJECTIVE = torch.device("cpu"), OBJECTIVES.build("next_token")


def test_batches_hold_the_tokens_of_the_rows_in_order_shifted_by_one(tmp_path):
    _, table, schedule = make_context(tmp_path, num_sequences=10)
    batches = Batches(schedule.rows, table, 4, CPU, OBJECTIVE)
    assert len(batches) == 3 and [len(batches[i].rows) for i in range(3)] == [4, 4, 2]
    shown = [row for i in range(3) for row in zip(batches[i].inputs, batches[i].targets, strict=True)]
    for row, (inputs, targets) in zip(schedule.rows, shown, strict=True):
        tokens = table.tokens_of(int(row["sequence"])).astype(np.int64)
        assert inputs.tolist() == tokens[:-1].tolist() and targets.tolist() == tokens[1:].tolist()
    assert batches.tokens_after.tolist() == [128, 256, 320]


def test_parts_of_sequences_are_padded_right_with_weight_zero(tmp_path):
    _, table, _ = make_context(tmp_path, num_sequences=4)
    rows = np.array([(0, 0, 32, 1.0), (1, 8, 5, 0.5)], dtype=ROW)
    batch = Batches(rows, table, 2, CPU, OBJECTIVE)[0]
    assert batch.inputs[1, :4].tolist() == table.tokens_of(1)[8:12].tolist()
    assert batch.targets[1, :4].tolist() == table.tokens_of(1)[9:13].tolist()
    assert batch.weights[1].tolist() == [0.5] * 4 + [0.0] * 27
    assert batch.num_tokens == 37


@pytest.mark.parametrize("row", [(10**6, 0, 32, 1.0), (-1, 0, 32, 1.0), (0, 1, 32, 1.0), (0, 0, 1, 1.0)])
def test_a_row_that_does_not_fit_is_an_input_error_before_training(tmp_path, row):
    _, table, _ = make_context(tmp_path, num_sequences=4)
    with pytest.raises(InputError, match="row 1 of the schedule"):
        Batches(np.array([(0, 0, 32, 1.0), row], dtype=ROW), table, 2, CPU, OBJECTIVE)


def test_an_empty_schedule_is_an_input_error(tmp_path):
    _, table, _ = make_context(tmp_path, num_sequences=4)
    with pytest.raises(InputError, match="larger token budget"):
        Batches(np.zeros(0, dtype=ROW), table, 2, CPU, OBJECTIVE)


def test_the_planned_order_passes_and_every_other_delivery_is_named(tmp_path):
    _, table, schedule = make_context(tmp_path, num_sequences=10)
    fed = np.array([token_hash(tokens_of(row, table)) for row in schedule.rows], dtype=np.uint64)
    require_delivered_as_planned(schedule.rows.copy(), fed, schedule.rows, table)
    require_delivered_as_planned(schedule.rows[4:], fed[4:], schedule.rows[4:], table, first_row=4)
    swapped = schedule.rows.copy()
    swapped[[2, 5]] = swapped[[5, 2]]
    with pytest.raises(DeliveryMismatch, match=r"2 of 10 rows .* first at row 2"):
        require_delivered_as_planned(swapped, fed, schedule.rows, table)
    with pytest.raises(DeliveryMismatch, match="delivered 9 rows, planned 10"):
        require_delivered_as_planned(schedule.rows[:9], fed, schedule.rows, table)
    with pytest.raises(DeliveryMismatch, match="tokens fed at row 2 are not those of sequence"):
        require_delivered_as_planned(schedule.rows.copy(), fed[[0, 1, 5, 3, 4, 2, 6, 7, 8, 9]], schedule.rows, table)
