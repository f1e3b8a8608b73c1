"""Held-out text in another tokenizer's tokens: the same bytes, each token predicted once."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from chimera.errors import InputError
from curriculum_app.core.held_out_text import (
    Recut,
    document_of_window,
    recut,
    rolling_windows,
    texts_of,
    words_by_window,
)
from curriculum_app.core.packing import HeldOut, held_out_windows
from curriculum_app.core.tokenizer import byte_tokenizer, token_bytes, train_bpe
from eval_app.core.held_out_scores import TextSums

TEXTS = ["The quick  brown fox.\n\tIt jumps: 12,345 times – “naïve” 😀!", "a", "def f(x):\n    return x ** 2\n" * 9]
BYTES, BPE = byte_tokenizer(), train_bpe(TEXTS * 3, 300)


def held_out(texts, tokenizer=BYTES, length=16) -> HeldOut:
    encoded = [np.array(tokenizer.encode(text).ids, dtype=np.uint16) for text in texts]
    return held_out_windows(encoded, token_bytes(tokenizer), 0, length)


def test_rolling_windows_of_the_worked_example():
    assert list(rolling_windows(range(10), -1, 4, 1)) == [
        ([-1, 0, 1, 2], [0, 1, 2, 3]), ([3, 4, 5, 6], [4, 5, 6, 7]), ([5, 6, 7, 8], [8, 9]),
    ]  # fmt: skip


@given(st.integers(0, 60), st.integers(1, 12), st.data())
def test_rolling_windows_predict_each_token_once_with_the_asked_context_and_as_lm_eval_does(count, max_len, data):
    from lm_eval.utils import get_rolling_token_windows

    context = data.draw(st.integers(1, max_len))
    tokens = list(range(count))
    windows = list(rolling_windows(tokens, -1, max_len, context))
    assert [token for _, predicted in windows for token in predicted] == tokens
    for number, (inputs, predicted) in enumerate(windows):
        assert 0 < len(inputs) <= max_len and inputs[len(inputs) - len(predicted) + 1 :] == predicted[:-1]
        assert number == 0 or len(inputs) - len(predicted) + 1 >= context
    assert windows == list(get_rolling_token_windows(tokens, -1, max_len, context))


def test_a_context_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="context"):
        list(rolling_windows([1], 0, 4, 5))


def test_windows_know_their_documents_texts_and_words():
    part = held_out(TEXTS)
    assert texts_of(part, BYTES, 0) == TEXTS
    owner = document_of_window(part, 0)
    assert owner[0] == 0 and owner[-1] == 2 and np.array_equal(owner, np.sort(owner))
    words = words_by_window(part, BYTES, 0)
    assert [int(words[owner == number].sum()) for number in range(3)] == [len(text.split()) for text in TEXTS]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=4), st.integers(2, 20), st.integers(1, 2))
def test_another_tokenizer_changes_the_token_perplexity_but_neither_bytes_nor_bits_per_byte(texts, max_len, context):
    part = held_out(texts)
    other = recut({"d": part}, BYTES, 0, Recut(BPE, 0, max_len, context))["d"]
    assert texts_of(other, BPE, 0) == texts
    assert other.total_bytes == part.total_bytes == sum(len(text.encode()) for text in texts)
    assert other.predicted_tokens == sum(len(BPE.encode(text).ids) for text in texts)
    assert words_by_window(other, BPE, 0).sum() == words_by_window(part, BYTES, 0).sum()
    per_byte = 1.7  # the same NLL per byte under both
    ours, theirs = (
        TextSums(
            nll=math.fsum(per_byte * found.n_bytes), tokens=found.predicted_tokens, words=1, n_bytes=found.total_bytes
        )
        for found in (part, other)
    )
    assert abs(ours.bits_per_byte - theirs.bits_per_byte) <= 1e-9
    if other.predicted_tokens != part.predicted_tokens:
        assert ours.token_perplexity != theirs.token_perplexity


def test_a_token_is_scored_with_what_stands_before_it():
    part = held_out(["abcdefgh"])
    other = recut({"d": part}, BYTES, 0, Recut(BYTES, 0, 4, 1))["d"]
    ids = BYTES.encode("abcdefgh").ids
    assert [other.tokens_of(n).tolist() for n in range(2)] == [[0, *ids[:4]], ids[3:8]]
    assert other.n_bytes.tolist() == [4, 4]


def _lower_case() -> Tokenizer:
    tokenizer = Tokenizer.from_str(BYTES.to_str())
    tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def _known_words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "The": 1, "quick": 2}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


@pytest.mark.parametrize(("tokenizer", "place"), [(_lower_case(), "character 1 "), (_known_words(), "character 4 ")])
def test_a_tokenizer_that_does_not_give_the_text_back_is_refused_at_the_first_place(tokenizer, place):
    with pytest.raises(InputError, match=f"document 1 of prose .* from {place}") as caught:
        recut({"prose": held_out(TEXTS[:1])}, BYTES, 0, Recut(tokenizer, 0, 16))
    assert caught.value.problems[0].field == "sequences"


def test_a_text_cut_inside_a_character_is_refused():
    encoded = np.array(BYTES.encode("ab€").ids[:-1], dtype=np.uint16)
    part = held_out_windows([encoded], token_bytes(BYTES), 0, 16)
    with pytest.raises(InputError, match="inside a character"):
        recut({"prose": part}, BYTES, 0, Recut(BPE, 0, 16))


def test_conversations_of_another_tokenizer_are_refused():
    part = held_out(TEXTS[:1])
    chat = HeldOut(part.tokens, part.offsets, part.n_bytes, np.ones(len(part.tokens), dtype=np.uint8))
    with pytest.raises(InputError, match="conversations"):
        recut({"prose": chat}, BYTES, 0, Recut(BPE, 0, 16))
