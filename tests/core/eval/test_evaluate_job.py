"""The evaluate job: scores of a checkpoint equal what its run said."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tokenizers import normalizers

from chimera.errors import InputError
from curriculum_app.core.benchmarks import Benchmark, Item, save_benchmark
from curriculum_app.core.held_out_text import texts_of
from curriculum_app.core.packing import held_out_windows
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import byte_tokenizer, token_bytes, train_bpe
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
    of_run = pq.read_table(result.stored.path / "held_out.parquet")
    assert opened.windows().select(of_run.column_names).equals(of_run)
    assert opened.held_out.macro("bits_per_byte") == pytest.approx(result.summary.held_out_macro)
    assert opened.manifest["held_out"]["cut"] == {"windows": "stored"}


def test_evaluating_twice_gives_one_artefact(trained):
    ctx, _ = trained
    assert evaluate.run(CONFIG, ctx).stored.digest == evaluate.run(CONFIG, ctx).stored.digest


def test_longer_windows_score_the_same_bytes_once(trained):
    ctx, _ = trained
    before = Evaluation.open(evaluate.run(CONFIG, ctx).stored).held_out
    opened = Evaluation.open(
        evaluate.run(CONFIG.model_copy(update={"window_tokens": 24, "context_tokens": 8}), ctx).stored
    )
    assert opened.manifest["held_out"]["cut"] == {"windows": "rolling", "tokens": 24, "context": 8}
    for one, other in zip(before.domains, opened.held_out.domains, strict=True):
        assert (one.tokens, one.words, one.n_bytes, one.documents) == (
            other.tokens, other.words, other.n_bytes, other.documents,
        )  # fmt: skip
        assert one.bits_per_byte != other.bits_per_byte


def other_table(ctx):
    """The held-out text of the checkpoint's sequences, in the tokens of a BPE."""
    table = ctx.artefacts["sequences-1"]
    texts = {name: texts_of(part, byte_tokenizer(), 0) for name, part in table.held_out().items()}
    bpe = train_bpe([text for found in texts.values() for text in found], 300)
    made = {
        name: held_out_windows([np.array(bpe.encode(text).ids, np.uint16) for text in found], token_bytes(bpe), 0, 32)
        for name, found in texts.items()
    }
    return made, bpe


def test_a_checkpoint_of_another_tokenizer_is_scored_on_the_same_bytes(trained, tmp_path, monkeypatch):
    ctx, _ = trained
    before = Evaluation.open(evaluate.run(CONFIG, ctx).stored).held_out
    made, bpe = other_table(ctx)
    (tmp_path / "tokenizer.json").write_text(bpe.to_str())
    monkeypatch.setattr(SequenceTable, "tokenizer_path", tmp_path / "tokenizer.json")
    monkeypatch.setattr(SequenceTable, "held_out", lambda self: made)
    found = Evaluation.open(evaluate.run(CONFIG, ctx).stored).held_out
    for one, other in zip(before.domains, found.domains, strict=True):
        assert (one.n_bytes, one.words, one.tokens) == (other.n_bytes, other.words, other.tokens)
        assert other.bits_per_byte == pytest.approx(one.bits_per_byte, rel=0.05)  # windows end elsewhere


def test_a_tokenizer_that_changes_text_is_an_input_error(trained, tmp_path, monkeypatch):
    ctx, _ = trained
    bpe = train_bpe(["abc"], 257)
    bpe.normalizer = normalizers.Replace("d", "D")
    (tmp_path / "tokenizer.json").write_text(bpe.to_str())
    monkeypatch.setattr(Checkpoint, "tokenizer_path", tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match="does not give document 1 of code back"):
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
    assert opened.manifest["missing"]["mmlu"].startswith("no registered benchmark has items of the task 'mmlu'")


def test_items_beyond_the_context_are_counted_and_said(trained):
    ctx, _ = trained
    ids = iter(range(9))

    def item(question, *choices):
        record = {"question": question, "choices": list(choices), "answer": 0}
        return Item(f"c-{next(ids)}", "commonsense_qa", (question,), record)

    sees = ctx.artefacts["checkpoint-1"].load_model().config.max_position_embeddings
    items = [item("Who?", "I", "you"), item("Long? " * sees, "I", "you"), item("Which?", "I" * 3 * sees, "you")]
    ctx.artefacts["benchmark-2"] = Benchmark.open(save_benchmark(ctx.store, items, {"name": "cut", "recipe": {}}))
    config = EvaluateConfig(name="t", checkpoint="checkpoint-1", tasks=["commonsense_qa"], benchmarks=["benchmark-2"])
    opened = Evaluation.open(evaluate.run(config, ctx).stored)
    (facts,) = opened.manifest["tasks"]
    assert facts["cut"] == {"prompt": 1, "continuation": 1}
    assert [result.facts.get("cut") for result in opened.items()] == [None, "prompt", "continuation"]
    last = opened.items()[2]
    assert last.tokens[0] == sees  # the rest, on which its loss is a mean
    assert last.values["correct_answer_loss"] == pytest.approx(-last.loglikelihoods[0] / sees)


def test_a_prompt_that_leaves_no_room_to_write_is_cut(trained):
    from lm_eval.api.instance import Instance

    from eval_app.core.language_model import CheckpointLM

    ctx, _ = trained
    checkpoint = ctx.artefacts["checkpoint-1"]
    lm = CheckpointLM(checkpoint.load_model(), byte_tokenizer(), 0, 32)
    asked = [Instance("generate_until", {}, ("x" * n, {"max_gen_toks": 8}), 0) for n in (24, 25)]
    assert lm.seen_before_writing(asked) == [(0, ""), (0, "prompt")]
    assert len(lm._reply([1] * 25, {"max_gen_toks": 8}, 0).ids) == 24


def test_nothing_to_score_is_refused():
    with pytest.raises(ValidationError, match="nothing to score"):
        EvaluateConfig(name="t", checkpoint="checkpoint-1")
