"""Measures of documents: numbers worked by hand, what has no value, what a column is called."""

import numpy as np
import pytest
from pydantic import ValidationError

from curriculum_app.core.configs_measure import MeasureConfig, default_measures
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, MeasureChoice
from curriculum_app.core.measures.mtld import count_factors, mtld
from curriculum_app.core.measures.readability import FORMULAS, Prose, survey, syllables
from curriculum_app.core.measures.type_token_ratio import moving_type_token_ratio

SENTENCE = "the cat sat on the mat and the dog sat on the log"  # 13 words, 8 different, 49 bytes


def value(key: str, text: str, **config) -> float:
    return float(MEASURES.build(key, config).values([Document("x", text, "prose")])[0])


@pytest.mark.parametrize(("of", "expected"), [("characters", 9), ("words", 2), ("bytes", 11)])
def test_length_counts_what_it_says(of, expected):
    assert value("length", "Ünï, two!", of=of) == expected


@pytest.mark.parametrize(("codec", "level"), [("zlib", 1), ("zlib", 9), ("zstd", 3), ("zstd", 22)])
def test_repetition_compresses_and_noise_does_not(codec, level):
    assert value("compression", "ab" * 5000, codec=codec, level=level) > 100
    noise = "".join(map(chr, np.random.default_rng(0).integers(33, 127, 5000)))
    assert 1 < value("compression", noise, codec=codec, level=level) < 1.3


def test_compression_is_the_ratio_by_which_documents_are_grouped():
    assert value("compression", SENTENCE) == pytest.approx(49 / 39, rel=0.06)  # zlib-ng may differ by 2 bytes


def test_a_level_that_a_compressor_does_not_have_is_refused():
    with pytest.raises(ValidationError, match="zlib has levels up to 9"):
        MEASURES.get("compression").config(level=10)


def test_the_plain_type_token_ratio():
    assert value("type_token_ratio", SENTENCE, window=None) == pytest.approx(0.6153846, abs=1e-7)


def test_the_moving_ratio_is_the_mean_over_all_windows():
    # a b a | b a c | a c c → 2/3, 3/3, 2/3 of windows "aba" "bac" "acc"
    assert moving_type_token_ratio(list("abacc"), 3) == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    words = np.random.default_rng(1).integers(0, 9, 60).astype(str).tolist()
    for window in (1, 7, 59, 60):
        slow = [len(set(words[at : at + window])) / window for at in range(len(words) - window + 1)]
        assert moving_type_token_ratio(words, window) == pytest.approx(np.mean(slow))


def test_mtld_of_the_worked_example_is_13_in_both_directions():
    words = SENTENCE.split()
    assert 13 / count_factors(words, 0.72) == pytest.approx(13) and 13 / count_factors(words[::-1], 0.72) == 13
    assert mtld(words) == pytest.approx(13)


def test_mtld_is_the_mean_of_two_directions():
    # forwards a|a closes a factor (1/2), b c leave none: 4/1; backwards c b a a: 3/4, a part (1/4)/.28 of a factor
    assert mtld(list("aabc")) == pytest.approx((4 + 4 / (0.25 / 0.28)) / 2)


def test_without_a_repetition_mtld_is_the_number_of_words():
    assert mtld(list("abcde")) == 5


@pytest.mark.parametrize("key", ["type_token_ratio", "mtld", "readability"])
def test_a_short_text_has_no_value(key):
    assert np.isnan(value(key, SENTENCE)) and np.isnan(value(key, ""))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("flesch_ease", 59.635), ("flesch_kincaid", 9.91), ("coleman_liau", 9.18), ("automated", 9.765)],
)
def test_the_formulas_of_readability(formula, expected):
    assert FORMULAS[formula](Prose(words=100, sentences=5, syllables=150, letters=450)) == pytest.approx(expected)


def test_a_text_is_surveyed_in_sentences_words_syllables_and_letters():
    assert survey("The table was made. It is new!\n\nA heading") == Prose(9, 3, 11, 30)


@pytest.mark.parametrize(
    ("word", "count"),
    [("the", 1), ("make", 1), ("table", 2), ("tables", 2), ("whole", 1), ("walked", 1), ("wanted", 2), ("boxes", 2),
     ("makes", 1), ("readability", 5), ("banana", 3), ("sky", 1), ("42", 1)],
)  # fmt: skip
def test_syllables_are_groups_of_vowels_without_silent_endings(word, count):
    assert syllables(word) == count


def test_readability_is_for_english_prose_only():
    english = "The teacher asked the children to read the first page of the book before the lesson. " * 5
    german = "Die Lehrerin bat die Kinder, vor der Stunde die erste Seite des Buches zu lesen. " * 5
    documents = [Document("e", english, "x"), Document("g", german, "x"), Document("c", english, "x", content="code")]
    assert np.isfinite(MEASURES.build("readability").values(documents)).tolist() == [True, False, False]


def test_word_surprisal_is_under_the_distribution_of_all_documents():
    """Words a a b | b with add-one smoothing over the two seen: p = 3/6 each, one bit a word."""
    documents = [Document("1", "a A b", "x"), Document("2", "b", "x"), Document("3", "...", "x")]
    measure = MEASURES.build("word_surprisal")
    measure.learn(measure.count(documents[:1]) + measure.count(documents[1:]))
    assert measure.values(documents).tolist()[:2] == [1.0, 1.0] and np.isnan(measure.values(documents)[2])


@pytest.mark.parametrize(
    ("of", "share"), [("letters", 4 / 8), ("digits", 2 / 8), ("capitals", 1 / 8), ("other", 2 / 8)]
)
def test_shares_of_characters_leave_white_space_out(of, share):
    assert value("character_share", "Ab cd\n 12 !?", of=of) == share


def test_stop_words_are_found_in_any_case():
    assert value("stop_word_share", "The end of it.") == 0.5
    assert value("stop_word_share", "x y", words=["X"]) == 0.5


def test_a_column_is_named_by_its_measure_and_what_differs_from_the_defaults():
    assert MeasureChoice(key="length").column == "length"
    assert MeasureChoice(key="compression", config={"level": 3, "codec": "zstd"}).column == (
        "compression(codec=zstd, level=3)"
    )
    assert MeasureChoice(key="length", config={"of": "words"}).column_title == "Length, words"


def test_the_default_measures_need_no_model_and_differ():
    assert len({choice.column for choice in default_measures()}) == 9
    assert MeasureConfig(dataset="dataset-1").measures == default_measures()


def test_a_measure_twice_and_a_model_without_a_checkpoint_are_refused():
    twice = [{"key": "length"}, {"key": "mtld"}, {"key": "length"}]
    with pytest.raises(ValidationError, match=r"measures\.2: is there twice"):
        MeasureConfig(dataset="dataset-1", measures=twice)
    with pytest.raises(ValidationError, match=r"measures\.0\.config\.checkpoint: names no checkpoint"):
        MeasureConfig(dataset="dataset-1", measures=[{"key": "reference_perplexity"}])
