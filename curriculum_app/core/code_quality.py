"""What can be said of a Python source file without running it: documentation, types, tests, complexity, lint (pure).

The attributes of gold-standard code in the Chimera-1 blueprint (section 1.3), measured by `ast` and by ruff.
Chimera's own score: a point each for functions of at most 80 lines, documented public definitions, annotations, tests
and clean lint.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

GOLD = 4  # points from which a file counts as gold standard
LONGEST_FUNCTION = 80
_LINT_SECONDS = 120
_RULES = "E4,E7,E9,F"  # pyflakes and those of pycodestyle that are no matter of taste; named, so that they stay
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert, ast.comprehension)


@dataclass(frozen=True)
class CodeFacts:
    """Shares are None where there is nothing to share out: a file without a public definition, without parameters."""

    parses: bool
    lines: int = 0
    documented: float | None = None  # public functions and classes with a docstring
    annotated: float | None = None  # parameters (without self and cls) and returns with an annotation
    tests: int = 0
    asserts: int = 0
    most_complex: int = 0  # McCabe, of the worst function
    longest_function: int = 0  # lines


def facts_of(source: str) -> CodeFacts:
    """Read one file."""
    lines = source.count("\n") + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return CodeFacts(parses=False, lines=lines)
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function)]
    return CodeFacts(
        parses=True,
        lines=lines,
        documented=_documented(tree),
        annotated=_annotated(functions),
        tests=sum(function.name.startswith("test_") for function in functions),
        asserts=sum(isinstance(node, ast.Assert) for node in ast.walk(tree)),
        most_complex=max(map(complexity, functions), default=0),
        longest_function=max(((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions), default=0),
    )


def _documented(tree: ast.Module) -> float | None:
    public = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _Function | ast.ClassDef) and not node.name.startswith(("_", "test_"))
    ]
    return sum(ast.get_docstring(node) is not None for node in public) / len(public) if public else None


def _annotated(functions: Sequence[_Function]) -> float | None:
    """Public functions only: what a reader of the module meets."""
    slots = [
        slot for function in functions if not function.name.startswith(("_", "test_")) for slot in _slots(function)
    ]
    return sum(slots) / len(slots) if slots else None


def _slots(function: _Function) -> Iterator[bool]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    yield from (item.annotation is not None for item in named if item.arg not in ("self", "cls"))
    yield function.returns is not None


def complexity(function: ast.AST) -> int:
    """McCabe's number: 1, one more per branch, and one per further operand of and/or."""
    nodes = list(ast.walk(function))
    operands = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    return 1 + sum(isinstance(node, _BRANCHES) for node in nodes) + operands


def lint(sources: Sequence[str]) -> list[int]:
    """Findings of ruff per source, in one call; a source that does not parse has at least one.

    Raises:
        RuntimeError: ruff could not be run.
    """
    if not sources:
        return []
    with tempfile.TemporaryDirectory(prefix="chimera-lint-") as directory:
        for number, source in enumerate(sources):
            (Path(directory) / f"{number}.py").write_text(source, encoding="utf-8", errors="replace", newline="")
        command = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--exit-zero",
            "--quiet",
            "--select",
            _RULES,
        ]
        ran = subprocess.run(
            [*command, f"--select={_RULES}", "--output-format=json", directory],
            capture_output=True,
            timeout=_LINT_SECONDS,
            check=False,
        )
    if ran.returncode:
        raise RuntimeError(f"ruff failed: {ran.stderr.decode(errors='replace')[:500]}")
    findings = [0] * len(sources)
    for finding in json.loads(ran.stdout):
        findings[int(Path(finding["filename"]).stem)] += 1
    return findings


def score(facts: CodeFacts, findings: int) -> int:
    """0 to 5: parses and no function is longer than 80 lines; half documented; half annotated; tested; ≤ 1 finding per
    100 lines. A file that does not parse has 0."""
    if not facts.parses:
        return 0
    points = (
        facts.longest_function <= LONGEST_FUNCTION,
        (facts.documented or 0) >= 0.5,
        (facts.annotated or 0) >= 0.5,
        facts.tests > 0,
        findings <= facts.lines / 100,
    )
    return sum(points)
