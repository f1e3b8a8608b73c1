"""Words and sentences put together from remembered runs are those that spaCy finds in the whole text."""

from __future__ import annotations

import gzip
import json
import random
from itertools import islice

import pytest
from datatrove.utils.text import split_into_sentences, split_into_words

from curriculum_app.core import spacy_words
from curriculum_app.core.spacy_words import EnglishWords
from curriculum_app.starter import recipes

SIGNS = [*".,;:-_()[]{}'\"!?/\\<>=*^|#@&%$+~`", "…", "—", "’", "’s", "。", "۔", "...", "--"]
PARTS = ["a", "it", "the", "Mr", "10", "3.5", "km", "U.S.", "e.g", "Word", "https://x.y/z?a=b", "foo@bar.com", "№", "é"]
SPACES = [" ", " ", " ", "", "", "", "  ", "\n", "\t", "\u00a0", " \n", "\n\n", "\u2028"]


@pytest.fixture(scope="module")
def english() -> EnglishWords:
    return EnglishWords()


def made_up(english: EnglishWords, seed: int) -> str:
    """Special cases, signs and words, with and without space between them: what real text never does all at once."""
    rng = random.Random(seed)
    fragments = [*english.special_cases, *SIGNS * 5, *PARTS * 10]
    parts = (rng.choice(fragments) + rng.choice(SPACES) for _ in range(rng.randint(1, 25)))
    return rng.choice(["", "", " ", "\n "]) + "".join(parts)


def check(english: EnglishWords, text: str) -> None:
    assert english.words(text) == split_into_words(text), text
    assert english.count_sentences(text) == len(split_into_sentences(text)), text


def test_texts_of_special_cases_signs_and_spaces(english: EnglishWords) -> None:
    for seed in range(1000):
        check(english, made_up(english, seed))


@pytest.mark.parametrize("domain", ["literature", "prose", "reference"])
def test_real_text(english: EnglishWords, domain: str) -> None:
    with gzip.open(recipes.CORPUS / f"{domain}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, islice(lines, 5)):
            text = (record.get("text") or record["html"])[:4000]
            check(english, text)
            for line in text.splitlines()[:10]:
                check(english, line)


@pytest.mark.parametrize(
    "text", ["", " ", "  ", "\n", "No end", "One. Two! ", "One.  (Two)  .  Three", "a.m. :) it's,"]
)
def test_edges(english: EnglishWords, text: str) -> None:
    check(english, text)


def test_a_special_case_that_reaches_over_a_space_is_left_to_spacy(english: EnglishWords) -> None:
    found = [seed for seed in range(300) if english.cut(made_up(english, seed).split()) is None]
    assert 0 < len(found) < 30


def test_forgetting_changes_nothing(english: EnglishWords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacy_words, "_REMEMBERED", 5)
    monkeypatch.setattr(spacy_words, "_LONGEST", 3)
    forgetful = EnglishWords()
    for seed in range(50):
        text = made_up(english, seed)
        assert forgetful.words(text) == english.words(text)
