"""Sequence-length warm-up as a policy."""

import numpy as np
import pytest
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import multiset_of
from curriculum_app.core.sequences import SequenceTable

BUDGET = 300 * 32


def planned(table: SequenceTable, budget: int = BUDGET, seed: int = 1, **config: object) -> Plan:
    policy = POLICIES.build("length_warm_up", config)
    pool = policy.pool(table, budget, 0)
    plan = policy.plan(PlanRequest(table, pool, seed, budget))
    assert policy.preview(PlanRequest(table, pool, seed, budget)).as_json() == plan.curve.as_json()
    return plan


def lengths_at(plan: Plan, *shares: float) -> list[int]:
    ends = np.cumsum(plan.rows["length"])
    return [int(plan.rows["length"][np.searchsorted(ends, share * ends[-1], side="right")]) for share in shares]


def test_reshaped_it_shows_exactly_the_tokens_of_the_shuffle_in_growing_pieces(table: SequenceTable) -> None:
    plan, policy = planned(table, until=0.5), POLICIES.build("shuffle")
    pool = policy.pool(table, BUDGET, 0)
    assert multiset_of(plan.rows, table.lengths) == pool.digest
    assert int(plan.rows["length"].sum()) == BUDGET
    assert lengths_at(plan, 0, 0.9) == [8, 32] and plan.rows["length"].max() == 32
    assert plan.facts["lengths"]["length"][0] == 8 and len(plan.facts["lengths"]["tokens"]) <= 200


def test_with_ends_left_out_it_takes_more_sequences_for_exactly_as_many_tokens(table: SequenceTable) -> None:
    plan = planned(table, remainder="drop", until=0.5)
    assert int(plan.rows["length"].sum()) == BUDGET and not plan.rows["start"].any()
    assert len(np.unique(plan.rows["sequence"])) == len(plan.rows) > 300


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"form": "step", "steps": [{"at": 0.2, "length": 16}], "until": 0.6}, [8, 8, 16, 16, 32]),
        ({"form": "root", "until": 0.4, "multiple": 4}, [8, 24, 32, 32, 32]),
        ({"form": "linear", "until": 0.8}, [8, 8, 16, 24, 32]),
    ],
)
def test_the_forms_are_those_of_deepspeed(table: SequenceTable, config: dict[str, object], expected: list[int]) -> None:
    plan = planned(table, remainder="drop", **config)
    assert lengths_at(plan, 0, 0.19, 0.42, 0.59, 0.82) == expected


def test_a_difficulty_order_leads_with_easy_sequences(table: SequenceTable) -> None:
    plan = planned(table, order="easy_to_hard")
    difficulty = table.difficulty[plan.order]
    assert (np.diff(difficulty) >= 0).all() and plan.grouping == "difficulty"
    assert (np.diff(table.difficulty[planned(table, order="hard_to_easy").order]) <= 0).all()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"start": 10}, "start 10 is not a multiple of 8"),
        ({"steps": [{"at": 0.1, "length": 16}]}, "belong to the form step"),
        ({"form": "step", "steps": [{"at": 0.5, "length": 16}]}, "must come after knot 2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(config: dict[str, object], said: str) -> None:
    with pytest.raises((InputError, ValidationError), match=said):
        POLICIES.build("length_warm_up", config)


def test_what_the_sequences_cannot_give_is_refused_at_its_field(table: SequenceTable) -> None:
    with pytest.raises(InputError, match="more than the 32 of the sequences") as caught:
        planned(table, start=40)
    assert caught.value.problems[0].field == "policy.config.start"
    budget = table.num_sequences * 32
    with pytest.raises(InputError, match="sequences are needed for") as caught:
        planned(table, budget, remainder="drop")
    assert caught.value.problems[0].field == "budget_tokens"
