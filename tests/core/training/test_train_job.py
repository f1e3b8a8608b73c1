"""The train job: from a schedule to a sealed checkpoint."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from curriculum_app.core.schedule import multiset_digest
from tests.core.training.run_factory import make_config, make_context
from training_app.core import engine
from training_app.core.checkpoint import Checkpoint
from training_app.core.held_out import HeldOutText
from training_app.core.jobs import train
from training_app.core.order import Batch, Batches, DeliveryMismatch

pytestmark = pytest.mark.torch


class ShufflingBatches(Batches):
    """A loader with a mind of its own: right rows, wrong order."""

    def __getitem__(self, index: int) -> Batch:
        return super().__getitem__(len(self) - 1 - index)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    ctx, table, schedule = make_context(tmp_path_factory.mktemp("trained"))
    return train.run(make_config(), ctx), table, schedule, ctx


def test_the_checkpoint_reloads_with_the_scores_it_was_sealed_with(trained):
    result, table, _, ctx = trained
    checkpoint = Checkpoint.open(ctx.store.load("checkpoint", result.stored.digest))
    model = checkpoint.load_model()
    scores = HeldOutText(table.held_out(), table.eos_id, model.device).score(model)
    assert scores.by_domain() == checkpoint.summary.held_out == result.summary.held_out
    assert checkpoint.tokenizer_path.read_bytes() == table.tokenizer_path.read_bytes()
    assert pq.read_table(checkpoint.path / "held_out.parquet").equals(scores.table())
    assert ctx.store.verify(result.stored) == {}


def test_the_summary_names_what_was_delivered(trained):
    result, table, schedule, ctx = trained
    summary = result.summary
    assert (summary.steps, summary.tokens, summary.device, summary.threads) == (16, 16 * 128, "cpu", 1)
    assert summary.planned_digest == summary.delivered_digest == schedule.order_digest
    assert summary.multiset_digest == multiset_digest(schedule.rows["sequence"]) == schedule.manifest["pool"]["digest"]
    assert summary.first_loss == ctx.recorder.points[0][2]["loss"]
    assert len(summary.sparkline) == 16 and summary.sparkline[-1] == summary.last_loss
    assert summary.held_out_macro == pytest.approx(np.mean(list(summary.held_out.values())))
    assert summary.unigram == table.unigram_bits_per_byte()
    assert summary.parameters == 35_008 and summary.tokens_per_second > 0


def test_a_loader_that_shuffles_turns_the_run_red(tmp_path, monkeypatch):
    ctx, _, _ = make_context(tmp_path)
    monkeypatch.setattr(engine, "Batches", ShufflingBatches)
    with pytest.raises(DeliveryMismatch, match="64 of 64 rows were not delivered as planned"):
        train.run(make_config(), ctx)
    assert not (ctx.store.root / "checkpoint").exists()


def test_the_digest_depends_on_seed_but_not_on_labels_or_cadences(tmp_path, trained):
    same, _, _ = make_context(tmp_path / "same")
    other, _, _ = make_context(tmp_path / "other")
    relabelled = train.run(make_config(name="another", evaluate_every=0, probes=[]), same)
    reseeded = train.run(make_config(seed=1), other)
    assert relabelled.stored.digest == trained[0].stored.digest != reseeded.stored.digest
