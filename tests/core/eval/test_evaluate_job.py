"""The evaluate job: scores of a checkpoint equal what its run said."""

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.benchmarks import Benchmark, Item, save_benchmark
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.configs_evaluate import EvaluateConfig
from eval_app.core.evaluation import Evaluation
from eval_app.core.jobs import evaluate
from tests.core.training.run_factory import make_config, make_context
from training_app.core.checkpoint import Checkpoint
from training_app.core.jobs import train

pytestmark = pytest.mark.torch
CONFIG = EvaluateConfig(name="again", checkpoint="checkpoint-1", sequences="sequences-1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    ctx, _, _ = make_context(tmp_path_factory.mktemp("evaluate"))
    result = train.run(make_config(), ctx)
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(result.stored)
    return ctx, result


def test_a_checkpoint_scores_what_its_run_said(trained):
    ctx, result = trained
    evaluated = evaluate.run(CONFIG, ctx)
    expected = {f"held_out/{domain}": score for domain, score in result.summary.held_out.items()}
    opened = Evaluation.open(ctx.store.load("evaluation", evaluated.stored.digest))
    assert opened.scores == expected | {"held_out/macro": result.summary.held_out_macro}
    assert opened.windows().equals(pq.read_table(result.stored.path / "held_out.parquet"))


def test_evaluating_twice_gives_one_artefact(trained):
    ctx, _ = trained
    assert evaluate.run(CONFIG, ctx).stored.digest == evaluate.run(CONFIG, ctx).stored.digest


def test_another_tokenizer_is_an_input_error(trained, tmp_path, monkeypatch):
    ctx, _ = trained
    other = tmp_path / "tokenizer.json"
    other.write_text("{}")
    monkeypatch.setattr(SequenceTable, "tokenizer_path", other)
    with pytest.raises(InputError, match="another tokenizer"):
        evaluate.run(CONFIG, ctx)


def test_tasks_are_asked_scored_and_kept_item_by_item(trained):
    ctx, _ = trained
    items = [
        Item(
            f"q-{n}",
            "commonsense_qa",
            (f"Where is {n}?",),
            {"question": f"Where is {n}?", "choices": list("abcde"), "answer": n % 5},
        )
        for n in range(30)
    ]
    ctx.artefacts["benchmark-1"] = Benchmark.open(save_benchmark(ctx.store, items, {"name": "qa", "recipe": {}}))
    config = EvaluateConfig(
        name="t", checkpoint="checkpoint-1", tasks=["commonsense_qa", "mmlu"], benchmarks=["benchmark-1"], limit=20
    )
    opened = Evaluation.open(evaluate.run(config, ctx).stored)
    results = opened.items("commonsense_qa")
    assert len(results) == 20 and all(len(each.loglikelihoods) == 5 for each in results)
    (accuracy,) = [score for score in opened.task_scores if score.metric == "accuracy"]
    assert accuracy.value == sum(each.main for each in results) / 20 and accuracy.main
    assert accuracy.at_chance == (accuracy.low <= 0.2 <= accuracy.high)
    assert opened.manifest["missing"] == {"mmlu": "no registered benchmark has items of the task 'mmlu'"}


def test_nothing_to_score_is_refused():
    with pytest.raises(ValidationError, match="nothing to score"):
        EvaluateConfig(name="t", checkpoint="checkpoint-1")
