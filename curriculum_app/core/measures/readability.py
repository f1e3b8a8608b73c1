"""How easy English prose is to read, by formulas over sentences, words and syllables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.language_detection import LanguageDetector
from curriculum_app.core.measures.base import MEASURES, Direction, Measure, each, words_of
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.words import count_sentences

Formula = Literal["flesch_kincaid", "flesch_ease", "coleman_liau", "automated"]
_PARAGRAPH = re.compile(r"\n\s*\n")
_LOOKED_AT = 2000  # characters: enough to tell English from other languages
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_END = re.compile(r"(?:[^laeiouy]|[aeiouy]l)e$|[^aeioutdy]ed$|(?:[^laeiouyscxzgh]|[aeiouy]l)es$")


@MEASURES.register("readability")
class Readability(Measure):
    """Reading grade by the formula of Kincaid et al. (1975), or another; English prose only.

    Flesch (1948) reading ease, Coleman & Liau (1975) and the automated readability index (Smith & Senter 1967) are
    the others. Source code, HTML, other languages and texts below `min_words` have no value. Syllables are counted by
    rule (groups of vowels, silent endings), without a dictionary: some words are off by one.
    """

    title = "Readability"

    class Config(chimera.typed.Config):
        formula: Formula = Field(
            "flesch_kincaid",
            title="Formula",
            description="All give US school grades, but for flesch_ease: there 0 is hard and 100 easy.",
        )
        min_words: int = Field(50, title="Words at least", description="Shorter texts have no value.", ge=1)

    def __init__(self, config: Config) -> None:
        ease = config.formula == "flesch_ease"
        self.config = config
        self.unit = "reading ease" if ease else "US school grade"
        self.direction: Direction = "easier" if ease else "harder"
        self._grade = FORMULAS[config.formula]
        self._detector = LanguageDetector(_LOOKED_AT)

    def values(self, documents: Sequence[Document]) -> Float:
        return each(self._value, documents)

    def _value(self, document: Document) -> float:
        if document.content != "text" or len(words_of(document.text)) < self.config.min_words:
            return float("nan")
        language = document.meta.get("language") or self._detector.best(document.text)[0]
        return self._grade(survey(document.text)) if language == "en" else float("nan")


@dataclass(frozen=True)
class Prose:
    """What the formulas look at; all are positive."""

    words: int
    sentences: int
    syllables: int
    letters: int


def survey(text: str) -> Prose:
    """Count a text of at least one word. A sentence does not go beyond its paragraph."""
    words = words_of(text)
    sentences = sum(count_sentences(part, "regex") for part in _PARAGRAPH.split(text))
    return Prose(len(words), max(sentences, 1), sum(map(syllables, words)), sum(map(len, words)))


@lru_cache(maxsize=50_000)
def syllables(word: str) -> int:
    """Groups of vowels of a word in lower case, without a silent ending; at least 1."""
    return max(1, len(_VOWELS.findall(word)) - bool(_SILENT_END.search(word)))


def flesch_ease(prose: Prose) -> float:
    """100 words in 5 sentences with 150 syllables: 59.635."""
    return 206.835 - 1.015 * prose.words / prose.sentences - 84.6 * prose.syllables / prose.words


def flesch_kincaid(prose: Prose) -> float:
    """100 words in 5 sentences with 150 syllables: 9.91."""
    return 0.39 * prose.words / prose.sentences + 11.8 * prose.syllables / prose.words - 15.59


def coleman_liau(prose: Prose) -> float:
    """100 words in 5 sentences with 450 letters: 9.18."""
    return (5.88 * prose.letters - 29.6 * prose.sentences) / prose.words - 15.8


def automated(prose: Prose) -> float:
    """100 words in 5 sentences with 450 letters: 9.765."""
    return 4.71 * prose.letters / prose.words + 0.5 * prose.words / prose.sentences - 21.43


FORMULAS: dict[Formula, Callable[[Prose], float]] = {
    "flesch_kincaid": flesch_kincaid,
    "flesch_ease": flesch_ease,
    "coleman_liau": coleman_liau,
    "automated": automated,
}
