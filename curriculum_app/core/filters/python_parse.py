"""Python source that does not parse is not learnt from."""

from __future__ import annotations

import ast
import warnings

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep


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

    def judge(self, document: Document) -> Keep | Drop:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in strings are legal Python
                ast.parse(document.text)
        except SyntaxError as error:
            return Drop("syntax_error", None if error.lineno is None else float(error.lineno))
        except (ValueError, RecursionError, MemoryError):  # null bytes; nesting deeper than the parser's stack
            return Drop("unparsable")
        return Keep(document)
