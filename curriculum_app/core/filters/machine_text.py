"""Signs that a chat assistant wrote a page, and that nobody read it afterwards.

Chimera's own rule: classifiers of machine-written text err too often on human text to decide about a corpus, while
these phrases are said by assistants about themselves and stay in pages by oversight. It finds careless copies only.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span, threshold
from curriculum_app.core.words import line_spans

_PHRASES = (
    "as an ai language model",
    "as a large language model",
    "as an ai assistant i",
    "i cannot fulfill that request",
    "i can't fulfill that request",
    "i cannot fulfill this request",
    "i can't fulfill this request",
    "my knowledge cutoff",
    "as of my last knowledge update",
)
_OPENINGS = ("certainly here is", "certainly! here", "sure here is", "sure! here")
_RESIDUE = ("regenerate response", "chatgpt said:")
_QUOTES = frozenset("\"'“‘«„`")


@FILTERS.register("machine_text")
class MachineText(Filter):
    """Drops documents with the boilerplate of chat assistants. Chimera's own; text *about* assistants should stay.

    A phrase right after a quotation mark is a quotation and does not count, nor does one line with a phrase in a
    longer text. Not for source code: programs may well hold these phrases.
    """

    title = "Signs of machine-generated text"

    class Config(chimera.typed.Config):
        phrases: list[str] = Field(list(_PHRASES), title="Phrases", description="What assistants say about themselves.")
        phrase_lines: int | None = threshold(2, "Lines with a phrase that are too many", ge=1)
        phrase_share: float | None = threshold(0.2, "Share of lines with a phrase that is too much", gt=0, le=1)
        openings: list[str] = Field(list(_OPENINGS), title="Openings", description="How the first line begins.")
        residue: list[str] = Field(
            list(_RESIDUE), title="Parts of a chat page", description="One line that is just this is enough."
        )

    def __init__(self, config: Config) -> None:
        self.config = config
        self._phrases = _cleaned(config.phrases)
        self._openings, self._residue = _cleaned(config.openings), _cleaned(config.residue)

    def measure(self, document: Document) -> Iterator[Measured]:
        lines = [cleaned for line in document.text.splitlines() if (cleaned := _clean(line))]
        if not lines:
            return
        yield Measured.at_most("assistant_opening", lines[0].startswith(self._openings), "openings", 0)
        yield Measured.at_most("chat_page", sum(line in self._residue for line in lines), "residue", 0)
        said = sum(map(self._said, lines))
        yield Measured.at_most("assistant_lines", said, "phrase_lines", self.config.phrase_lines, strict=True)
        share = said / len(lines)
        yield Measured.at_most("assistant_share", share, "phrase_share", self.config.phrase_share, strict=True)

    def passages(self, document: Document, reason: str) -> list[Span]:
        lines = [(span, _clean(document.text[slice(*span)])) for span in line_spans(document.text)]
        if reason == "assistant_opening":
            return [span for span, line in lines if line][:1]
        if reason == "chat_page":
            return [span for span, line in lines if line and line in self._residue]
        return [span for span, line in lines if self._said(line)]

    def _said(self, line: str) -> bool:
        return any(_says(line, phrase) for phrase in self._phrases)


def _says(line: str, phrase: str) -> bool:
    """Whether the phrase stands in the line other than right after a quotation mark."""
    start = line.find(phrase)
    while start >= 0:
        if start == 0 or line[start - 1] not in _QUOTES:
            return True
        start = line.find(phrase, start + 1)
    return False


def _clean(line: str) -> str:
    """Lower case, single spaces, straight apostrophes inside words, no commas (they separate entries in the form)."""
    return " ".join(line.lower().replace("n’t", "n't").replace(",", "").split())


def _cleaned(phrases: list[str]) -> tuple[str, ...]:
    return tuple(cleaned for phrase in phrases if (cleaned := _clean(phrase)))
