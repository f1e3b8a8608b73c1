"""Bits per byte, exact to the byte."""

import numpy as np
import pytest
import torch

from chimera.errors import InputError
from curriculum_app.core.packing import HeldOut
from tests.core.training.run_factory import make_config, make_context
from training_app.core.engine import prepare
from training_app.core.held_out import DomainScores, HeldOutScores, HeldOutText, bits_per_byte


def test_bits_per_byte_of_the_worked_examples():
    assert bits_per_byte(4.0, 12) == pytest.approx(0.480898, abs=1e-6)
    assert bits_per_byte(1200 + 900, 1800 + 1500) == pytest.approx(0.9180787)


def test_macro_is_the_unweighted_mean_of_the_domains():
    def one(nll: float, tokens: int, n_bytes: int) -> DomainScores:
        return DomainScores(np.array([nll]), np.array([tokens]), np.array([n_bytes]))

    scores = HeldOutScores({"a": one(1200, 400, 1800), "b": one(900, 450, 1500)})
    assert scores.macro == pytest.approx((bits_per_byte(1200, 1800) + bits_per_byte(900, 1500)) / 2)
    assert list(scores.metrics()) == ["held_out/a", "held_out/b", "held_out/macro"]
    assert scores.table().to_pylist()[1] == {"domain": "b", "window": 0, "nll": 900.0, "tokens": 450, "bytes": 1500}


@pytest.mark.torch
def test_each_window_scores_as_if_it_were_alone(tmp_path):
    _, table, schedule = make_context(tmp_path)
    run = prepare(make_config(), schedule, table)
    scores = run.held_out.score(run.model)
    for domain, part in table.held_out().items():
        for window in range(part.num_sequences):
            tokens = torch.from_numpy(part.tokens_of(window).astype(np.int64))[None]
            logits = run.model(tokens[:, :-1]).logits[0].detach()
            alone = torch.nn.functional.cross_entropy(logits, tokens[0, 1:], reduction="sum")
            assert scores.domains[domain].nll[window] == pytest.approx(float(alone), rel=1e-5)
        assert scores.domains[domain].tokens.sum() == part.predicted_tokens
        assert scores.domains[domain].n_bytes.sum() == part.total_bytes


@pytest.mark.torch
def test_scoring_twice_gives_the_same_bits_and_keeps_the_training_mode(tmp_path):
    _, table, schedule = make_context(tmp_path)
    run = prepare(make_config(), schedule, table)
    run.model.train()
    assert run.held_out.score(run.model).metrics() == run.held_out.score(run.model).metrics()
    assert run.model.training


def test_no_held_out_text_is_an_input_error_that_says_what_to_do():
    nothing = HeldOut(np.zeros(0, np.uint16), np.zeros(1, np.int64), np.zeros(0, np.int64))
    with pytest.raises(InputError, match="more held-out tokens"):
        HeldOutText({"prose": nothing}, 0, torch.device("cpu"))
