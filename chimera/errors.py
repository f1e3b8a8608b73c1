"""Errors a user can act on: each names file, line and field, and says what to do (pure).

All four doors (browser, REST, command line, task) show the same `Problem` list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from pydantic import ValidationError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input. `field` is a dotted path (`arms.0.policy`), empty if none applies."""

    message: str
    field: str = ""
    file: str = ""
    line: int | None = None
    hint: str = ""

    def as_json(self) -> dict[str, str | int | None]:
        return asdict(self)

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part)
        parts = [part for part in (where, self.field, self.message) if part]
        return ": ".join(parts) + (f" - {self.hint}" if self.hint else "")


class InputError(Exception):
    """The input is wrong and the user can mend it. Never retried."""

    def __init__(self, problems: Sequence[Problem] | Problem | str, *, hint: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(problems, hint=hint)
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NestedProblems(ValueError):
    """Raised inside a pydantic validator: problems whose fields are relative to the value that is validated."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def problems_of(error: ValidationError, prefix: str = "") -> list[Problem]:
    """Pydantic's errors as `Problem`s, one per field, in the order pydantic found them."""
    found = []
    for item in error.errors(include_url=False):
        inner = [Problem(item["msg"].removeprefix("Value error, "))]
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, NestedProblems):
            inner = cause.problems
        around = [prefix, *(str(part) for part in item["loc"])]
        found += [replace(problem, field=".".join(filter(None, [*around, problem.field]))) for problem in inner]
    return found
