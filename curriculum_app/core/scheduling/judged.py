"""What is known of documents, as one number per sequence: columns of a measurement, ranked, weighted and joined (pure).

Sources: rank-normalised combination of difficulty metrics as in curriculum learning for translation (Platanios et al.,
NAACL 2019, rank by cumulative density); the weights and directions stand in the policy's config.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.columns import ColumnFacts, Columns
from curriculum_app.core.difficulty.ranks import weighted_ranks
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import mean_over_tokens
from curriculum_app.core.sequences import SequenceTable

Opener = Callable[[Ref[Any]], Any]
UNKNOWN = 0.5  # the rank of a document of which a column says nothing


class Part(Config):
    """One column of a combination."""

    column: str = Field(title="Column", description="its name in the columns", min_length=1)
    weight: float = Field(1.0, title="Weight", gt=0.0, le=1000.0)
    higher: Literal["as measured", "more", "less"] = Field(
        "as measured", title="A higher value means", description="more or less of it; as measured: what Measure says"
    )


def require_both(columns: Ref[Columns] | None, parts: Sequence[Part]) -> None:
    """Columns are named together with the parts that use them.

    Raises:
        ValueError: one is given without the other.
    """
    if (columns is None) != (not parts):
        raise ValueError("columns and parts belong together: give both or neither")


@dataclass(frozen=True)
class Judged:
    """One number per sequence, and the share of all documents' tokens of which a column knew nothing."""

    values: Float
    unknown_tokens: float


class Combination:
    """Several columns of one measurement as one number in [0, 1]: the weighted mean of their ranks.

    `rising` and `falling` are the directions that a measure may state of itself: which mean more, which mean less.
    """

    def __init__(self, columns: Ref[Columns] | None, parts: Sequence[Part], rising: str, falling: str) -> None:
        self._ref, self._parts = columns, parts
        self._signs = {rising: 1.0, falling: -1.0}
        self._words = rising
        self._opened: Columns | None = None

    def open(self, dataset: str, open_: Opener) -> None:
        """Open the columns, which must measure the dataset version with this digest.

        Raises:
            InputError: they are of another version, a column is not among them, or it does not say what a higher
                value means. Fields begin with `policy.config`.
        """
        if self._ref is None:
            return
        found: Columns = open_(self._ref)
        if found.dataset_digest != dataset:
            message = f"{self._ref} was measured for another dataset version"
            raise InputError(Problem(message, "policy.config.columns", hint="run Measure for this version"))
        self._opened = found
        if problems := [problem for number in range(len(self._parts)) for problem in self._problems(number)]:
            raise InputError(problems)

    def _problems(self, number: int) -> list[Problem]:
        assert self._opened is not None
        part, names = self._parts[number], self._opened.names
        if part.column not in names:
            message = f"{self._ref} has no column {part.column!r}"
            return [Problem(message, f"policy.config.parts.{number}.column", hint=f"one of {', '.join(names)}")]
        if self._sign(number) is None:
            message = f"{part.column!r} does not say of itself whether a higher value is {self._words}"
            return [Problem(message, f"policy.config.parts.{number}.higher", hint="choose more or less")]
        return []

    def _facts(self, number: int) -> ColumnFacts:
        assert self._opened is not None
        return self._opened.facts[self._opened.names.index(self._parts[number].column)]

    def _sign(self, number: int) -> float | None:
        said = {"more": 1.0, "less": -1.0}.get(self._parts[number].higher)
        return self._signs.get(self._facts(number).direction) if said is None else said

    @property
    def digest(self) -> str:
        """Of the opened columns; empty where none are named."""
        return self._opened.digest if self._opened is not None else ""

    def of_sequences(self, table: SequenceTable) -> Judged | None:
        """The mean of the documents' numbers over each sequence's tokens, (M,); None without columns.

        A document's number is the weighted mean of its ranks, each in [0, 1] by tokens with the average of ties.
        """
        if self._opened is None:
            return None
        tokens = np.asarray(table.documents.column("tokens").to_numpy(), dtype=np.float64)
        total, unknown = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
        for number, part in enumerate(self._parts):
            values = np.asarray(self._opened.column(part.column), dtype=np.float64)
            known = ~np.isnan(values)
            ranks = np.full(len(values), UNKNOWN)
            ranks[known] = weighted_ranks((self._sign(number) or 1.0) * values[known], tokens[known])
            total += part.weight * ranks
            unknown |= ~known
        weight = sum(part.weight for part in self._parts)
        share = float(tokens[unknown].sum() / max(tokens.sum(), 1))
        return Judged(mean_over_tokens(table.pieces, total / weight), share)
