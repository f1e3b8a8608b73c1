"""Sentence vectors by a transformer directory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chimera.errors import InputError
from training_app.core.embedder import MODEL_FACTS, TransformerEmbedder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghij"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A tiny BERT with random weights, as `make models` would lay it down."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel

    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=300,
    )  # fmt: skip
    BertModel(config).save_pretrained(path)
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(path / "tokenizer.json"))
    (path / MODEL_FACTS).write_text(json.dumps({"name": "tiny", "sha256": "ab" * 32}))
    return path


@pytest.mark.torch
def test_a_vector_is_the_mean_over_the_tokens_at_length_one(directory):
    import torch
    from transformers import BertModel

    embedder = TransformerEmbedder.open(directory)
    assert embedder.name == "tiny, abababababab"
    rows = embedder.embed(["a b c", "d", "e f g h i j a b"])
    assert rows.shape == (3, 8) and rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    with torch.inference_mode():
        hidden = BertModel.from_pretrained(directory).train(False)(input_ids=torch.tensor([[4, 5, 6]]))
    mean = hidden.last_hidden_state[0].mean(0).numpy()
    assert np.allclose(rows[0], mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.torch
def test_texts_of_any_length_and_order_give_the_same_rows_twice(directory):
    embedder = TransformerEmbedder.open(directory)
    texts = ["a " * number + "b" for number in range(70)]
    assert np.array_equal(embedder.embed(texts), embedder.embed(texts))
    assert np.allclose(embedder.embed(texts[::-1])[::-1], embedder.embed(texts), atol=1e-5)
    long = embedder.embed(["a " * 256, "a " * 256 + "b b b"])
    assert np.allclose(long[0], long[1], atol=1e-6), "text after 256 tokens is not read"


def test_an_absent_model_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="not installed on this machine - run `make models`"):
        TransformerEmbedder.open(tmp_path)
