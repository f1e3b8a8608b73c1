"""Bits of whole texts: equal to a direct forward pass, every token once, whatever stands beside a text."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.columns import Columns
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.jobs import measure
from curriculum_app.core.tokenizer import END_OF_TEXT_ID, byte_tokenizer
from tests.core.curriculum.test_columns import make_context, make_documents
from training_app.core.architectures.base import TextShape
from training_app.core.configs import TINY
from training_app.core.model import build_model
from training_app.core.token_loss import TextLoss, spans

TEXTS = ["", "a", "The cat sat.", "ünï <|endoftext|> 漢字", "x" * 31, "abc " * 40]


@given(st.integers(0, 200), st.integers(2, 40), st.data())
def test_windows_predict_every_token_but_the_first_once(length, window, data):
    stride = data.draw(st.integers(1, window - 1))
    found = list(spans(length, window, stride))
    assert [place for span in found for place in range(span.first, span.end)] == list(range(1, length))
    assert all(0 <= span.start < span.first and span.end - span.start <= window for span in found)
    assert all(span.first - span.start >= window - stride for span in found[1:])


@pytest.fixture(scope="module")
def reader():
    tokenizer = byte_tokenizer()
    model = build_model(TINY.build(), TextShape(vocab_size=257, max_length=32, eos_id=END_OF_TEXT_ID), seed=0)
    model.train(False)
    return TextLoss(model, tokenizer, END_OF_TEXT_ID, 32)


def directly(reader: TextLoss, text: str, first: int = 0, context: int | None = None) -> float:
    """Bits of the bytes from `first` on, by one forward pass with logits over the whole (or the last `context`)."""
    stream = [END_OF_TEXT_ID, *reader.tokenizer.encode(text).ids]
    shown = torch.tensor([stream if context is None else stream[-context:]])
    logits = reader.model(shown[:, :-1]).logits[0].detach().double()
    picked = torch.log_softmax(logits, -1).gather(1, shown[0, 1:, None])[:, 0]
    return -float(picked[first:].sum()) / math.log(2)


@pytest.mark.torch
@pytest.mark.parametrize("text", TEXTS[1:5])
def test_a_text_of_one_window_has_the_bits_of_a_direct_forward_pass(reader, text):
    ((bits, tokens),) = reader.bits([text])
    assert tokens == len(text.encode()), "one token a byte, each predicted, the end of text inside it too"
    assert bits == pytest.approx(directly(reader, text), rel=1e-6)


@pytest.mark.torch
def test_a_longer_text_is_read_in_windows_that_overlap_by_half(reader):
    text = "The cat sat on the mat and slept."[:40]
    ((bits, tokens),) = reader.bits([text])
    stream = len(text.encode()) + 1
    first = directly(reader, text[:31])
    rest = directly(reader, text, first=31 - (stream - 32), context=32)
    assert tokens == stream - 1 == 33
    assert bits == pytest.approx(first + rest, rel=1e-6)


@pytest.mark.torch
def test_what_stands_beside_a_text_does_not_change_its_bits(reader):
    together = reader.bits(TEXTS)
    alone = [reader.bits([text])[0] for text in TEXTS]
    assert together[0] == (0.0, 0)
    assert [item[1] for item in together] == [item[1] for item in alone]
    np.testing.assert_allclose([item[0] for item in together], [item[0] for item in alone], rtol=1e-6)
    assert reader.bits(TEXTS) == together


@pytest.mark.torch
def test_without_a_start_token_the_first_token_is_not_predicted(reader):
    bare = TextLoss(reader.model, reader.tokenizer, None, 32)
    assert [tokens for _, tokens in bare.bits(["", "a", "abc"])] == [0, 0, 2]


@pytest.mark.torch
def test_a_reference_model_gives_a_column(reader, tmp_path):
    class Model:
        digest = "1" * 64
        bits = staticmethod(reader.bits)

    ctx = make_context(tmp_path, make_documents(9), row_group_rows=4)
    ctx.artefacts["checkpoint-3"] = Model()
    measures = [
        {"key": "reference_perplexity", "config": {"checkpoint": "checkpoint-3"}},
        {"key": "reference_perplexity", "config": {"checkpoint": "checkpoint-3", "of": "perplexity"}},
    ]
    config = MeasureConfig(dataset="dataset-1", measures=measures)
    columns = Columns.open(measure.run(config, ctx).stored)
    bits = columns.column(columns.names[0])
    assert columns.names[0] == "reference_perplexity(checkpoint=checkpoint-3)"
    assert columns.facts[0].names == {"checkpoint": "1" * 64}
    for number, document in enumerate(make_documents(9)):
        ((expected, tokens),) = reader.bits([document.text])
        assert bits[number] == pytest.approx(expected / document.num_bytes)
        assert columns.column(columns.names[1])[number] == pytest.approx(2 ** (expected / tokens))
    assert measure.run(config, ctx).reused == 2
