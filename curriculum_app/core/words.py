"""Cutting text into words and sentences, once per text, with either of two tokenizers.

`spacy` is the English rule tokenizer that datatrove uses for Gopher, C4 and FineWeb. `regex` is about 40 times
faster but cuts noisy text into 1.1 to 1.6 times as many words, so thresholds do not carry over between the two.
"""

from __future__ import annotations

import re
from functools import lru_cache
from threading import Lock
from typing import Literal

import numpy as np

Tokenizer = Literal["spacy", "regex"]

_WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+")


_ONE_AT_A_TIME = Lock()  # a memory zone belongs to the whole vocabulary, and web processes have several threads


@lru_cache(maxsize=4)
def split_words(text: str, tokenizer: Tokenizer) -> list[str]:
    """The words of a text (do not change the list: the last few are remembered, so filters in a row share the work)."""
    return _WORD.findall(text) if tokenizer == "regex" else _spacy_words(text)


def count_sentences(text: str, tokenizer: Tokenizer) -> int:
    """How many sentences a line holds."""
    if tokenizer == "regex":
        return sum(1 for part in _SENTENCE_END.split(text) if part.strip())
    from datatrove.utils.text import split_into_sentences

    return len(split_into_sentences(text))


def word_spans(text: str, words: list[str]) -> list[tuple[int, int]]:
    """Where each of the words of `split_words` stands; an empty place for one that the text does not hold as such."""
    spans, place = [], 0
    for word in words:
        start = text.find(word, place)
        spans.append((place, place) if start < 0 else (start, start + len(word)))
        place = spans[-1][1]
    return spans


def line_spans(text: str, separator: str | None = None) -> list[tuple[int, int]]:
    """Where the lines of a text stand, without their ends: those of `splitlines()`, or between separators."""
    if separator is not None:
        return separated(text, re.compile(re.escape(separator)))
    spans, place = [], 0
    for line in text.splitlines(keepends=True):
        spans.append((place, place + len(line.splitlines()[0])))
        place += len(line)
    return spans


def separated(text: str, separator: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where the parts of `separator.split(text)` stand."""
    cuts = [found.span() for found in separator.finditer(text)]
    return list(zip([0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)], strict=True))


def repeated(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans whose text was there before; empty ones left out."""
    seen: set[str] = set()
    found = []
    for start, end in spans:
        part = text[start:end]
        if part in seen and part:
            found.append((start, end))
        seen.add(part)
    return found


def _spacy_words(text: str) -> list[str]:
    """The words that datatrove's `split_into_words` gives, in half its time: each distinct word is decoded once."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    english = load_word_tokenizer("eng").tokenizer
    with _ONE_AT_A_TIME, english.memory_zone():  # else the vocabulary grows with every text
        safe = text.replace("IS_ALPHA", "is_alpha")  # spaCy takes this word for its own symbol 1 and fails
        keys, positions = np.unique(english.tokenizer(safe).to_array("ORTH"), return_inverse=True)
        distinct = [english.vocab.strings[key].strip() for key in keys.tolist()]
    return [word for position in positions.tolist() if (word := distinct[position])]
