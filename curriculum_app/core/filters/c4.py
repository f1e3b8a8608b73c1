"""C4's rules for lines and pages (Raffel et al. 2020, arXiv 1910.10683, §2.2), in datatrove's order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, Measured, Span, first_failure, threshold
from curriculum_app.core.words import Tokenizer, count_sentences, line_spans

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_TERMINAL = (".", "?", "!", '"', "'")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


@dataclass
class _Page:
    """The lines that are kept, and in how many lines each sign of an unusable page stands, in order of appearance."""

    kept: list[str] = field(default_factory=list)
    signs: dict[str, int] = field(default_factory=dict)

    def count(self, sign: str) -> None:
        self.signs[sign] = self.signs.get(sign, 0) + 1

    @property
    def text(self) -> str:
        return "\n".join(self.kept).strip()


@FILTERS.register("c4")
class C4(Filter):
    """Removes lines that are not sentences and drops pages with too few of them.

    FineWeb applies C4 without the terminal-punctuation rule, which is the default here. The bad-words list is not
    part of this filter.
    """

    title = "C4 lines and pages"

    class Config(chimera.typed.Config):
        terminal_punctuation: bool = Field(
            False, title="Lines must end in . ? ! or a quote", description="C4: on. FineWeb: off."
        )
        min_sentences: int | None = threshold(5, "Sentences at least", ge=0)
        min_words_per_line: int | None = threshold(3, "Words per line at least", ge=0)
        max_word_length: int | None = threshold(1000, "Longest word in a line", ge=1)
        remove_citations: bool = Field(True, title="Remove [1], [edit], [citation needed]")
        lorem_ipsum: bool = Field(True, title="Drop pages with lorem ipsum")
        javascript: bool = Field(True, title="Remove lines with javascript")
        curly_bracket: bool = Field(True, title="Drop pages with {")
        policy: bool = Field(True, title="Remove lines about cookies and terms of use")
        tokenizer: Tokenizer = Field("spacy", title="Sentence splitter")

    def __init__(self, config: Config) -> None:
        self.config = config

    def judge(self, document: Document) -> Keep | Drop:
        page = self._read(document.text)
        counted = self.config.min_sentences is not None  # finding sentences costs most by far
        return first_failure(self._rules(page, counted)) or Keep(replace(document, text=page.text))

    def measure(self, document: Document) -> Iterator[Measured]:
        """What stands in lines that are looked at; of two signs in a page the one that comes first is asked first."""
        return self._rules(self._read(document.text), counted=True)

    def transform(self, document: Document) -> Document:
        return replace(document, text=self._read(document.text).text)

    def passages(self, document: Document, reason: str) -> list[Span]:
        """Where lorem ipsum or { stands; of a page with too few sentences the lines that were kept."""
        text, signs = document.text, {"lorem_ipsum": r"(?i)lorem ipsum", "curly_bracket": r"\{"}
        if reason in signs:
            return [found.span() for found in re.finditer(signs[reason], text)]
        return [(a, b) for a, b in line_spans(text) if self._read(text[a:b]).kept] if text else []

    def _rules(self, page: _Page, counted: bool) -> Iterator[Measured]:
        asked = {"lorem_ipsum": self.config.lorem_ipsum, "curly_bracket": self.config.curly_bracket}
        for sign in [*page.signs, *(name for name in asked if name not in page.signs)]:
            yield Measured.at_most(sign, page.signs.get(sign, 0), sign, 0 if asked[sign] else None)
        if counted:
            sentences = sum(count_sentences(line, self.config.tokenizer) for line in page.kept)
            yield Measured.at_least("too_few_sentences", sentences, "min_sentences", self.config.min_sentences)

    def _read(self, text: str) -> _Page:
        page = _Page()
        for raw in text.splitlines():
            line = self._line(raw.strip())
            if line is None:
                continue
            lowered = line.lower()
            if "lorem ipsum" in lowered:
                page.count("lorem_ipsum")
            if self.config.javascript and "javascript" in lowered:
                continue
            if "{" in line:
                page.count("curly_bracket")
            if self.config.policy and any(phrase in lowered for phrase in _POLICY):
                continue
            page.kept.append(line)
        return page

    def _line(self, line: str) -> str | None:
        """The line without citations, or None if its form speaks against it."""
        words = line.split()  # before citations go, as in datatrove
        longest = self.config.max_word_length
        if longest is not None and any(len(word) > longest for word in words):
            return None
        if self.config.remove_citations:
            line = _CITATION.sub("", line)
        if self.config.terminal_punctuation and (not line.endswith(_TERMINAL) or line.endswith("...")):
            return None
        fewest = self.config.min_words_per_line
        return None if fewest is not None and len(words) < fewest else line
