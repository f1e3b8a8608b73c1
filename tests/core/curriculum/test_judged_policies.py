"""Orders by measured columns: difficulty at a pace, and ascending quality."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.packing import mean_over_tokens
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.sequences import SequenceTable


class Measured:
    """Of the made-up version: `length` is harder when higher, `grade` better, `words` says nothing of itself."""

    digest, dataset_digest = "c" * 64, "made-up"
    names = ("length", "grade", "words")
    facts = tuple(SimpleNamespace(direction=each) for each in ("harder", "better", "neither"))

    def __init__(self, table: SequenceTable) -> None:
        tokens = table.documents.column("tokens").to_numpy().astype(float)
        grade = -tokens.copy()
        grade[::7] = np.nan
        self.columns = {"length": tokens, "grade": grade, "words": tokens % 5}

    def column(self, name: str) -> Any:
        return self.columns[name]


@pytest.fixture(scope="module")
def pool(table: SequenceTable) -> Pool:
    return draw_pool(table, 400 * table.sequence_length, 0)


def prepared(key: str, table: SequenceTable, **config: Any) -> Policy:
    policy = POLICIES.build(key, config)
    policy.prepare("made-up", lambda ref: Measured(table))
    return policy


def planned(key: str, table: SequenceTable, pool: Pool, seed: int = 1, **config: Any) -> Plan:
    request, policy = PlanRequest(table, pool, seed), prepared(key, table, **config)
    plan = policy.plan(request)
    assert policy.preview(request).as_json() == plan.curve.as_json()
    assert np.array_equal(np.sort(plan.order), pool.ids)
    return plan


def early_and_late(values: np.ndarray) -> tuple[float, float]:
    quarter = len(values) // 4
    return float(values[:quarter].mean()), float(values[-quarter:].mean())


def test_easy_leads_in_one_preset_hard_in_the_other_and_neither_in_the_control(
    table: SequenceTable, pool: Pool
) -> None:
    means = {
        preset: early_and_late(table.difficulty[planned("difficulty", table, pool, preset=preset).order])
        for preset in ("easy_to_hard", "hard_to_easy", "control")
    }
    spread = np.subtract(*means["easy_to_hard"][::-1])
    assert spread > 0.1 and np.subtract(*means["hard_to_easy"]) > 0.1
    assert abs(np.subtract(*means["control"])) < spread / 3


def test_several_columns_count_by_rank_weight_and_direction(table: SequenceTable, pool: Pool) -> None:
    parts = [{"column": "length"}, {"column": "words", "weight": 1e-3, "higher": "less"}]
    plan = planned("difficulty", table, pool, columns="columns-1", parts=parts, pacing="linear", start=1e-6)
    lengths = table.documents.column("tokens").to_numpy().astype(float)
    longest = mean_over_tokens(table.pieces, lengths)[plan.order]
    early, late = early_and_late(longest)
    assert late > 1.5 * early and plan.facts["unknown_tokens"] == 0
    reverse = planned("difficulty", table, pool, columns="columns-1", parts=[{"column": "length", "higher": "less"}])
    assert early_and_late(table.difficulty[reverse.order])[0] > early_and_late(table.difficulty[reverse.order])[1]


def test_the_facts_draw_what_is_shown_against_what_is_allowed(table: SequenceTable, pool: Pool) -> None:
    facts = planned("difficulty", table, pool).facts["pacing"]
    count = len(facts["tokens"])
    assert 10 < count <= 200 and all(len(facts[name]) == count for name in ("low", "middle", "high", "allowed"))
    assert all(middle <= allowed + 0.05 for middle, allowed in zip(facts["middle"], facts["allowed"], strict=True))
    assert facts["distribution"]["share"][-1] == 1.0


def test_quality_ascends_over_the_documents_of_a_column_and_says_what_it_does_not_know(
    table: SequenceTable, pool: Pool
) -> None:
    plan = planned("quality_ascending", table, pool, columns="columns-1", parts=[{"column": "grade"}])
    middle = plan.facts["quality"]["middle"]
    assert (np.diff(middle) >= 0).all() and middle[-1] > 0.9
    assert 0.05 < plan.facts["unknown_tokens"] < 0.3
    assert plan.tracks.learning_rate is None


def test_without_a_column_quality_is_what_the_sequences_were_grouped_by(table: SequenceTable, pool: Pool) -> None:
    plan = planned("quality_ascending", table, pool)
    quality = mean_over_tokens(table.pieces, table.documents.column("quality_rank").to_numpy())
    assert (np.diff(quality[plan.order]) >= 0).all()


# t = 0, 25, 50, 500, 800, 850, 900, 1000 of 1,000 with a warm-up of 50 and a decay from 800 on, 3e-3 to 1e-3
WSD_SQRT = [0.0, 0.0015, 0.003, 0.003, 0.003, 0.002, 0.0015857864376269048, 0.001]


def test_the_learning_rates_are_those_of_the_paper(table: SequenceTable, pool: Pool) -> None:
    places = [t / 1000 for t in (0, 25, 50, 500, 800, 850, 900, 1000)]
    found = {
        ending: planned("quality_ascending", table, pool, ending=ending).tracks.learning_rate
        for ending in ("constant", "moderate", "full")
    }
    moderate = [found["moderate"].at(place) for place in places]
    assert moderate == pytest.approx(WSD_SQRT, abs=1e-6)
    assert [found["constant"].at(place) for place in places] == pytest.approx([0, 0.0015, *[0.003] * 6])
    assert found["full"].at(1.0) == 0.0 and found["full"].at(0.85) == pytest.approx(0.0015)


@pytest.mark.parametrize("key", ["difficulty", "quality_ascending"])
@pytest.mark.parametrize(
    ("columns", "parts", "field"),
    [
        ("columns-1", [{"column": "no such"}], "policy.config.parts.0.column"),
        ("columns-1", [{"column": "words"}], "policy.config.parts.0.higher"),
    ],
)
def test_a_column_that_is_not_there_or_says_nothing_of_its_direction_is_named(
    table: SequenceTable, key: str, columns: str, parts: list[dict[str, Any]], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        prepared(key, table, columns=columns, parts=parts)
    assert caught.value.problems[0].field == field


def test_columns_of_another_version_are_refused(table: SequenceTable) -> None:
    policy = POLICIES.build("difficulty", {"columns": "columns-1", "parts": [{"column": "length"}]})
    with pytest.raises(InputError, match="measured for another dataset version"):
        policy.prepare("other", lambda ref: Measured(table))


def test_columns_without_parts_are_refused() -> None:
    with pytest.raises((InputError, ValidationError), match="belong together"):
        POLICIES.build("difficulty", {"columns": "columns-1"})


def test_the_meaning_names_columns_by_what_they_hold(table: SequenceTable) -> None:
    policy = prepared("difficulty", table, columns="columns-1", parts=[{"column": "length"}])
    assert policy.meaning()["columns"] == "c" * 64
