"""Decontamination: the worked example of shared n-grams, the stage in a curation, its report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.benchmark_words import gram_hashes, word_hashes, word_spans, words_of
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.configs import CurateConfig, ImportConfig
from curriculum_app.core.configs_benchmarks import BenchmarkConfig, DecontaminationConfig
from curriculum_app.core.contamination_check import CONTAMINATION_FILE
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.decontamination import GramIndex, Match, build_index, shared_passages
from curriculum_app.core.jobs import curate, import_, register_benchmark

ITEM = "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May"
LEAK = "Once upon a time natalia sold clips to 48 of her friends in april, and then she sold half as many clips in june"


def benchmark(folder: Path, *texts: str, name: str = "GSM8K") -> Benchmark:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"question": text, "id": str(n)}) + "\n" for n, text in enumerate(texts)))
    config = BenchmarkConfig(name=name, path=str(path))
    return Benchmark.open(register_benchmark.register(config, LocalContext(folder).store))


def matches(folder: Path, text: str, *benchmarks: Benchmark, **settings: Any) -> list[Match]:
    where = folder / f"index-{len(list(folder.glob('index-*')))}"
    build_index(benchmarks, DecontaminationConfig(**settings), where)
    return GramIndex(where).matches(text)


@pytest.mark.parametrize(("n", "shared", "of"), [(8, 12, 13), (13, 7, 8)])
def test_the_number_of_shared_n_grams_of_the_worked_example(tmp_path: Path, n: int, shared: int, of: int) -> None:
    """Of 13 runs of eight words 12 are shared (0.923077), of 8 runs of thirteen words 7 (0.875)."""
    (found,) = matches(tmp_path, LEAK, benchmark(tmp_path, ITEM), n=n)
    assert (found.name, found.shared, found.items, found.reason) == (
        "GSM8K",
        shared,
        (("0", shared),),
        "contaminated_gsm8k",
    )
    ((_, grams),) = gram_hashes(word_hashes(words_of(ITEM), {}), {n})
    assert len(grams) == of
    (twice,) = matches(tmp_path, f"{LEAK} {LEAK}", benchmark(tmp_path, ITEM), n=n)
    assert twice.shared == shared, "different n-grams are counted"


def test_an_item_shorter_than_an_n_gram_must_occur_whole_and_a_very_short_one_is_not_looked_for(tmp_path: Path) -> None:
    short = benchmark(tmp_path, "one two three four five six seven eight.", "yes it is", name="short")
    (found,) = matches(tmp_path, "so: One, two - three four five six, seven eight nine", short)
    assert (found.shared, found.items) == (1, (("0", 1),))
    assert matches(tmp_path, "one two three four five six seven nine eight", short) == []
    assert matches(tmp_path, "well yes it is", short) == []


def test_rows_of_numbers_are_no_item(tmp_path: Path) -> None:
    numbers = " ".join(map(str, range(1, 40)))
    index = benchmark(tmp_path, f"Add all of these up: {numbers}")
    assert matches(tmp_path, numbers, index) == []
    assert matches(tmp_path, f"these up: {numbers}", index)[0].shared == 2


def test_the_benchmark_that_shares_most_comes_first_with_its_nearest_item(tmp_path: Path) -> None:
    two = benchmark(tmp_path, "sold clips to 48 of her friends in April and then she sold", ITEM, name="two")
    other = benchmark(tmp_path, "in April and then she sold half as many clips in May and June", name="other")
    found = matches(tmp_path, ITEM + " and June", other, two)
    assert [(match.name, match.shared, match.items[0]) for match in found] == [
        ("two", 8, ("1", 8)),
        ("other", 2, ("0", 2)),
    ]


def test_hashes_of_n_grams_are_those_of_the_words_in_their_order() -> None:
    cache: dict[str, int] = {}
    first = dict(gram_hashes(word_hashes(["a", "b", "a", "b", "c"], cache), {1, 2, 3}))
    assert first[2][0] == first[2][2] != first[2][1] and len(first[3]) == 3
    assert not set(first[1].tolist()) & set(first[2].tolist())
    alone = dict(gram_hashes(word_hashes(["b", "c"], {}), {2, 9}))
    assert alone[2][0] == first[2][3] and list(alone) == [2]
    assert all(hashes.dtype == np.uint64 for hashes in first.values())


def test_words_are_the_same_with_and_without_their_places() -> None:
    text = "Ünïted  “ﬁnd” x_y 1,000½ … ①ﷺ\tend."
    words, spans = word_spans(text)
    assert words == words_of(text)
    assert [text[start:end] for start, end in spans][:2] == ["Ünïted", "“ﬁnd”"]


def test_shared_passages_are_found_in_both_texts() -> None:
    for text, other in ((LEAK, ITEM), (ITEM, LEAK)):
        passages = [text[start:end].lower() for start, end in shared_passages(text, other, [ITEM], 13, 8)]
        assert [" ".join(words_of(passage)) for passage in passages] == [" ".join(words_of(ITEM)[:-1])]
    assert shared_passages("nothing in common", ITEM, [ITEM], 13, 8) == []


def test_a_short_question_is_found_by_itself_whatever_stands_between_it_and_its_choices(tmp_path: Path) -> None:
    question, choices = "Which of the three rivers flows through the town?", ["the Tees", "the Wear", "the Tyne"]
    path = tmp_path / "exam.jsonl"
    path.write_text(json.dumps({"id": "q", "question": question, "choices": choices, "answer": 1}))
    store = LocalContext(tmp_path).store
    exam = Benchmark.open(register_benchmark.register(BenchmarkConfig(name="exam", path=str(path)), store))
    page = f"1. {question} A) {choices[0]} B) {choices[1]} C) {choices[2]}"
    (found,) = matches(tmp_path, page, exam)
    assert (found.shared, found.items) == (1, (("q", 1),))
    assert [page[a:b] for a, b in shared_passages(page, "", [question, *choices], 13, 8)] == []
    item = exam.items()[0]
    for text, other in ((page, item.text), (item.text, page)):
        assert [text[a:b] for a, b in shared_passages(text, other, item.parts, 13, 8)] == [question]
    assert matches(tmp_path, page, exam, shortest_item=10) == []


# -- in a curation ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    ctx = LocalContext(tmp_path)
    texts = {"clean": "A text about rivers and mountains. " * 5, "leak": f"{LEAK}. More follows here."}
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items()))
    raw = import_.run(ImportConfig(name="raw", path=str(path), mapping={"id": "id", "text": "text"}), ctx)
    ctx.artefacts["dataset-1"] = DatasetVersion.open(raw.stored)
    ctx.artefacts["benchmark-1"] = benchmark(
        tmp_path, ITEM, "Something else entirely that nobody has asked before now."
    )
    ctx.artefacts["benchmark-2"] = benchmark(tmp_path, "Another one that is in none of the texts at all.", name="none")
    return ctx


def curated(ctx: LocalContext, **decontamination: Any) -> DatasetVersion:
    config = CurateConfig.model_validate(
        {"name": "c", "datasets": ["dataset-1"], "recipes": {"*": []}, "decontamination": decontamination}
    )
    return DatasetVersion.open(curate.run(config, ctx).stored)


def test_a_benchmark_that_leaks_into_training_data_is_kept_out_and_reported(ctx: LocalContext) -> None:
    version = curated(ctx, benchmarks=["benchmark-1", "benchmark-2"])
    assert [document.id for document in version.iter_documents()] == ["clean"]
    (dropped,) = version.dropped(stage="decontamination")
    leaked, other = ctx.artefacts["benchmark-1"].digest, ctx.artefacts["benchmark-2"].digest
    assert (dropped.reason, dropped.statistic, dropped.benchmark, dropped.item) == (
        "contaminated_gsm8k",
        7,
        leaked,
        "0",
    )
    assert version.manifest["contamination"] == {
        leaked: {"name": "GSM8K", "items": 2, "found": 1, "documents": 1},
        other: {"name": "none", "items": 1, "found": 0, "documents": 0},
    }
    assert version.manifest["funnel"]["text"][0]["stage"] == "decontamination"
    (pair,) = pq.read_table(version.stored.path / CONTAMINATION_FILE).to_pylist()
    assert pair == {
        "document_id": "leak", "domain": "text", "benchmark": leaked, "item": "0", "shared": 7, "dropped": True,
    }  # fmt: skip


def test_what_is_only_reported_is_kept_and_a_higher_threshold_lets_it_pass(ctx: LocalContext) -> None:
    told = curated(ctx, benchmarks=["benchmark-1"], action="report")
    assert told.num_documents == 2
    assert [facts["found"] for facts in told.manifest["contamination"].values()] == [1]
    passed = curated(ctx, benchmarks=["benchmark-1"], min_matches=8)
    assert passed.num_documents == 2
    assert [facts["found"] for facts in passed.manifest["contamination"].values()] == [0]


def test_the_recipe_holds_the_benchmarks_content_and_not_their_order(ctx: LocalContext) -> None:
    there, back = (curated(ctx, benchmarks=[f"benchmark-{n}" for n in order]) for order in ((1, 2), (2, 1)))
    assert there.digest == back.digest
    said = there.manifest["recipe"]["params"]["decontamination"]
    assert said["benchmarks"] == sorted(ctx.artefacts[f"benchmark-{n}"].digest for n in (1, 2)) and said["n"] == 13
    assert curated(ctx, benchmarks=["benchmark-2"]).digest != there.digest
    assert "decontamination" not in curated(ctx).manifest["recipe"]["params"], "without benchmarks nothing is said"


def test_if_every_document_is_contaminated_the_stage_is_named(ctx: LocalContext) -> None:
    ctx.artefacts["benchmark-1"] = benchmark(ctx.root, ITEM, "a text about rivers and mountains a text about rivers")
    with pytest.raises(InputError, match=r"decontamination: nothing is left after curation: 'decontamination'"):
        curated(ctx, benchmarks=["benchmark-1"])
