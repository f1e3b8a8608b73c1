"""C4's rules for lines and pages (Raffel et al. 2020, arXiv 1910.10683, §2.2), in datatrove's order."""

from __future__ import annotations

import re
from dataclasses import replace

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, threshold
from curriculum_app.core.words import Tokenizer, count_sentences

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_TERMINAL = (".", "?", "!", '"', "'")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


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
        kept, sentences = [], 0
        for raw in document.text.splitlines():
            line = self._line(raw.strip())
            if line is None:
                continue
            lowered = line.lower()
            if self.config.lorem_ipsum and "lorem ipsum" in lowered:
                return Drop("lorem_ipsum")
            if self.config.javascript and "javascript" in lowered:
                continue
            if self.config.curly_bracket and "{" in line:
                return Drop("curly_bracket")
            if self.config.policy and any(phrase in lowered for phrase in _POLICY):
                continue
            sentences += 0 if self.config.min_sentences is None else count_sentences(line, self.config.tokenizer)
            kept.append(line)
        if self.config.min_sentences is not None and sentences < self.config.min_sentences:
            return Drop("too_few_sentences", sentences)
        return Keep(replace(document, text="\n".join(kept).strip()))

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
