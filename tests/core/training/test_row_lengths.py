"""A run whose rows grow longer: real truncation, tokens accounted, delivery proven, resumed to the last bit."""

import numpy as np
import pytest
import torch

from chimera.context import Paused
from curriculum_app.core.scheduling.lengths import shortened
from curriculum_app.core.tracks import LengthTrack
from tests.core.curriculum.sequence_factory import build_schedule
from tests.core.training.run_factory import make_config, make_context, without_clock
from training_app.core.jobs import train
from training_app.core.learning_rates.base import LEARNING_RATES
from training_app.core.order import DeliveryMismatch, require_delivered_as_planned

pytestmark = pytest.mark.torch
WARM_UP = LengthTrack.model_validate({"knots": [{"at": 0, "length": 8}, {"at": 0.5, "length": 32}], "multiple": 4})


def prepared(root):
    """A context in which `schedule-1` shows 24 sequences of 32 tokens, cut to a warm-up from 8 to 32."""
    ctx, table, _ = make_context(root)

    def cut(rows):
        return shortened(rows, table, WARM_UP, remainder="reshape")

    schedule = build_schedule(ctx.store, table, num_sequences=24, cut=cut)
    ctx.artefacts["schedule-1"] = schedule
    return ctx, table, schedule


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    ctx, table, schedule = prepared(tmp_path_factory.mktemp("cut"))
    return train.run(make_config(), ctx), ctx, table, schedule


def test_every_step_counts_the_tokens_of_its_rows_and_the_rate_follows_them(trained):
    result, ctx, _, schedule = trained
    ends = np.cumsum(schedule.rows["length"])[[*range(3, len(schedule.rows) - 1, 4), -1]]
    points = ctx.recorder.points
    assert [tokens for _, tokens, _ in points] == ends.tolist() and ends[-1] == 24 * 32 == result.summary.tokens
    assert np.diff(ends, prepend=0).min() == 32 and len(set(np.diff(ends))) > 4  # 4 rows of 8, then of more
    longest = [int(schedule.rows["length"][first : first + 4].max()) for first in range(0, len(schedule.rows), 4)]
    assert [values["sequence_length"] for _, _, values in points] == longest and longest[0] == 8
    rate = LEARNING_RATES.build("cosine")
    assert [values["learning_rate"] for _, _, values in points] == [rate.at(int(end), 768) for end in ends]


def test_what_was_fed_is_proven_and_a_row_cut_elsewhere_is_named(trained):
    result, _, table, schedule = trained
    assert result.summary.delivered_digest == schedule.order_digest
    assert result.summary.multiset_digest == schedule.manifest["pool"]["digest"]  # the pieces are the whole sequences
    delivered = schedule.rows.copy()
    delivered["length"][0] -= 1
    with pytest.raises(DeliveryMismatch, match="first at row 0"):
        require_delivered_as_planned(delivered, np.zeros(len(delivered), np.uint64), schedule.rows, table)


def test_the_mixture_of_all_pieces_is_that_of_the_sequences(trained):
    _, ctx, table, schedule = trained
    counts = table.grouping("domain").dense(np.unique(schedule.rows["sequence"])).sum(0)
    last = ctx.recorder.points[-1][2]
    names = table.grouping("domain").names
    shown = [last[f"mixture/delivered/domain/{name}"] for name in names]
    assert shown == pytest.approx((counts / counts.sum()).tolist())


def test_paused_and_resumed_it_equals_the_uninterrupted_run_to_the_last_bit(tmp_path, trained):
    whole, whole_ctx, _, _ = trained
    ctx, _, _ = prepared(tmp_path)
    ctx.wish, ctx.when = "pause", lambda step: step == 5
    with pytest.raises(Paused):
        train.run(make_config(), ctx)
    torch.manual_seed(999)
    ctx.when = lambda step: False
    assert train.run(make_config(), ctx).stored.digest == whole.stored.digest
    assert without_clock(ctx.recorder.points) == without_clock(whole_ctx.recorder.points)
