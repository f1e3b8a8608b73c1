"""Cutting text into words and sentences, once per text, with either of two tokenizers.

`spacy` is the English rule tokenizer that datatrove uses for Gopher, C4 and FineWeb. `regex` needs nothing but itself,
but cuts noisy text into 1.1 to 1.6 times as many words, so thresholds do not carry over between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from curriculum_app.core.spacy_words import english_words

Tokenizer = Literal["spacy", "regex"]

_WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+")


@lru_cache(maxsize=4)
def split_words(text: str, tokenizer: Tokenizer) -> list[str]:
    """The words of a text (do not change the list: the last few are remembered, so filters in a row share the work)."""
    return _WORD.findall(text) if tokenizer == "regex" else english_words().words(text)


def count_sentences(text: str, tokenizer: Tokenizer) -> int:
    """How many sentences a line holds."""
    if tokenizer == "regex":
        return sum(1 for part in _SENTENCE_END.split(text) if part.strip())
    return english_words().count_sentences(text)


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


def count_repeated(parts: Iterable[str]) -> tuple[int, int]:
    """How many parts were there before, and their characters: datatrove's `find_duplicates`, whose module takes a
    quarter of a second to load in every worker process."""
    seen: set[str] = set()
    count = characters = 0
    for part in parts:
        if part in seen:
            count += 1
            characters += len(part)
        seen.add(part)
    return count, characters
