"""FineWeb's own quality rules (Penedo et al. 2024, arXiv 2406.17557, §3.6), in datatrove's order and with its names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, threshold
from curriculum_app.core.words import Tokenizer, split_words


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

    def judge(self, document: Document) -> Keep | Drop:
        lines = [line for line in document.text.split("\n") if line.strip()]
        if not lines:
            return Drop("empty")
        for reason, statistic, least, most in self._rules(document.text, lines):
            if (least is not None and statistic < least) or (most is not None and statistic > most):
                return Drop(reason, statistic)
        return Keep(document)

    def _rules(self, text: str, lines: list[str]) -> Iterator[tuple[str, float, float | None, float | None]]:
        """`(reason, statistic, least allowed, most allowed)` in order; lazily, since words cost most."""
        from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates

        config = self.config
        punctuated = sum(line.endswith(_terminal_punctuation()) for line in lines)
        yield "line_punct_ratio", punctuated / len(lines), config.min_punctuated_lines, None
        short = sum(len(line) <= config.short_line_chars for line in lines)
        yield "short_line_ratio", short / len(lines), None, config.max_short_lines
        duplicates = find_duplicates(lines)[1]
        yield "char_dup_ratio", duplicates / len(text.replace("\n", "")), None, config.max_duplicate_chars
        words = split_words(text, config.tokenizer)
        yield "list_ratio", text.count("\n") / max(1, len(words)), None, config.max_newlines_per_word


@lru_cache(maxsize=1)
def _terminal_punctuation() -> tuple[str, ...]:
    from datatrove.utils.text import TERMINAL_PUNCTUATION

    return tuple(TERMINAL_PUNCTUATION)
