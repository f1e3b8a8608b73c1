"""FineWeb's own quality rules (Penedo et al. 2024, arXiv 2406.17557, §3.6), in datatrove's order and with its names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span, threshold
from curriculum_app.core.words import Tokenizer, count_repeated, line_spans, repeated, split_words


@FILTERS.register("fineweb")
class FineWeb(Filter):
    """Drops lists, menus and pages whose lines repeat; the first rule that fails is the reason."""

    title = "FineWeb quality"

    class Config(chimera.typed.Config):
        min_punctuated_lines: float | None = threshold(0.12, "Lines that end in punctuation, at least", ge=0, le=1)
        max_short_lines: float | None = threshold(0.67, "Short lines at most", ge=0, le=1)
        short_line_chars: int = Field(30, title="A short line has at most", description="Characters.", ge=0)
        max_duplicate_chars: float | None = threshold(
            0.01, "Characters in repeated lines, at most", "FineWeb's code says 0.01, its paper 0.1.", ge=0, le=1
        )
        max_newlines_per_word: float | None = threshold(0.3, "Line breaks per word at most", ge=0)
        tokenizer: Tokenizer = Field("spacy", title="Tokenizer")

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, document: Document) -> Iterator[Measured]:
        config, text, most = self.config, document.text, Measured.at_most
        lines = [line for line in text.split("\n") if line.strip()]
        yield Measured.at_least("empty", len(lines), "", 1)
        if not lines:
            return
        punctuated = sum(line.endswith(_terminal_punctuation()) for line in lines) / len(lines)
        yield Measured.at_least("line_punct_ratio", punctuated, "min_punctuated_lines", config.min_punctuated_lines)
        short = sum(len(line) <= config.short_line_chars for line in lines)
        yield most("short_line_ratio", short / len(lines), "max_short_lines", config.max_short_lines)
        duplicates = count_repeated(lines)[1] / len(text.replace("\n", ""))
        yield most("char_dup_ratio", duplicates, "max_duplicate_chars", config.max_duplicate_chars)
        words = split_words(text, config.tokenizer)
        breaks = text.count("\n") / max(1, len(words))
        yield most("list_ratio", breaks, "max_newlines_per_word", config.max_newlines_per_word)

    def passages(self, document: Document, reason: str) -> list[Span]:
        text = document.text
        spans = [(start, end) for start, end in line_spans(text, "\n") if text[start:end].strip()]
        if reason == "char_dup_ratio":
            return repeated(text, spans)
        if reason == "line_punct_ratio":
            return [(a, b) for a, b in spans if not text[a:b].endswith(_terminal_punctuation())]
        if reason == "short_line_ratio":
            return [(a, b) for a, b in spans if b - a <= self.config.short_line_chars]
        return []


@lru_cache(maxsize=1)
def _terminal_punctuation() -> tuple[str, ...]:
    from datatrove.utils.text import TERMINAL_PUNCTUATION

    return tuple(TERMINAL_PUNCTUATION)
