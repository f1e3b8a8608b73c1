"""Cleaned text, its shingles of characters or words, and their exact Jaccard similarity (SlimPajama)."""

from __future__ import annotations

import re
import string
from typing import Literal

Unit = Literal["char", "word"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Lower case, ASCII punctuation deleted, white space single and trimmed (modelzoo, slimpajama `filter.py`)."""
    return _SPACE.sub(" ", text.lower().translate(_PUNCTUATION).strip())


def shingles(text: str, length: int = 13, unit: Unit = "char") -> set[str]:
    """Every run of `length` characters, or of `length` words, of the cleaned text; empty if the text is shorter.

    SlimPajama's "13-grams" are characters, not words (modelzoo, `dedup/to_hash.py:get_features`).
    """
    cleaned = clean(text)
    if unit == "char":
        return {cleaned[start : start + length] for start in range(len(cleaned) - length + 1)}
    words = cleaned.split(" ") if cleaned else []
    return {" ".join(words[start : start + length]) for start in range(len(words) - length + 1)}


def jaccard(a: set[str], b: set[str]) -> float:
    """|a ∩ b| / |a ∪ b|; 0 when both are empty, so texts too short to have a shingle never match."""
    shared = len(a & b)
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0
