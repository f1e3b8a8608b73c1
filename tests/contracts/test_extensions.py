"""What every extension owes: a new filter, policy, probe or measure is tested by existing."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import math
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_origin

import numpy as np
import pytest
from pydantic import ValidationError

from chimera.config_forms import ConfigForm, posted
from chimera.context import LocalContext
from chimera.errors import InputError, problems_of
from chimera.form_shapes import bare
from chimera.refs import Ref, ref_kind_of
from chimera.registry import Entry, Registry
from chimera.typed import Config
from curriculum_app.core.adaptive.contract import Chooser, Feedback, Progress
from curriculum_app.core.adaptive.journal import Journal
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.documents import Document
from curriculum_app.core.encoders.base import ENCODERS, EncoderChoice, load_encoder, save_encoder
from curriculum_app.core.filters.base import FILTERS, Drop, FilterChoice, Keep
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, DocumentGrouping, Groups
from curriculum_app.core.jobs import import_
from curriculum_app.core.measures.base import MEASURES, CorpusMeasure, Measure, MeasureChoice, ModelMeasure
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import Pool
from curriculum_app.core.procedural.base import GENERATORS
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.starter import recipes
from eval_app.core.item_sources.base import ITEM_SOURCES
from eval_app.core.scorers.base import SCORERS
from tests.core.curriculum.sequence_factory import build_sequences
from tests.core.training.run_factory import make_config, make_context, step_view
from training_app.core.adapters.base import ADAPTERS
from training_app.core.alerts.base import ALERTS, Rule
from training_app.core.architectures.base import ARCHITECTURES
from training_app.core.averages.base import AVERAGES
from training_app.core.learning_rates.base import LEARNING_RATES
from training_app.core.objectives.base import OBJECTIVES
from training_app.core.probes.base import PROBES, StepView
from training_app.core.run_readers.base import RUN_READERS

FILTER_ENTRIES, PROBE_ENTRIES = list(FILTERS), list(PROBES)
POLICY_ENTRIES = [entry for entry in POLICIES if not issubclass(entry.cls, AdaptivePolicy)]
ADAPTIVE_ENTRIES = [entry for entry in POLICIES if issubclass(entry.cls, AdaptivePolicy)]
ENCODER_ENTRIES, GROUPING_ENTRIES, MEASURE_ENTRIES = list(ENCODERS), list(GROUPINGS), list(MEASURES)
ALERT_ENTRIES = list(ALERTS)
REGISTRIES: list[Registry[Any]] = [
    *(FILTERS, MEASURES, POLICIES, PROBES, ENCODERS, GROUPINGS, ALERTS, GENERATORS),
    *(ARCHITECTURES, ADAPTERS, AVERAGES, OBJECTIVES, LEARNING_RATES, RUN_READERS),
    *(SCORERS, ITEM_SOURCES),
]
ENTRIES = [entry for registry in REGISTRIES for entry in registry]
# A paper's arXiv number or year, the article the scheduler comes from, or the reason why it is our own.
SOURCE = re.compile(r"arXiv \d{4}\.\d{4,5}|\b(1[89]|20)\d\d\b|TerRIFIC|Chimera's own")

of_every_extension = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.cls.__name__}")
of_every_registry = pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.name)


def form_of(config: type[Config], data: Any = None) -> ConfigForm:
    def check(raw: Any) -> Config:
        try:
            return config.model_validate(raw)
        except ValidationError as error:
            raise InputError(problems_of(error)) from error

    return ConfigForm(config, lambda kind: [(f"{kind}-1", f"{kind} 1")], check, data)


# -- every extension ---------------------------------------------------------------------------------------------------


@of_every_extension
def test_its_default_config_builds_and_survives_json(entry: Entry[Any]) -> None:
    config = entry.config()
    assert isinstance(entry.cls(config), entry.cls)  # type: ignore[call-arg]
    again = entry.config.model_validate(json.loads(json.dumps(config.as_json(), allow_nan=False)))
    assert again == config and again.fingerprint() == config.fingerprint()


@of_every_extension
def test_its_form_opens_and_posted_back_gives_the_same_config(entry: Entry[Any]) -> None:
    empty = form_of(entry.config)
    html = "".join(str(empty[name]) for name in empty.fields)
    assert html.count("name=") >= len(entry.config.model_fields)
    bound = form_of(entry.config, posted(empty))
    assert bound.is_valid(), bound.errors
    assert bound.config == entry.config()


@of_every_extension
def test_every_setting_has_a_title_and_an_unknown_one_is_refused(entry: Entry[Any]) -> None:
    assert [name for name, info in entry.config.model_fields.items() if not info.title] == []
    with pytest.raises(ValidationError, match="Extra inputs"):
        entry.config.model_validate({"no_such_setting": 1})


@of_every_extension
def test_it_says_what_it_is_and_where_it_comes_from(entry: Entry[Any]) -> None:
    assert entry.title != entry.key
    prose = f"{inspect.getmodule(entry.cls).__doc__}\n{entry.cls.__doc__}"
    assert SOURCE.search(prose), f"{entry.key}: name the paper, or say why it is Chimera's own"


@of_every_registry
def test_one_file_holds_one_extension_and_is_called_by_its_key(registry: Registry[Any]) -> None:
    package = importlib.import_module(registry.package)
    files = {module.name for module in pkgutil.iter_modules(package.__path__)} - {"base"}
    assert {entry.key: entry.cls.__module__ for entry in registry} == {
        name: f"{registry.package}.{name}" for name in files
    }


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """The first ten documents of each domain of the starter corpus, as imported: prose, HTML and code."""
    ctx = LocalContext(tmp_path_factory.mktemp("corpus"))
    found = []
    for config in recipes.imports(max_documents=10):
        found += _opened(import_.run(config, ctx)).iter_documents()
    assert len(found) == 50
    return found


def _opened(result: Any) -> Any:
    from curriculum_app.core.dataset_version import DatasetVersion

    return DatasetVersion.open(result.stored)


@pytest.mark.parametrize("entry", FILTER_ENTRIES, ids=lambda entry: entry.key)
def test_a_filter_judges_real_documents_the_same_way_twice(entry: Entry[Any], documents: list[Document]) -> None:
    before = [document.canonical() for document in documents]
    verdicts = [FILTERS.build(entry.key).judge(document) for document in documents[::5]]
    one_by_one = FILTERS.build(entry.key)
    backwards = [one_by_one.judge(document) for document in reversed(documents)][::-1]
    assert verdicts == backwards[::5], "a filter keeps no state between documents"
    assert [document.canonical() for document in documents] == before, "documents are never altered in place"
    for document, verdict in zip(documents, backwards, strict=True):
        _well_formed(document, verdict)


def _well_formed(document: Document, verdict: Keep | Drop) -> None:
    if isinstance(verdict, Drop):
        assert re.fullmatch(r"[a-z0-9_]+", verdict.reason)
        assert verdict.statistic is None or math.isfinite(verdict.statistic)
        return
    kept = dataclasses.asdict(verdict.document)
    unchanged = {name for name in kept if name not in ("text", "content", "title", "meta", "media")}
    assert {name: kept[name] for name in unchanged} == {n: getattr(document, n) for n in unchanged}
    assert all(0 <= (item.offset or 0) <= len(kept["text"]) for item in verdict.document.media)
    json.dumps(verdict.document.meta, allow_nan=False)


def test_every_recipe_of_the_starter_corpus_names_registered_filters() -> None:
    chosen = [choice for recipe in recipes.recipes().values() for choice in recipe]
    assert chosen and all(isinstance(choice, FilterChoice) and FILTERS.get(choice.key) for choice in chosen)


# -- measures ----------------------------------------------------------------------------------------------------------


class ModelForTests:
    """A checkpoint that takes eight bits for every character, and a classifier that is never sure."""

    digest = "0" * 64

    def bits(self, texts: list[str]) -> list[tuple[float, int]]:
        return [(8.0 * len(text), len(text)) for text in texts]

    def score(self, texts: Iterable[str]) -> Iterator[Any]:
        return (np.array([0.5]) for _ in texts)


def named(entry: Entry[Any]) -> dict[str, str]:
    """A reference for every field of its config that names something stored."""
    found = {name: bare(info.annotation) for name, info in entry.config.model_fields.items()}
    return {name: f"{ref_kind_of(kind)}-1" for name, kind in found.items() if get_origin(kind) is Ref}


def ready(entry: Entry[Any], documents: list[Document]) -> Measure:
    """The measure as the job uses it: counts learned, model opened."""
    measure: Measure = MEASURES.build(entry.key, named(entry))
    if isinstance(measure, CorpusMeasure):
        measure.learn(measure.count(documents[:20]) + measure.count(documents[20:]))
    if isinstance(measure, ModelMeasure):
        assert measure.attach(lambda ref: ModelForTests()).keys() == named(entry).keys()
    return measure


@pytest.mark.parametrize("entry", MEASURE_ENTRIES, ids=lambda entry: entry.key)
def test_a_measure_gives_a_number_per_document_whatever_the_order(entry: Entry[Any], documents: list[Document]) -> None:
    documents = [*documents, Document("empty", "", "prose")]
    before = [document.canonical() for document in documents]
    values = ready(entry, documents).values(documents)
    assert values.shape == (51,) and values.dtype == np.float64
    assert np.isfinite(values).any() and not np.isinf(values).any()
    one_by_one = ready(entry, documents)
    backwards = np.concatenate([one_by_one.values([document]) for document in reversed(documents)])[::-1]
    assert np.array_equal(values, backwards, equal_nan=True)
    assert [document.canonical() for document in documents] == before, "documents are never altered in place"


@pytest.mark.parametrize("entry", MEASURE_ENTRIES, ids=lambda entry: entry.key)
def test_a_measure_says_its_unit_and_direction_and_names_its_column(entry: Entry[Any]) -> None:
    measure: Measure = MEASURES.build(entry.key, named(entry))
    assert measure.unit and measure.revision >= 1 and measure.problems() == []
    assert measure.direction in ("harder", "easier", "better", "neither")
    assert MeasureChoice(key=entry.key).column == entry.key


# -- policies ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> SequenceTable:
    return build_sequences(LocalContext(tmp_path_factory.mktemp("table")).store)


def plan_by_default(entry: Entry[Any], table: SequenceTable, seed: int = 1) -> tuple[Pool, Plan]:
    policy, budget = POLICIES.build(entry.key), 300 * table.sequence_length
    try:
        pool = policy.pool(table, budget, 0)
    except InputError as error:
        assert all(problem.hint for problem in error.problems)
        pytest.skip(f"needs other sequences, in a test of its own: {error}")
    return pool, policy.plan(PlanRequest(table, pool, seed, budget))


@pytest.mark.parametrize("entry", POLICY_ENTRIES, ids=lambda entry: entry.key)
def test_a_policy_shows_the_budget_and_if_it_only_orders_the_pool_exactly_once(
    entry: Entry[Any], table: SequenceTable
) -> None:
    pool, plan = plan_by_default(entry, table)
    if entry.cls.only_order:
        assert np.array_equal(np.sort(plan.order), pool.ids)
    left = 300 * table.sequence_length - int(plan.rows["length"].sum())
    assert 0 <= left < table.sequence_length and set(plan.order) <= set(pool.ids)
    assert plan.grouping in table.grouping_names
    assert plan.curve.names == tuple(table.grouping(plan.grouping).names)
    assert {"max_deviation", "shuffle_max_deviation"} <= json.loads(json.dumps(plan.adherence, allow_nan=False)).keys()


@pytest.mark.parametrize("entry", POLICY_ENTRIES, ids=lambda entry: entry.key)
def test_a_policy_gives_equal_plans_for_equal_seeds_only(entry: Entry[Any], table: SequenceTable) -> None:
    (_, first), (_, again), (_, other) = (plan_by_default(entry, table, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.rows, again.rows) and first.adherence == again.adherence
    assert not np.array_equal(first.rows, other.rows)


@pytest.mark.parametrize("entry", ADAPTIVE_ENTRIES, ids=lambda entry: entry.key)
def test_an_adaptive_policy_decides_the_same_for_the_same_seed_and_feedback_only(
    entry: Entry[Any], table: SequenceTable
) -> None:
    policy, budget = POLICIES.build(entry.key), 64 * table.sequence_length
    assert isinstance(policy, AdaptivePolicy)
    pool = policy.pool(table, budget, 0)
    first, again, other = (journal_of(policy.chooser(table, pool.ids, seed), pool, budget) for seed in (1, 1, 2))
    first.require_follows(policy.chooser(table, pool.ids, 1), budget)
    assert first.digest == again.digest != other.digest
    declared = {series.name for series in policy.series}
    assert all(set(entry.decision.scalars) <= declared for entry in first.entries)
    with pytest.raises(InputError, match="no order to plan"):
        policy.plan(PlanRequest(table, pool, 1, budget))


def journal_of(chooser: Chooser, pool: Pool, budget: int) -> Journal:
    """16 steps of four rows, in the middle of which the chooser is taken down and put up again."""
    length = pool.tokens // len(pool.ids)
    journal, rng = Journal(pool.ids, length, chooser.when_exhausted), np.random.default_rng(3)
    for step in range(budget // length // 4):
        progress = Progress(4, step * 4 * length, budget)
        decision = chooser.decide(progress)
        journal.decided(decision, progress)
        feedback = Feedback(decision.rows, rng.random(4, dtype=np.float32), held_out={"a": 1.0})
        journal.observed(feedback)
        chooser.observe(feedback)
        chooser.load(chooser.state())
        json.dumps([chooser.metrics(), dict(chooser.state().facts)], allow_nan=False)
    return journal


# -- probes ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> StepView:
    """A tiny model after its first backward pass."""
    from training_app.core.engine import prepare

    _, table, schedule = make_context(tmp_path_factory.mktemp("probes"))
    return step_view(prepare(make_config(), schedule, table))


@pytest.mark.torch
@pytest.mark.parametrize("entry", PROBE_ENTRIES, ids=lambda entry: entry.key)
@pytest.mark.parametrize("detail", [False, True])
def test_a_probe_writes_declared_keys_only_and_measures_the_same_twice(
    entry: Entry[Any], detail: bool, step: StepView
) -> None:
    """With `detail` every switch of its config is on."""
    switches = [name for name, info in entry.config.model_fields.items() if info.annotation is bool]
    config = entry.config.model_validate(dict.fromkeys(switches, detail))
    values = entry.cls(config).measure(step)  # type: ignore[call-arg]
    again = entry.cls(config).measure(step)  # type: ignore[call-arg]
    assert values.keys() == again.keys() and (values == again or entry.cls.of_the_machine)
    undeclared = [key for key in values if not any(metric.matches(key) for metric in entry.cls.metrics)]
    assert values and undeclared == []
    assert all(type(value) is float for value in values.values())


@pytest.mark.parametrize("entry", PROBE_ENTRIES, ids=lambda entry: entry.key)
def test_a_probe_describes_its_series_and_says_how_often_it_measures(entry: Entry[Any]) -> None:
    assert all(metric.title for metric in entry.cls.metrics)
    assert {metric.direction for metric in entry.cls.metrics} <= {"lower", "higher", "none"}
    assert entry.config().every >= 1  # type: ignore[attr-defined]
    with pytest.raises(ValidationError):
        entry.config.model_validate({"every": 0})


# -- alert rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ALERT_ENTRIES, ids=lambda entry: entry.key)
def test_an_alert_rule_takes_any_value_and_says_the_same_twice(entry: Entry[Any]) -> None:
    values = [1.0, math.nan, math.inf, 0.0, -5.0, 1e30, *([2.0] * 40), 99.0]
    rule: Rule = ALERTS.build(entry.key)
    key = next(pattern.strip() for pattern in rule.series().split(",") if pattern.strip()).replace("*", "x")
    assert rule.watches(key) and not rule.watches("no such series")
    first, again = rule.watch(key), rule.watch(key)
    told = [first.add(n, n, value) for n, value in enumerate(values)]
    assert told == [again.add(n, n, value) for n, value in enumerate(values)]
    assert all(said is None or 0 < len(said) < 200 for said in told)


# -- encoders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENCODER_ENTRIES, ids=lambda entry: entry.key)
def test_an_encoder_gives_unit_rows_twice_the_same_and_after_being_kept(
    entry: Entry[Any], documents: list[Document], tmp_path: Path
) -> None:
    texts = [document.text for document in documents]
    encoder = ENCODERS.build(entry.key)
    if said := encoder.missing():
        pytest.skip(said)
    encoder.fit(iter(texts))
    rows = encoder.embed(texts)
    assert rows.dtype == np.float32 and rows.shape[0] == len(texts)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows, encoder.embed(texts)) and encoder.name
    save_encoder(EncoderChoice(key=entry.key), encoder, tmp_path)
    assert np.array_equal(rows, load_encoder(tmp_path).embed(texts))


# -- groupings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", GROUPING_ENTRIES, ids=lambda entry: entry.key)
def test_a_grouping_puts_every_document_into_one_group(entry: Entry[Any], documents: list[Document]) -> None:
    grouping: DocumentGrouping = GROUPINGS.build(entry.key)
    try:
        grouping.prepare("digest", lambda ref: pytest.fail(f"{ref} was not asked for"))
    except InputError as error:
        assert all(problem.hint for problem in error.problems)
        pytest.skip(f"needs to be told: {error}")
    for document in documents:
        grouping.look(document)
    ones = np.ones(len(documents), dtype=np.int64)
    nothing = Groups(("all",), 0 * ones)
    found = grouping.assign(Corpus(ones, ones, ("all",), 0 * ones, nothing, lambda measure: np.arange(50.0)))
    assert len(found.of_document) == len(documents) and len(set(found.names)) == len(found.names)
    assert found.of_document.min() >= 0 and found.of_document.max() < len(found.names)
    assert re.fullmatch(r"[a-z][a-z0-9-]*", grouping.name) and json.dumps([found.facts, grouping.meaning()])
