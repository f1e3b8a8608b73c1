"""Procedural strings: exact by their own verifiers, equal for equal seeds, and put together with text."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from chimera.registry import Entry
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.configs_procedural import ProceduralConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import curate, group, procedural
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.procedural.base import GENERATORS, Generator
from curriculum_app.core.procedural.rule_110 import following
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import train_bpe
from tests.core.curriculum.test_group_job import config as group_config
from tests.core.curriculum.test_group_job import corpus, store_dataset

ENTRIES = list(GENERATORS)
of_every_generator = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)


def made(key: str, seed: int = 0, **settings: Any) -> str:
    return GENERATORS.build(key, settings).sample(Random(seed))


def fault(key: str, text: str, **settings: Any) -> str:
    return GENERATORS.build(key, settings).fault(text)


def test_the_worked_string_of_the_dyck_sampler() -> None:
    assert made("dyck", types=3, length=16, depth=8) == "[ ] [ { [ ] ( ) ( ) { } } ] [ ]"


@of_every_generator
def test_every_string_passes_the_verifier_and_a_changed_one_does_not(entry: Entry[Generator]) -> None:
    generator = GENERATORS.build(entry.key)
    texts = [generator.sample(Random(seed)) for seed in range(200)]
    assert [generator.fault(text) for text in texts] == [""] * 200
    assert len(set(texts)) == 200 and texts == [generator.sample(Random(seed)) for seed in range(200)]
    for text in texts[:20]:
        symbols = text.split(" ")
        changed = [[*symbols[:at], "?", *symbols[at + 1 :]] for at in range(len(symbols))]
        assert all(generator.fault(" ".join(other)) for other in [*changed, symbols[:-1], symbols[1:]])
        assert generator.fault("") and generator.fault(text + " ") and generator.fault(text.replace(" ", ""))


@pytest.mark.parametrize(("types", "length", "depth"), [(1, 2, 1), (2, 40, 1), (30, 200, 3), (5, 64, 64)])
def test_brackets_are_balanced_at_every_difficulty(types: int, length: int, depth: int) -> None:
    settings = {"types": types, "length": length, "depth": depth}
    assert [fault("dyck", made("dyck", seed, **settings), **settings) for seed in range(50)] == [""] * 50


def test_verifiers_say_what_is_wrong() -> None:
    assert "balance" not in fault("dyck", "( ] [ )", length=4) and "symbol 2" in fault("dyck", "( ] [ )", length=4)
    assert "deeper than 1" in fault("dyck", "( ( ) )", length=4, depth=1)
    assert fault("dyck", "< >", length=2) == "holds '<'"
    assert fault("stack", "a ^ ^ = a", length=3) == "pops an empty stack"
    assert fault("stack", "a ^ =", length=2) == "" and fault("stack", "a ^ = a", length=2)
    assert fault("sort", "b a = b a", length=2) == "is not 'a b'"
    assert fault("set", "b a b = b a", length=3) == "" and fault("identity", "b a = b a b a", length=2, copies=2) == ""


def test_rule_110_by_hand() -> None:
    assert following([0, 0, 0, 1]) == [0, 0, 1, 1] and following([1, 1, 1, 1]) == [0, 0, 0, 0]
    assert fault("rule_110", "0 0 0 1 ; 0 0 1 1", width=4, steps=1) == ""
    assert "row 2" in fault("rule_110", "0 0 0 1 ; 0 1 1 1", width=4, steps=1)


def test_odd_brackets_are_refused() -> None:
    with pytest.raises(InputError, match="even"):
        GENERATORS.build("dyck", {"length": 5})


def test_every_symbol_is_a_token_of_its_own_once_the_tokenizer_has_seen_some() -> None:
    settings = ProceduralConfig(documents=60)
    texts = [document.text for document in procedural.strings(settings)]
    tokenizer = train_bpe(texts, 400)
    for text in texts:
        assert tokenizer.encode(text).tokens == ["Ġ" * (at > 0) + symbol for at, symbol in enumerate(text.split(" "))]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> LocalContext:
    """Text, strings, and both put together by a curation that leaves everything."""
    context = LocalContext(tmp_path_factory.mktemp("procedural"))
    context.artefacts["dataset-1"] = store_dataset(context, corpus(160))
    strings = procedural.run(ProceduralConfig(documents=60), context)
    context.artefacts["dataset-2"] = DatasetVersion.open(strings.stored)
    nothing = {"recipes": {"*": []}, "exact_duplicates": "off", "near_duplicates": {"enabled": False}}
    both = {"name": "both", "datasets": ["dataset-1", "dataset-2"], "final_filters": [], "workers": 1, **nothing}
    together = curate.run(CurateConfig.model_validate(both), context)
    context.artefacts["dataset-3"] = DatasetVersion.open(together.stored)
    return context


def test_a_version_of_strings_says_who_wrote_them_and_is_made_once(context: LocalContext) -> None:
    version: DatasetVersion = context.artefacts["dataset-2"]
    assert version.num_documents == 60 and version.domains == ["procedural"]
    assert version.manifest["licenses"] == {"CC0-1.0": 60} and version.manifest["stage"] == "generated"
    document = next(document for document in version.iter_documents() if document.meta["generator"] == "dyck")
    assert document.meta == {"generator": "dyck", "level": "types 3, length 64, depth 8"}
    again = procedural.run(ProceduralConfig(documents=60), context)
    assert again.stored.digest == version.digest
    assert procedural.run(ProceduralConfig(documents=60, seed=1), context).stored.digest != version.digest
    assert json.loads(json.dumps(version.manifest["recipe"]))["op"] == "procedural"


def test_strings_and_text_in_one_version_warm_a_run_up(context: LocalContext, tmp_path: Path) -> None:
    both: DatasetVersion = context.artefacts["dataset-3"]
    assert both.num_documents == 220 and both.manifest["licenses"]["CC0-1.0"] == 220
    settings = group_config(dataset="dataset-3", apart=["procedural"])
    table = SequenceTable.open(group.run(settings, context).stored)
    policy, budget = POLICIES.build("procedural_warm_up", {"share": 0.02}), 100 * 32
    plan = policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 0, budget))
    first = table.documents_of(int(plan.order[0]))
    assert {piece.document["source"] for piece in first} == {"Chimera procedural"}
    assert plan.facts["warm_up_tokens"] == 64


def test_examples_are_what_the_job_will_write() -> None:
    choice = ProceduralConfig().generators[0]
    written = [item.text for item in procedural.strings(ProceduralConfig(generators=[choice], documents=3, seed=5))]
    assert procedural.examples(choice, 5, 3) == written
