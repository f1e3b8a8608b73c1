"""A sample of rules: drawn evenly and the same again, and exactly what the filters do."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.configs_rules import SampleRulesConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, FilterChoice
from curriculum_app.core.jobs import curate, import_, sample_rules
from curriculum_app.core.rule_sample import DomainRules, RuleSample
from curriculum_app.starter import recipes


def add(ctx: LocalContext, ref: str, documents: list[Document], row_group: int = 7) -> DatasetVersion:
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"op": "test", "ref": ref}, row_group_rows=row_group) as writer:
            for document in documents:
                writer.add(document)
        ctx.artefacts[ref] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    return ctx.artefacts[ref]


def sample(ctx: LocalContext, **settings: Any) -> RuleSample:
    config = SampleRulesConfig.model_validate({"datasets": ["dataset-1"], **settings})
    return RuleSample.open(sample_rules.run(config, ctx).stored)


def quick(recipe: list[FilterChoice]) -> list[dict[str, Any]]:
    """The recipe with the tokenizer that takes little time."""
    fast = {"tokenizer": "regex"}
    return [{"key": c.key, "config": c.config | (fast if "tokenizer" in c.config else {})} for c in recipe]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> LocalContext:
    """The first documents of each domain of the starter corpus as one version."""
    ctx = LocalContext(tmp_path_factory.mktemp("corpus"))
    documents: list[Document] = []
    for config in recipes.imports(max_documents=30):
        documents += DatasetVersion.open(import_.run(config, ctx).stored).iter_documents()
    add(ctx, "dataset-1", documents)
    return ctx


@pytest.fixture(scope="module")
def measured(corpus: LocalContext) -> RuleSample:
    return sample(corpus, recipes={name: quick(recipe) for name, recipe in recipes.recipes().items()}, documents=20)


def test_the_sample_knows_no_order_and_another_seed_draws_another_one(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    documents = [Document(f"d{n}", f"text {n}", "a" if n % 3 else "b") for n in range(90)]
    drawn = []
    for ref, items, group in (("dataset-1", documents, 7), ("dataset-2", documents[::-1], 50)):
        add(ctx, ref, items, group)
        found = sample(ctx, datasets=[ref], documents=20, recipes={"*": []})
        drawn.append({domain.name: sorted(d.id for d in found.documents(domain)) for domain in found.domains})
    assert drawn[0] == drawn[1] and {name: len(ids) for name, ids in drawn[0].items()} == {"a": 20, "b": 20}
    other = sample(ctx, documents=20, seed=1, recipes={"*": []})
    assert sorted(d.id for d in other.documents(other.domain("a"))) != drawn[0]["a"]
    assert [(d.population, d.documents) for d in other.domains] == [(60, 20), (30, 20)]


def test_the_same_sample_has_the_same_digest(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    add(ctx, "dataset-1", [Document(f"d{n}", f"text {n} " * 9, "a") for n in range(9)])
    settings = {"documents": 5, "recipes": {"a": [{"key": "gopher_quality"}]}}
    assert sample(ctx, **settings).stored.digest == sample(ctx, **settings).stored.digest
    assert sample(ctx, **settings).stored.digest != sample(ctx, **settings, seed=2).stored.digest


def test_every_document_is_drawn_equally_often(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    add(ctx, "dataset-1", [Document(f"d{n}", "text", "a") for n in range(20)])
    runs = [sample(ctx, documents=10, seed=seed, recipes={"*": []}) for seed in range(60)]
    times = Counter(d.id for run in runs for d in run.documents(run.domains[0]))
    assert len(times) == 20 and all(15 <= count <= 45 for count in times.values())  # 30 ± 4 standard deviations


def dropped_by(rules: DomainRules, cuts: dict[tuple[int, str], float | None]) -> Counter[tuple[int, str]]:
    """What the browser computes: the first rule that a document fails, with some cuts moved."""
    found: Counter[tuple[int, str]] = Counter()
    failing = []
    for column in rules.columns:
        bound = cuts.get((column.step, column.field), column.bound) if column.field else column.bound
        values = column.values
        if bound is None:
            failing.append(np.zeros(len(values), bool))
        elif column.side == "least":
            failing.append(values <= bound if column.strict else values < bound)
        else:
            failing.append(values >= bound if column.strict else values > bound)
    orders = dict(rules.orders)
    for document in range(len(rules.columns[0].values)):
        order = orders.get(document, range(len(rules.columns)))
        first = next((rule for rule in order if failing[rule][document]), None)
        if first is not None:
            found[rules.columns[first].step, rules.columns[first].reason] += 1
    return found


@pytest.mark.parametrize(
    ("domain", "cuts"),
    [
        ("literature", {}),
        ("code", {(1, "max_chars"): 3000.0}),
        ("reference", {}),
        ("web", {}),
        ("web", {(2, "min_score"): 0.9, (5, "min_sentences"): 40, (4, "min_alpha_words"): None}),
        ("web", {(3, "duplicated_5_n_grams"): 0.02, (3, "top_2_gram"): None, (6, "max_short_lines"): 0.1}),
    ],
)
def test_cuts_on_stored_statistics_drop_what_the_recipe_drops(
    measured: RuleSample, domain: str, cuts: dict[tuple[int, str], float | None]
) -> None:
    chosen = measured.domain(domain)
    recipe = [choice.as_json() for choice in chosen.recipe]
    for (step, name), value in cuts.items():
        recipe[step]["config"][name] = value
    expected = measured.judged(chosen, [FilterChoice.model_validate(choice) for choice in recipe])
    found = dropped_by(measured.rules(chosen), cuts)
    assert {(recipe[step]["key"], reason): count for (step, reason), count in found.items()} == expected


def test_rules_in_another_order_at_one_document_are_told(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    texts = {"a": "lorem ipsum dolor sit\nif (x) then { y }", "b": "if (x) then { y }\nlorem ipsum dolor sit"}
    texts["c"] = "Just a page of text."
    add(ctx, "dataset-1", [Document(name, text, "web") for name, text in texts.items()])
    found = sample(ctx, recipes={"*": [{"key": "c4"}]})
    rules = found.rules(found.domains[0])
    expected = found.judged(found.domains[0], found.domains[0].recipe)
    assert {("c4", reason): count for (_, reason), count in dropped_by(rules, {}).items()} == expected
    assert expected == {("c4", "lorem_ipsum"): 1, ("c4", "curly_bracket"): 1, ("c4", "too_few_sentences"): 1}


def test_texts_are_kept_as_they_came_into_each_filter(measured: RuleSample) -> None:
    web = measured.domain("web")
    raw, step_in = measured.document(web.first), measured.document(web.first, step=2)
    assert raw.content == "html" and step_in.content == "text" and "<p>" not in step_in.text
    assert measured.changes()[web.first][0] == 0
    with pytest.raises(KeyError):
        measured.document(10_000)


def test_a_page_without_text_ends_its_chain_and_rules_without_numbers_are_there(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    pages = [Document("1", "<html></html>", "web", content="html", url="https://bad.com/")]
    add(ctx, "dataset-1", pages)
    chain = [{"key": "url", "config": {"domains": ["bad.com"]}}, {"key": "extract"}, {"key": "min_length"}]
    found = sample(ctx, recipes={"*": chain})
    rules = found.rules(found.domains[0])
    assert [(item.step, item.reason, item.field) for item in rules.columns] == [
        (0, "domain", ""),
        (1, "no_text", ""),
        (1, "empty", ""),
    ]


def test_versions_without_documents_are_refused(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    add(ctx, "dataset-1", [])
    with pytest.raises(InputError, match="hold no documents"):
        sample(ctx)


def test_the_stored_statistic_of_removed_documents_is_the_one_recomputed_from_their_text(corpus: LocalContext) -> None:
    """For at least fifty removed documents of a curated version, exactly."""
    keys = ("extract", "gopher_repetition", "gopher_quality", "c4", "fineweb", "min_length")
    strict = {
        "*": [{"key": "language", "config": {"min_score": 0.8}}, *quick([FilterChoice(key=key) for key in keys])],
        "code": [{"key": "length", "config": {"min_chars": 2000, "max_chars": 4000}}],
    }
    config = CurateConfig.model_validate(
        {"name": "c", "datasets": ["dataset-1"], "workers": 1, "recipes": strict, "near_duplicates": {"enabled": False}}
    )
    version = DatasetVersion.open(curate.run(config, corpus).stored)
    removed = version.dropped(limit=1000)
    assert len(removed) >= 50 and len({item.stage for item in removed}) >= 4
    for item in removed:
        chosen = strict["code" if item.document.domain == "code" else "*"]
        settings = next(choice.get("config", {}) for choice in chosen if choice["key"] == item.stage)
        rules = FILTERS.build(item.stage, settings).measure(item.document)
        again = next((rule for rule in rules if rule.reason == item.reason), None)
        if again is None:
            assert item.reason == "no_text" and item.statistic is None
        else:
            assert again.statistic == item.statistic and not again.passes
