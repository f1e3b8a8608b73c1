"""Encoders: unit rows, equal for equal input, the same after being kept, and no pickle anywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chimera import capabilities
from chimera.errors import InputError, Problem
from curriculum_app.core.encoders import base
from curriculum_app.core.encoders.base import ENCODERS, EncoderChoice, best_available, load_encoder, save_encoder

SEA = ["the ship sailed over the wide sea", "a storm at sea took the ship", "sailors of the ship feared the storm"]
CODE = ["def main return the value of x", "import numpy and return the value", "the function def returns x and value"]


class Pretend:
    """A model whose vectors are known: one axis per first letter."""

    name = "pretend, 0123"

    def embed(self, texts):
        rows = np.zeros((len(texts), 26), dtype=np.float32)
        rows[range(len(texts)), [ord(text[0].lower()) - 97 for text in texts]] = 1
        return rows


def pretend():
    return Pretend()


@pytest.fixture
def provided(monkeypatch):
    monkeypatch.setitem(capabilities._PROVIDERS, "embed", f"{__name__}:pretend")


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setitem(capabilities._PROVIDERS, "embed", f"{__name__}:not_installed")


def not_installed():
    raise InputError(Problem("the sentence encoder is not installed on this machine", hint="run `make models`"))


def fitted(**config):
    encoder = ENCODERS.build("tfidf_svd", config)
    encoder.fit(iter(SEA + CODE))
    return encoder


def test_tfidf_puts_texts_of_one_topic_nearer_to_each_other():
    rows = fitted(dimensions=2).embed(SEA + CODE)
    cosine = rows @ rows.T
    assert cosine[:3, :3].min() > cosine[:3, 3:].max() + 0.3


def test_tfidf_rows_have_length_one_even_of_a_text_without_a_known_word():
    rows = fitted().embed([SEA[0], "", "??? 漢字", "xylophone"])
    assert rows.dtype == np.float32 and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert rows[1, -1] == rows[2, -1] == rows[3, -1] == 1
    assert rows[0] @ rows[1] == 0


def test_tfidf_is_the_same_for_the_same_sample_and_seed():
    first, again = fitted(seed=3), fitted(seed=3)
    assert np.array_equal(first.embed(SEA), again.embed(SEA)) and first.name == again.name
    assert np.array_equal(first.embed(SEA)[:1], first.embed(SEA[:1]))


def test_tfidf_weights_follow_the_textbook():
    """Two documents; "sea" in both, "ship" in one: idf = ln((1 + 2) / (1 + df)) + 1 (scikit-learn's smooth idf)."""
    encoder = ENCODERS.build("tfidf_svd", {"dimensions": 2})
    encoder.fit(["sea", "sea ship"])
    idf = dict(zip(encoder._terms, encoder._idf, strict=True))
    assert idf["sea"] == pytest.approx(1.0) and idf["ship"] == pytest.approx(np.log(3 / 2) + 1)
    assert idf.keys() == {"sea", "ship", "sea ship"}


def test_a_sample_without_words_is_refused():
    with pytest.raises(InputError, match="no words to learn from"):
        ENCODERS.build("tfidf_svd").fit(["", "! ?"])


def test_a_kept_encoder_gives_the_same_vectors_and_holds_no_pickle(tmp_path):
    encoder = fitted(dimensions=3)
    save_encoder(EncoderChoice(key="tfidf_svd", config={"dimensions": 3}), encoder, tmp_path)
    again = load_encoder(tmp_path)
    assert np.array_equal(again.embed([*SEA, "?"]), encoder.embed([*SEA, "?"])) and again.name == encoder.name
    assert json.loads((tmp_path / "encoder.json").read_text())["name"] == encoder.name
    with np.load(tmp_path / "learned.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
    assert {path.name for path in tmp_path.iterdir()} == {"encoder.json", "learned.npz", "terms.json"}


def test_minilm_asks_the_capability_and_keeps_its_name(provided, tmp_path):
    encoder = ENCODERS.build("minilm")
    encoder.fit(SEA)
    assert encoder.missing() == "" and encoder.name == "pretend, 0123"
    assert np.array_equal(encoder.embed(["abc"]), Pretend().embed(["abc"]))
    save_encoder(EncoderChoice(key="minilm"), encoder, tmp_path)
    assert load_encoder(tmp_path).name == "pretend, 0123"
    assert best_available().key == "minilm"


def test_another_model_than_the_one_it_was_kept_with_is_refused(provided, tmp_path):
    save_encoder(EncoderChoice(key="minilm"), ENCODERS.build("minilm"), tmp_path)
    (tmp_path / "model.json").write_text('{"name": "another"}')
    with pytest.raises(InputError, match="made with another, but this machine has pretend"):
        load_encoder(tmp_path)


def test_without_the_model_the_default_needs_none_and_the_error_says_what_to_do(absent):
    assert best_available().key == "tfidf_svd"
    encoder = ENCODERS.build("minilm")
    assert encoder.missing() == "the sentence encoder is not installed on this machine"
    with pytest.raises(InputError, match="make models"):
        encoder.embed(["text"])


def test_rows_of_zeros_stay():
    assert base.unit_rows(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == pytest.approx(np.array([[0, 0], [0.6, 0.8]]))
