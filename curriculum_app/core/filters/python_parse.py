"""Python source that does not parse is not learnt from."""

from __future__ import annotations

from collections.abc import Iterator

import chimera.typed
from curriculum_app.core import python_source
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span
from curriculum_app.core.time_limit import CallFailed, TimedOut, TimeLimited
from curriculum_app.core.words import line_spans

_SECONDS = 5.0  # of processor time a document; a file of 1 MB takes less than one


@FILTERS.register("python_parse")
class PythonParse(Filter):
    """Drops source that `ast.parse` of the running Python refuses; the statistic is the line of the error.

    Chimera's own: rules made for prose say nothing about code, and a file that its own compiler refuses is damaged.

    The parser runs in a process of its own. Source that it gives up on, that takes it longer than five seconds or that
    makes it fail is `unparsable`.
    """

    title = "Python parses"

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config
        self._parser = TimeLimited(python_source.__name__, python_source.syntax_error.__name__, _SECONDS)

    def measure(self, document: Document) -> Iterator[Measured]:
        """The line of the error, 0 if there is none."""
        line, unparsable = self._error(document.text)
        yield Measured.at_most("syntax_error", line, "", 0)
        yield Measured.at_most("unparsable", unparsable, "", 0)

    def passages(self, document: Document, reason: str) -> list[Span]:
        line = self._error(document.text)[0] if reason == "syntax_error" else 0
        lines = line_spans(document.text)
        return [lines[line - 1]] if 0 < line <= len(lines) else []

    def _error(self, source: str) -> tuple[int, int]:
        try:
            line, unparsable = self._parser.call(source)
        except (TimedOut, CallFailed):
            return 0, 1
        return line, unparsable
