"""Byte-level tokenizers lose nothing and count every byte."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.tokenizer import END_OF_TEXT, END_OF_TEXT_ID, byte_tokenizer, token_bytes, train_bpe

TEXTS = ["the cat sat on the mat, the dog sat on the log. " * 20, "def f(x):\n\treturn x + 1\n" * 20, "déjà vu ☃ " * 20]
TOKENIZER = train_bpe(TEXTS, 280)
TOKENIZER.encode_special_tokens = True
BYTES = token_bytes(TOKENIZER)


@given(st.text() | st.just(f"a {END_OF_TEXT} b"))
def test_any_text_decodes_to_itself_and_its_tokens_count_its_bytes(text):
    ids = TOKENIZER.encode(text).ids
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == text
    assert BYTES[ids].sum() == len(text.encode())
    assert END_OF_TEXT_ID not in ids


def test_end_of_text_is_the_first_token_and_has_no_bytes():
    for tokenizer in (TOKENIZER, byte_tokenizer()):
        assert tokenizer.token_to_id(END_OF_TEXT) == END_OF_TEXT_ID
        assert token_bytes(tokenizer)[END_OF_TEXT_ID] == 0


def test_training_gives_the_wanted_vocabulary_and_the_same_one_again():
    assert TOKENIZER.get_vocab_size() == 280
    assert train_bpe(iter(TEXTS), 280).get_vocab() == TOKENIZER.get_vocab()


def test_a_tokenizer_without_merges_has_a_token_per_byte():
    assert byte_tokenizer().get_vocab_size() == 257
    assert len(byte_tokenizer().encode("naïve").ids) == 6
    assert np.array_equal(np.unique(token_bytes(byte_tokenizer())), [0, 1])
