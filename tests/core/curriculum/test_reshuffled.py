"""The policy that shuffles what another schedule shows: the same rows, another order."""

from pathlib import Path

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.jobs import schedule
from curriculum_app.core.schedule import Schedule
from tests.core.curriculum.sequence_factory import build_sequences

BUDGET = 3200


def scheduled(ctx: LocalContext, policy: dict, budget: int = BUDGET, seed: int = 1) -> Schedule:
    config = {"name": "x", "sequences": "sequences-1", "policy": policy, "budget_tokens": budget, "seed": seed}
    return Schedule(schedule.run(ScheduleConfig.model_validate(config), ctx).stored)


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    found = LocalContext(tmp_path)
    found.artefacts["sequences-1"] = build_sequences(found.store)
    return found


@pytest.mark.parametrize("key", ["easy_to_hard", "length_warm_up", "selective_repetition"])
def test_it_shows_the_same_multiset_of_rows_in_another_order(ctx: LocalContext, key: str) -> None:
    source = scheduled(ctx, {"key": key})
    ctx.artefacts["schedule-1"] = source
    shuffled, again, other = (
        scheduled(ctx, {"key": "reshuffled", "config": {"schedule": "schedule-1"}}, source.num_tokens, seed)
        for seed in (1, 1, 2)
    )
    assert shuffled.multiset_digest == source.multiset_digest
    assert np.array_equal(np.sort(shuffled.rows), np.sort(source.rows))
    assert shuffled.order_digest == again.order_digest not in (source.order_digest, other.order_digest)


def test_another_budget_or_no_schedule_is_refused(ctx: LocalContext) -> None:
    ctx.artefacts["schedule-1"] = scheduled(ctx, {"key": "shuffle"})
    with pytest.raises(InputError, match="shows 3,200 tokens, not 6,400"):
        scheduled(ctx, {"key": "reshuffled", "config": {"schedule": "schedule-1"}}, 2 * BUDGET)
    with pytest.raises(InputError, match="no schedule is chosen"):
        scheduled(ctx, {"key": "reshuffled"})


def test_a_schedule_of_other_sequences_is_refused(ctx: LocalContext) -> None:
    ctx.artefacts["schedule-1"] = scheduled(ctx, {"key": "shuffle"})
    ctx.artefacts["sequences-1"] = build_sequences(ctx.store, seed=5)
    with pytest.raises(InputError, match="orders other sequences"):
        scheduled(ctx, {"key": "reshuffled", "config": {"schedule": "schedule-1"}})
