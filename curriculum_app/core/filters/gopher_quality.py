"""Gopher's quality rules (Rae et al. 2021, arXiv 2112.11446, §A1.1), in datatrove's order and with its names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span, threshold
from curriculum_app.core.words import Tokenizer, line_spans, split_words, word_spans

_BULLETS = ("•", "-")
_ELLIPSES = ("...", "…")


@FILTERS.register("gopher_quality")
class GopherQuality(Filter):
    """Drops text that does not look like prose; the first rule that fails is the reason.

    Technical reference pages fail mostly by `min_alpha_words`; empty it for them.
    """

    title = "Gopher quality"

    class Config(chimera.typed.Config):
        min_words: int | None = threshold(50, "Words at least", ge=0)
        max_words: int | None = threshold(100_000, "Words at most", ge=1)
        min_mean_word_length: float | None = threshold(3, "Mean word length at least", ge=0)
        max_mean_word_length: float | None = threshold(10, "Mean word length at most", ge=0)
        max_symbols_per_word: float | None = threshold(0.1, "Hashes or ellipses per word at most", ge=0)
        max_bullet_lines: float | None = threshold(0.9, "Lines that start with a bullet, at most", ge=0, le=1)
        max_ellipsis_lines: float | None = threshold(0.3, "Lines that end with an ellipsis, at most", ge=0, le=1)
        min_alpha_words: float | None = threshold(0.8, "Words with an alphabetic character, at least", ge=0, le=1)
        min_stop_words: int | None = threshold(2, "Distinct stop words at least", ge=0)
        stop_words: list[str] = Field(
            default=["the", "be", "to", "of", "and", "that", "have", "with"],
            title="Stop words",
            description="Compared as written: The at the start of a sentence is not the.",
        )
        tokenizer: Tokenizer = Field("spacy", title="Tokenizer")

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, document: Document) -> Iterator[Measured]:
        config, text = self.config, document.text
        words = split_words(text, config.tokenizer)
        lengths = [len(word) for word in words if _has_letters(word)]
        yield Measured.at_least("gopher_short_doc", len(lengths), "min_words", config.min_words)
        yield Measured.at_most("gopher_long_doc", len(lengths), "max_words", config.max_words)
        if not lengths:
            return
        mean, least, most = sum(lengths) / len(lengths), Measured.at_least, Measured.at_most
        yield least("gopher_below_avg_threshold", mean, "min_mean_word_length", config.min_mean_word_length)
        yield most("gopher_above_avg_threshold", mean, "max_mean_word_length", config.max_mean_word_length)
        hashes, ellipses = text.count("#"), sum(map(text.count, _ELLIPSES))
        symbols = config.max_symbols_per_word
        yield most("gopher_too_many_hashes", hashes / len(words), "max_symbols_per_word", symbols)
        yield most("gopher_too_many_ellipsis", ellipses / len(words), "max_symbols_per_word", symbols)
        lines = text.splitlines()
        bullets = sum(map(_is_bullet, lines)) / len(lines)
        yield most("gopher_too_many_bullets", bullets, "max_bullet_lines", config.max_bullet_lines)
        endings = sum(map(_trails_off, lines)) / len(lines)
        yield most("gopher_too_many_end_ellipsis", endings, "max_ellipsis_lines", config.max_ellipsis_lines)
        alphabetic = sum(map(_is_alphabetic, words)) / len(words)
        yield least("gopher_below_alpha_threshold", alphabetic, "min_alpha_words", config.min_alpha_words)
        found = len(set(config.stop_words).intersection(words))
        yield least("gopher_enough_stop_words", found, "min_stop_words", config.min_stop_words)

    def passages(self, document: Document, reason: str) -> list[Span]:
        text = document.text
        symbols = {"gopher_too_many_hashes": r"#+", "gopher_too_many_ellipsis": r"\.\.\.+|…"}
        if reason in symbols:
            return [found.span() for found in re.finditer(symbols[reason], text)]
        of_lines = {"gopher_too_many_bullets": _is_bullet, "gopher_too_many_end_ellipsis": _trails_off}
        if reason in of_lines:
            return [span for span in line_spans(text) if of_lines[reason](text[slice(*span)])]
        return [span for span in self._words(text) if self._speaks(text[slice(*span)], reason)]

    def _words(self, text: str) -> list[Span]:
        return [span for span in word_spans(text, split_words(text, self.config.tokenizer)) if span[0] < span[1]]

    def _speaks(self, word: str, reason: str) -> bool:
        """Whether a word is one of those that the rule is about (stop words: those that were found)."""
        if reason == "gopher_below_alpha_threshold":
            return not _is_alphabetic(word)
        if reason == "gopher_enough_stop_words":
            return word in self.config.stop_words
        if reason == "gopher_above_avg_threshold":
            return _has_letters(word) and len(word) > (self.config.max_mean_word_length or 0)
        if reason == "gopher_below_avg_threshold":
            return _has_letters(word) and len(word) < (self.config.min_mean_word_length or 0)
        return False


def _has_letters(word: str) -> bool:
    """Whether it is a word to Gopher: not of punctuation alone."""
    return not _punctuation().issuperset(word)


@lru_cache(maxsize=1)
def _punctuation() -> frozenset[str]:
    from datatrove.utils.text import PUNCTUATION_SET

    return frozenset(PUNCTUATION_SET)


def _is_alphabetic(word: str) -> bool:
    return word.isalpha() or any(map(str.isalpha, word))


def _is_bullet(line: str) -> bool:
    return line.lstrip().startswith(_BULLETS)


def _trails_off(line: str) -> bool:
    return line.rstrip().endswith(_ELLIPSES)
