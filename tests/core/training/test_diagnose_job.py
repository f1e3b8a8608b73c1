"""The gradients of a frozen checkpoint along a schedule."""

import math

import numpy as np
import pytest

from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_diagnose import DiagnoseConfig
from training_app.core.diagnosis import Diagnosis, OrderFacts
from training_app.core.gradient_walk import batches_of_chunks, ranks_of
from training_app.core.jobs import diagnose, train

pytestmark = pytest.mark.torch
SETTINGS = {
    "name": "along", "checkpoint": "checkpoint-1", "schedule": "schedule-1", "chunks": 4, "chunk_sequences": 8,
    "batch_sequences": 2, "shuffles": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory):
    ctx, table, schedule = make_context(tmp_path_factory.mktemp("diagnose"))
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(train.run(make_config(evaluate_every=0, probes=[]), ctx).stored)
    return ctx, table, schedule, diagnose.run(DiagnoseConfig.model_validate(SETTINGS), ctx)


def test_a_diagnosis_holds_every_order_with_its_cosines_and_ranks(diagnosed):
    _, _, _, result = diagnosed
    found = Diagnosis.open(result.stored)
    assert [order.name for order in found.orders] == ["schedule", "shuffle 1", "shuffle 2"]
    for order in found.orders:
        square = np.array(order.cosines)
        assert square.shape == (4, 4) and np.allclose(np.diag(square), 1) and np.allclose(square, square.T)
        assert np.abs(order.off_diagonal).max() < 1 and math.isfinite(order.drift)
        assert len(order.layers) == 14 and all(1 <= each.least <= each.mean for each in order.layers)
    assert found.manifest["tokens"] == 8 * 32
    assert result.summary["cosine"] == pytest.approx(found.orders[0].off_diagonal.mean())


def test_equal_configs_give_one_artefact_and_another_seed_another(diagnosed):
    ctx, _, _, first = diagnosed
    again = diagnose.run(DiagnoseConfig.model_validate(SETTINGS | {"name": "again"}), ctx)
    other = diagnose.run(DiagnoseConfig.model_validate(SETTINGS | {"seed": 1}), ctx)
    assert again.stored.digest == first.stored.digest != other.stored.digest


def test_an_order_that_changes_what_it_teaches_is_less_alike_than_its_shuffles(diagnosed, monkeypatch):
    ctx, _, schedule, _ = diagnosed
    first, second = schedule.rows[:1].repeat(32), schedule.rows[1:2].repeat(32)
    monkeypatch.setitem(vars(schedule), "rows", np.concatenate([first, second]))
    result = diagnose.run(DiagnoseConfig.model_validate(SETTINGS), ctx)
    assert result.summary["cosine"] < result.summary["cosine_shuffled"] - 0.1


def test_a_schedule_that_is_too_short_is_refused_with_what_to_do(diagnosed):
    ctx, *_ = diagnosed
    with pytest.raises(InputError, match="8 a chunk, and 16 are asked for") as error:
        diagnose.run(DiagnoseConfig.model_validate(SETTINGS | {"chunk_sequences": 32}), ctx)
    assert "fewer" in error.value.problems[0].hint
    with pytest.raises(ValueError, match="at least two batches"):
        DiagnoseConfig.model_validate(SETTINGS | {"batch_sequences": 8})


def test_batches_are_spread_evenly_over_their_chunk():
    assert batches_of_chunks(20, 2, 3) == [[0, 3, 6], [10, 13, 16]]
    assert batches_of_chunks(7, 3, 2) == [[0, 1], [2, 3], [4, 5]]


def test_ranks_and_drift_of_worked_numbers():
    found = ranks_of("layer", np.array([2, 10 / 9, 1, math.nan]))
    assert (found.least, found.mean, found.zero_gradients) == (1, pytest.approx(1.3703704), 1)
    assert ranks_of("layer", np.array([math.nan])).mean is None
    order = OrderFacts("schedule", [[1, 0.9, 0.8], [0.9, 1, 0.7], [0.8, 0.7, 1]], [found], None)
    assert order.drift == pytest.approx(-0.1) and order.off_diagonal.tolist() == [0.9, 0.8, 0.7]
    assert (order.least_rank, order.mean_rank) == (1, pytest.approx(1.3703704))
