"""Gopher's quality rules (Rae et al. 2021, arXiv 2112.11446, §A1.1), in datatrove's order and with its names."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, threshold
from curriculum_app.core.words import Tokenizer, split_words


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

    def judge(self, document: Document) -> Keep | Drop:
        words = split_words(document.text, self.config.tokenizer)
        for reason, statistic, least, most in self._rules(document.text, words):
            if (least is not None and statistic < least) or (most is not None and statistic > most):
                return Drop(reason, float(statistic))
        return Keep(document)

    def _rules(self, text: str, words: list[str]) -> Iterator[tuple[str, float, float | None, float | None]]:
        """`(reason, statistic, least allowed, most allowed)` in order."""
        from datatrove.utils.text import PUNCTUATION_SET

        config = self.config
        lengths = [len(word) for word in words if any(character not in PUNCTUATION_SET for character in word)]
        yield "gopher_short_doc", len(lengths), config.min_words, None
        yield "gopher_long_doc", len(lengths), None, config.max_words
        if not lengths:
            return
        mean = sum(lengths) / len(lengths)
        yield "gopher_below_avg_threshold", mean, config.min_mean_word_length, None
        yield "gopher_above_avg_threshold", mean, None, config.max_mean_word_length
        hashes, ellipses = text.count("#"), text.count("...") + text.count("…")
        yield "gopher_too_many_hashes", hashes / len(words), None, config.max_symbols_per_word
        yield "gopher_too_many_ellipsis", ellipses / len(words), None, config.max_symbols_per_word
        lines = text.splitlines()
        bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
        yield "gopher_too_many_bullets", bullets / len(lines), None, config.max_bullet_lines
        endings = sum(line.rstrip().endswith(("...", "…")) for line in lines)
        yield "gopher_too_many_end_ellipsis", endings / len(lines), None, config.max_ellipsis_lines
        alphabetic = sum(any(character.isalpha() for character in word) for word in words)
        yield "gopher_below_alpha_threshold", alphabetic / len(words), config.min_alpha_words, None
        found = len(set(config.stop_words).intersection(words))
        yield "gopher_enough_stop_words", found, config.min_stop_words, None
