"""Whether Python source parses. Runs in a helper process with a time limit: the parser is C code."""

from __future__ import annotations

import ast
import warnings


def syntax_error(source: str) -> tuple[int, int]:
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
