"""The evaluate job: scores of a checkpoint equal what its run said."""

import pyarrow.parquet as pq
import pytest

from chimera.errors import InputError
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
    assert evaluated.scores == expected | {"held_out/macro": result.summary.held_out_macro}
    opened = Evaluation.open(ctx.store.load("evaluation", evaluated.stored.digest))
    assert opened.scores == evaluated.scores
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
