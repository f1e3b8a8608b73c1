"""Python source that does not parse is not learnt from."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span
from curriculum_app.core.words import line_spans


@FILTERS.register("python_parse")
class PythonParse(Filter):
    """Drops source that `ast.parse` of the running Python refuses; the statistic is the line of the error.

    Chimera's own: rules made for prose say nothing about code, and a file that its own compiler refuses is damaged.
    """

    title = "Python parses"

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, document: Document) -> Iterator[Measured]:
        """The line of the error, 0 if there is none."""
        line, unparsable = _error(document.text)
        yield Measured.at_most("syntax_error", line, "", 0)
        yield Measured.at_most("unparsable", unparsable, "", 0)

    def passages(self, document: Document, reason: str) -> list[Span]:
        line = _error(document.text)[0] if reason == "syntax_error" else 0
        lines = line_spans(document.text)
        return [lines[line - 1]] if 0 < line <= len(lines) else []


def _error(source: str) -> tuple[int, int]:
    """`(line of a syntax error, 1 if the parser gave up)`, zeros for source that parses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in strings are legal Python
            ast.parse(source)
    except SyntaxError as error:
        return max(1, error.lineno or 1), 0
    except (ValueError, RecursionError, MemoryError):  # null bytes; nesting deeper than the parser's stack
        return 0, 1
    return 0, 0
