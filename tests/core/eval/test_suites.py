"""Suites, MosaicML's files of items, lm-eval's task files, and items that stand in the training data (torch-free)."""

import json
import math

import pytest

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError
from curriculum_app.core.benchmarks import Benchmark, Item, save_benchmark
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.contamination_check import CONTAMINATION_FILE, CONTAMINATION_SCHEMA
from curriculum_app.core.jobs.register_benchmark import register
from curriculum_app.core.parquet_rows import RowWriter
from eval_app.core.contamination import items_read
from eval_app.core.item_results import ItemResult
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.suite_means import suite_means
from eval_app.core.task_scores import TaskScore, scores_of
from eval_app.core.tasks.bundled import bundled_suites, bundled_tasks
from eval_app.core.tasks.definition import how_to_add, import_definition, read_definition
from training_app.core.checkpoint import Checkpoint


def score(task, metric, value, chance=None):
    return TaskScore(task=task, metric=metric, value=value, low=0, high=1, n=9, higher_is_better=True, chance=chance)


def test_core_has_dclms_eighteen_tasks_with_their_shots_and_chances():
    """data.md 9.2: the 22 low-variance tasks without four; HellaSwag's loss counts once."""
    core = bundled_suites()["core18"]
    tasks = [bundled_tasks()[name] for name in core.tasks]
    assert len(tasks) == 18 and sum(task.num_fewshot == 10 for task in tasks) == 11
    assert sum(task.metadata.chance is None for task in tasks) == 8 and all(task.metadata.pool for task in tasks)
    assert {task.metadata.chance for task in tasks} == {None, 0.25, 0.5}
    assert all(task.metadata.file.startswith("https://") for task in tasks)


def test_means_go_over_the_tasks_that_ran():
    core = bundled_suites()["core18"]
    scores = [score("arc_easy", "accuracy", 0.4375, 0.25), score("copa", "accuracy", 0.5, 0.5)]
    scores += [score("squad", "accuracy", 0.1), score("mmlu", "accuracy", 0.9, 0.25)]
    scores += [score("hellaswag", "correct_answer_loss", 3.0), score("hellaswag_zeroshot", "correct_answer_loss", 9.0)]
    means = suite_means(core, scores)
    assert math.isclose(means["centered"].value, (0.25 + 0 + 0.1) / 3) and means["centered"].of == 18
    assert means["centered"].over == ["arc_easy", "copa", "squad"]
    assert (means["correct_answer_loss"].value, means["correct_answer_loss"].of) == (3.0, 17)
    assert suite_means(bundled_suites()["default"], scores) == {} == suite_means(core, [])


def test_a_schema_chooses_the_beginning_with_the_lowest_perplexity():
    scored = SCORERS.build("schema", {}).score({}, 1, Answer(["a", "b"], [-2.7, -2.0], [3, 2], [False] * 2))
    assert scored.values == {"accuracy": 0.0, "correct_answer_loss": 1.0} and scored.facts["chosen"] == 0
    tie = SCORERS.build("schema", {}).score({}, 0, Answer(["a", "b"], [-1.0, -1.0], [1, 1], [False] * 2))
    assert tie.values["accuracy"] == 1.0


def test_what_is_missing_says_how_to_add_it():
    said = how_to_add(bundled_tasks()["hellaswag_zeroshot"])
    assert "named 'hellaswag'" in said and "query, choices" in said and said.endswith("hellaswag.jsonl")


ICL = {
    "hellaswag": {"query": "A man sits. He", "choices": ["stands up.", "is a fish."], "gold": 0},
    "lambada_openai": {"context": "She opened the", "continuation": "door"},
    "winograd": {"context_options": ["The cup", "The bottle"], "continuation": "was full.", "gold": 1},
}


@pytest.mark.parametrize("name", ICL)
def test_mosaicmls_files_can_be_registered(name, tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(ICL[name]) + "\n")
    opened = Benchmark.open(register(BenchmarkConfig(name=name, path=str(path)), ArtefactStore(tmp_path / "store")))
    (item,) = opened.items()
    assert item.task == name and item.id == "items.jsonl#1" and len(item.parts) >= 2


@pytest.mark.parametrize(
    ("record", "field", "message"),
    [
        ({"question": "q", "choices": ["a", "b"]}, "answer", "which of the 2 options is right"),
        ({"question": "q", "choices": ["a", "b"], "answer": 2}, "answer", "answer is 2, and the options are counted"),
        ({"query": "q", "choices": ["a", "b"], "gold": -1}, "gold", "gold is -1"),
        ({"question": "q", "choices": ["a", "b"], "answer": "C"}, "answer", "none of the 2 options"),
        ({"question": "q", "choices": ["a"], "answer": 0}, "choices", "at least two are needed"),
        ({"question": "q", "choices": ["a", 3], "answer": 0}, "choices", "is not a list of texts"),
        ({"text": "q"}, "keys", "has no text under"),
        ({"question": "good", "choices": ["a", "b"], "answer": 0}, "", "repeats the item at bad.jsonl#1"),
    ],
)
def test_a_wrong_item_names_file_line_and_field(record, field, message, tmp_path):
    path = tmp_path / "bad.jsonl"
    good = {"question": "good", "choices": ["a", "b"], "answer": 1}
    path.write_text(json.dumps(good) + "\n" + json.dumps(record) + "\n")
    with pytest.raises(InputError) as error:
        register(BenchmarkConfig(name="bad", path=str(path)), ArtefactStore(tmp_path / "store"))
    problem = error.value.problems[1]
    assert (problem.file, problem.line, problem.field) == (str(path), 2, field) and message in problem.message


LM_EVAL = """task: mine
tag: [reading]
dataset_path: json
dataset_kwargs:
  data_files: mine.jsonl
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: choices
doc_to_target: answer
should_decontaminate: true
metric_list:
  - metric: acc
    aggregation: mean
metadata:
  version: 1.0
"""


def test_a_task_file_of_lm_eval_is_taken_with_notes_on_what_is_not_used():
    definition, notes = import_definition(LM_EVAL, "mine.yaml")
    assert definition.task == "mine" and definition.metadata.version == 1.0
    assert [note.split()[0] for note in notes] == [
        "tag", "dataset_path", "dataset_kwargs", "test_split", "should_decontaminate"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "line", "message"),
    [
        ("process_docs: x\n", "process_docs", 17, "Python code"),
        ("process_docs: !function u.f\n", "", 17, "Python code"),
        ("include: base.yaml\n", "include", 17, "all of itself"),
        ("doc_to_image: x\n", "doc_to_image", 17, "only text"),
    ],
)
def test_what_is_not_done_is_refused_with_a_reason_and_a_line(change, field, line, message):
    with pytest.raises(InputError) as error:
        read_definition(LM_EVAL + change, "mine.yaml")
    problem = error.value.problems[0]
    assert (problem.field, problem.line) == (field, line) and message in problem.message


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="'brier_score' is not computed here - for multiple_choice: acc, acc_norm"):
        read_definition(LM_EVAL.replace("metric: acc", "metric: brier_score"))


def test_items_in_the_training_data_are_found_by_lineage(tmp_path):
    store = ArtefactStore(tmp_path)
    items = [Item(f"i-{n}", "t", (f"Question {n}",), {"question": f"{n}"}) for n in range(3)]
    benchmark = Benchmark.open(save_benchmark(store, items, {"name": "b", "recipe": {}}))

    def sealed(kind, number, manifest, rows=()):
        with store.stage(kind) as stage:
            if rows:
                with RowWriter(stage.path / CONTAMINATION_FILE, CONTAMINATION_SCHEMA) as writer:
                    for row in rows:
                        writer.add(row)
            return stage.seal(f"{number:064x}", manifest)

    def row(item, dropped, digest=benchmark.digest):
        ids = {"document_id": "d", "domain": "web", "shared": 1}
        return {**ids, "benchmark": digest, "item": item, "dropped": dropped}

    rows = [row("i-0", False), row("i-1", True), row("i-2", False, "other")]
    checked = sealed("dataset", 1, {"contamination": {benchmark.digest: {}}}, rows)
    derived = sealed("dataset", 2, {"parents": [checked.digest]})
    unchecked = sealed("dataset", 3, {"parents": []})

    def trained(number, dataset, **more):
        table = sealed("sequences", number, {"dataset": dataset.digest})
        return Checkpoint.open(sealed("checkpoint", number, {"sequences": table.digest, **more}))

    assert items_read(store, trained(4, checked), benchmark) == {"i-0"}
    assert items_read(store, trained(5, derived), benchmark) == {"i-0"}
    assert items_read(store, trained(6, unchecked), benchmark) is None
    base = trained(7, checked)
    assert items_read(store, trained(8, derived, base=base.digest), benchmark) == {"i-0"}
    assert items_read(store, trained(9, derived, base="f" * 64), benchmark) is None


def test_scores_with_and_without_items_that_were_read():
    definition, metrics = bundled_tasks()["mmlu"], SCORERS.build("choices", {}).metrics
    results = [
        ItemResult("mmlu", f"i-{n}", "", "", right, {"accuracy": right}, contaminated=read)
        for n, (right, read) in enumerate([(1.0, True), (1.0, False), (0.0, False), (0.0, False)])
    ]
    (found,) = scores_of(definition, metrics, results)
    assert (found.value, found.contaminated, found.n) == (0.5, 1, 4)
    assert math.isclose(found.unread, 1 / 3) and found.unread_low < 1 / 3 < found.unread_high
    unknown = [ItemResult("mmlu", "i", "", "", 1.0, {"accuracy": 1.0})]
    assert scores_of(definition, metrics, unknown)[0].contaminated is None
