"""Shared rows, batches and batched generation give what every request alone gives."""

import random

import pytest
import torch

from eval_app.core.batched_generation import Reply, write_replies
from eval_app.core.continuations import Continuations, attends_only, cut_of, plain_rows, shared_rows
from training_app.core.architectures.base import ARCHITECTURES, TextShape
from training_app.core.configs_models import Sampling
from training_app.core.generation import generate
from training_app.core.model import build_model

pytestmark = pytest.mark.torch
SMALL = {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "intermediate_size": 64}


@pytest.fixture(scope="module", params=["llama", "qwen3", "lfm2"])
def model(request):
    architecture = ARCHITECTURES.build(request.param, SMALL)
    found = build_model(architecture, TextShape(97, 48, 0), seed=1).eval()
    with torch.no_grad():
        for parameter in found.parameters():  # a fresh model says nearly the same after any context
            parameter.mul_(4.0 if parameter.ndim > 1 else 1.0)
    return found


def requests_of(seed: int) -> list[tuple[list[int], list[int]]]:
    """Groups of one to five options after contexts of 1 to 60 tokens; some are longer than the model sees."""
    draw = random.Random(seed)
    found = []
    for _ in range(12):
        context = [draw.randrange(97) for _ in range(draw.choice([1, 4, 9, 20, 44, 60]))]
        found += [(context, [draw.randrange(97) for _ in range(draw.randint(1, 6))]) for _ in range(draw.randint(1, 5))]
    return found


def alone(model, context, ending):
    """Plain: one row, every logit, log-softmax in float64."""
    row = (context + ending)[-49:]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row[:-1]])).logits[0].double().log_softmax(-1)
    picked = logits[-len(ending) :].gather(1, torch.tensor(ending)[:, None])
    return float(picked.sum()), logits[-len(ending) :].argmax(-1).tolist() == ending


def test_every_request_gets_what_it_gets_alone(model):
    requests, told = requests_of(0), []
    found = Continuations(model, 0, 48).score(requests, told.append)
    for (value, greedy), (context, ending) in zip(found, requests, strict=True):
        expected, said = alone(model, context, ending)
        assert abs(value - expected) < 1e-4 and greedy == said
    assert sum(told) == len(requests)


def test_options_share_a_row_only_where_layers_attend(model):
    assert attends_only(model) == Continuations(model, 0, 48).shares == (model.config.model_type != "lfm2")


def test_sharing_saves_the_context():
    requests = [([1] * 20, [2, 3]), ([1] * 20, [4]), ([1] * 20, [5, 6, 7]), ([8], [9, 10])]
    assert [row.length for row in shared_rows(requests, 48)] == [20 + 1 + 0 + 2, 2]
    assert [row.length for row in plain_rows(requests, 48)] == [21, 20, 22, 2]
    assert [row.length for row in shared_rows(requests[:3], 21)] == [21, 20, 21]  # too long to share


@pytest.mark.parametrize(("context", "ending"), [(1, 48), (1, 49), (2, 48), (43, 6), (44, 6), (60, 6), (5, 70)])
def test_what_is_cut_is_what_a_row_lacks(context, ending):
    request = ([1] * context, [2] * ending)
    (row,) = plain_rows([request], 48)
    lacks = {"continuation": len(row.endings[0]) < ending, "prompt": len(row.context) < context}
    assert cut_of(request, 48) == next((what for what, is_so in lacks.items() if is_so), "")


def test_replies_in_batches_are_those_of_each_prompt_alone(model):
    draw = random.Random(3)
    prompts = [[draw.randrange(1, 97) for _ in range(n)] for n in (3, 11, 3, 7, 20)]
    warm = [Sampling(temperature=0.0 if n % 2 else 0.9, seed=n) for n in range(5)]
    replies = [
        Reply(ids, sampling, 12, lambda text: "7 7" in text) for ids, sampling in zip(prompts, warm, strict=True)
    ]
    told = []
    write_replies(model, replies, lambda tokens: " ".join(map(str, tokens)), told.append)
    for reply in replies:
        expected = []
        for token in generate(model, reply.ids, reply.sampling, 12):
            expected.append(token)
            if "7 7" in " ".join(map(str, expected)):
                break
        assert reply.tokens == expected
    assert sum(told) == 5
