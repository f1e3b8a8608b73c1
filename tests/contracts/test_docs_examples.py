"""The extensions that docs/extending.md and docs/adaptive.md show register, keep the contracts, and do what is said."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from chimera.registry import Entry, Registry
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Keep
from curriculum_app.core.measures.base import MEASURES
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import draw_pool
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.tasks.definition import read_definition
from tests.contracts import test_extensions as contracts
from tests.contracts.test_extensions import documents, step, table  # noqa: F401
from training_app.core.metric_keys import metric_keys
from training_app.core.probes.base import PROBES, StepView

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = "\n".join((DOCS / name).read_text(encoding="utf-8") for name in ("extending.md", "adaptive.md"))
EXAMPLE = re.compile(r"^## [^`\n]*`(\S+)/(\w+)\.py`\n\n```python\n(.*?)```", re.MULTILINE | re.DOTALL)
FILES = {key: (folder.replace("/", "."), code) for folder, key, code in EXAMPLE.findall(GUIDE)}
REGISTRIES: dict[str, Registry[Any]] = {
    "shouting": FILTERS,
    "line_length": MEASURES,
    "domain_last": POLICIES,
    "weight_norm": PROBES,
    "worst_domain": POLICIES,
    "shortest": SCORERS,
}


@pytest.fixture(scope="module", autouse=True)
def examples() -> Iterator[None]:
    """The files of the guide, as if they lay in their folders."""
    for key, (package, code) in FILES.items():
        module = sys.modules[f"{package}.{key}"] = ModuleType(f"{package}.{key}")
        exec(compile(code, f"{key}.py", "exec"), module.__dict__)
    yield
    for key, (package, _) in FILES.items():
        del REGISTRIES[key]._entries[key], sys.modules[f"{package}.{key}"]


def entry_of(key: str) -> Entry[Any]:
    return REGISTRIES[key].get(key)


@pytest.mark.parametrize("key", REGISTRIES)
def test_an_example_is_found_and_keeps_what_every_extension_owes(key: str) -> None:
    assert FILES.keys() == REGISTRIES.keys()
    entry = entry_of(key)
    assert FILES[key][0] == REGISTRIES[key].package
    contracts.test_its_default_config_builds_and_survives_json(entry)
    contracts.test_its_form_opens_and_posted_back_gives_the_same_config(entry)
    contracts.test_every_setting_has_a_title_and_an_unknown_one_is_refused(entry)
    contracts.test_it_says_what_it_is_and_where_it_comes_from(entry)


def test_the_filter_drops_capitals_and_nothing_else(documents: list[Document]) -> None:  # noqa: F811
    contracts.test_a_filter_judges_real_documents_the_same_way_twice(entry_of("shouting"), documents)
    shouting = FILTERS.build("shouting")
    assert shouting.judge(Document("1", "ABc", "x")) == Drop("mostly_capitals", 2 / 3)
    assert isinstance(shouting.judge(Document("1", "Abc 123", "x")), Keep)


def test_the_measure_is_the_mean_of_the_lines_that_are_not_blank(documents: list[Document]) -> None:  # noqa: F811
    contracts.test_a_measure_gives_a_number_per_document_whatever_the_order(entry_of("line_length"), documents)
    contracts.test_a_measure_says_its_unit_and_direction_and_names_its_column(entry_of("line_length"))
    assert MEASURES.build("line_length").values([Document("1", "ab\n \nabcd\n", "x")]).tolist() == [3.0]


def test_the_policy_brings_its_domain_late(table: SequenceTable) -> None:  # noqa: F811
    contracts.test_a_policy_shows_the_budget_and_if_it_only_orders_the_pool_exactly_once(entry_of("domain_last"), table)
    contracts.test_a_policy_gives_equal_plans_for_equal_seeds_only(entry_of("domain_last"), table)
    pool = draw_pool(table, 300 * table.sequence_length, seed=0)
    order = POLICIES.build("domain_last").plan(PlanRequest(table, pool, seed=1)).order
    grouping = table.grouping("domain")
    code = grouping.dense(order)[:, grouping.names.index("code")]
    first, last = np.array_split(code, 2)
    assert last.sum() > 2 * first.sum()


def test_the_adaptive_policy_takes_the_worst_domain_and_each_candidate_once(table: SequenceTable) -> None:  # noqa: F811
    contracts.test_an_adaptive_policy_decides_the_same_for_the_same_seed_and_feedback_only(
        entry_of("worst_domain"), table
    )
    policy = POLICIES.build("worst_domain", {"any_domain": 0.0})
    assert isinstance(policy, AdaptivePolicy)
    pool = policy.pool(table, 64 * table.sequence_length, seed=0)
    journal = contracts.journal_of(policy.chooser(table, pool.ids, 0), pool, pool.tokens)
    assert np.array_equal(np.sort(journal.rows()["sequence"]), pool.ids) and journal.ended
    said = [happening.message for entry in journal.entries for happening in entry.decision.happenings]
    assert len(said) == len(table.grouping("domain").names) and "is exhausted" in said[0]


@pytest.mark.torch
def test_the_probe_measures_the_norm_and_its_series_is_known(step: StepView) -> None:  # noqa: F811
    contracts.test_a_probe_writes_declared_keys_only_and_measures_the_same_twice(entry_of("weight_norm"), False, step)
    squares = sum(float((parameter.detach() ** 2).sum()) for parameter in step.model.parameters())
    assert PROBES.build("weight_norm").measure(step)["weight_norm"] == pytest.approx(squares**0.5)
    assert any(metric.matches("weight_norm") for metric in metric_keys())


def test_the_scorer_says_whether_the_shortest_option_was_likeliest() -> None:
    answer = Answer(["long", "b"], [-2.0, -3.0], [1, 1], [False, False])
    assert SCORERS.build("shortest").score({}, 0, answer).values == {"shortest": 0.0}


@pytest.mark.parametrize("page", ["extending.md", "tasks.md"])
def test_the_task_of_the_guide_is_one(page: str) -> None:
    (text,) = re.findall(r"```yaml\n(task:.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert read_definition(text).metadata.chance == 0.25
