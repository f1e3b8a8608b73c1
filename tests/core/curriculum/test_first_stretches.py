"""Policies that show one kind of sequences first: metadata then cooldown, a procedural warm-up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chimera.errors import InputError
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.policies.metadata_conditioning import first_sequences
from curriculum_app.core.sequences import SequenceTable
from tests.contracts import test_extensions as contracts
from tests.core.curriculum.test_conditioning import grouped, with_addresses

LENGTH = 32


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> SequenceTable:
    """Sequences under metadata, plain ones, and brackets apart."""
    settings = {"metadata": "url", "cooldown_share": 0.2, "apart": ["procedural"]}
    return grouped(tmp_path_factory.mktemp("both"), with_addresses(extra=True), **settings)


def planned(table: SequenceTable, key: str, count: int, **config: Any) -> Plan:
    policy = POLICIES.build(key, config)
    pool = policy.pool(table, count * LENGTH, 0)
    return policy.plan(PlanRequest(table, pool, 1, count * LENGTH))


def tokens_of(table: SequenceTable, plan: Plan, grouping: str, group: str) -> Any:
    """Shape (rows,): tokens of the group in every row, in delivery order."""
    found = table.grouping(grouping)
    return found.dense(plan.order)[:, found.names.index(group)]


def test_of_forty_thousand_steps_the_last_four_thousand_are_plain() -> None:
    assert first_sequences(40_000, 0.1) == 36_000  # steps 0 to 35,999 are under metadata, 36,000 is plain
    assert first_sequences(3, 0.1) == 2


@pytest.mark.parametrize("base", ["shuffled", "even"])
def test_metadata_first_then_exactly_the_cooldown(both: SequenceTable, base: str) -> None:
    plan = planned(both, "metadata_conditioning", 200, base=base)
    under = tokens_of(both, plan, "conditioning", "conditioned")
    assert (under[:180] == LENGTH).all() and (tokens_of(both, plan, "conditioning", "plain")[180:] == LENGTH).all()
    assert plan.facts == {"conditioned_tokens": 180 * LENGTH, "plain_tokens": 20 * LENGTH}
    assert plan.adherence["max_deviation"] < 0.01 and len(set(plan.order)) == 200
    assert not np.array_equal(plan.order[:180], np.sort(plan.order[:180]))


@pytest.mark.parametrize(("accounting", "text"), [("substitutive", 196), ("additive", 200)])
def test_strings_first_then_text_with_the_tokens_as_asked(both: SequenceTable, accounting: str, text: int) -> None:
    plan = planned(both, "procedural_warm_up", 200, share=0.02, accounting=accounting)
    strings = tokens_of(both, plan, "domain", "procedural")
    assert (strings[:4] == LENGTH).all() and not strings[4:].any() and len(plan.rows) == 4 + text
    assert plan.facts["warm_up_tokens"] == 4 * LENGTH and plan.facts["text_tokens"] == text * LENGTH
    assert plan.facts["warm_up_share"] == 4 / (4 + text)


def test_at_least_one_sequence_of_strings_is_shown(both: SequenceTable) -> None:
    assert planned(both, "procedural_warm_up", 100).facts["warm_up_tokens"] == LENGTH


@pytest.mark.parametrize("key", ["metadata_conditioning", "procedural_warm_up"])
def test_they_keep_what_every_policy_owes(both: SequenceTable, key: str) -> None:
    entry = next(entry for entry in POLICIES if entry.key == key)
    contracts.test_a_policy_shows_the_budget_and_if_it_only_orders_the_pool_exactly_once(entry, both)
    contracts.test_a_policy_gives_equal_plans_for_equal_seeds_only(entry, both)


def refusal(table: SequenceTable, key: str, count: int, **config: Any) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        planned(table, key, count, **config)
    return caught.value.problems[0].field, caught.value.problems[0].hint


def test_sequences_that_do_not_serve_are_refused_with_what_to_do(both: SequenceTable, table: SequenceTable) -> None:
    field, hint = refusal(table, "metadata_conditioning", 100)
    assert field == "sequences" and "metadata" in hint
    field, hint = refusal(table, "procedural_warm_up", 100)
    assert field == "policy.config.group" and "apart" in hint
    assert refusal(both, "procedural_warm_up", 100, grouping="colour")[0] == "policy.config.grouping"
    assert refusal(both, "procedural_warm_up", 600, share=0.5)[0] == "budget_tokens"
    assert refusal(both, "metadata_conditioning", 200, cooldown=0.9)[0] == "budget_tokens"
