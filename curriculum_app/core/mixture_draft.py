"""A mixture as it is being written: text of a form, or what a saved version holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chimera.errors import InputError, Problem
from curriculum_app.core.mixture_ledger import Ledger, Target, ledger, share_of
from curriculum_app.core.mixture_templates import MixtureTemplate

MOST_ROWS = 60
MOST_TOKENS = 10**18


@dataclass(frozen=True)
class Fill:
    """One domain of one dataset version (`dataset-12`)."""

    dataset: str
    domain: str

    @property
    def key(self) -> str:
        return f"{self.dataset}|{self.domain}"

    @classmethod
    def parse(cls, key: str) -> Fill:
        dataset, _, domain = key.partition("|")
        return cls(dataset, domain)


@dataclass(frozen=True)
class Row:
    """A row as it was written."""

    name: str = ""
    share: str = ""
    fills: tuple[Fill, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.name or self.share or self.fills)


@dataclass(frozen=True)
class Draft:
    """A mixture as it was written. `tokenizer` is the sequence set whose tokenizer counts."""

    name: str = ""
    budget: str = "1000000"
    tokenizer: str = ""
    rows: tuple[Row, ...] = field(default_factory=tuple)

    @classmethod
    def of_template(cls, template: MixtureTemplate) -> Draft:
        return cls(template.title, rows=tuple(Row(name, share) for name, share in template.shares.items()))

    @classmethod
    def of_saved(cls, name: str, budget: int, rows: Sequence[Mapping[str, Any]]) -> Draft:
        """The inverse of `saved_rows`."""
        written = tuple(
            Row(row["name"], f"{Decimal(row['share']).scaleb(2).normalize():f} %", tuple(map(Fill.parse, row["fills"])))
            for row in rows
        )
        return cls(name, str(budget), rows[0]["tokenizer"] if rows else "", written)

    @property
    def filled(self) -> list[tuple[int, Row]]:
        """The rows that are not empty, with their position in the form."""
        return [(number, row) for number, row in enumerate(self.rows) if not row.empty]

    @property
    def tokens(self) -> int:
        """The budget; spaces and commas between digits are allowed.

        Raises:
            InputError: it is no whole number of tokens.
        """
        digits = re.sub(r"[\s,_]", "", self.budget)
        if not re.fullmatch(r"\d{1,19}", digits) or not 1 <= int(digits) <= MOST_TOKENS:
            hint = "a whole number, for example 1 000 000"
            raise InputError(Problem(f"{self.budget!r} is no number of tokens", "budget", hint=hint))
        return int(digits)

    def saved_rows(self) -> list[dict[str, Any]]:
        """The rows for the database: shares as exact decimals, the tokenizer with each count it decides.

        Raises:
            InputError: a share that is none, or a row without a name.
        """
        return [
            {
                "name": row.name,
                "share": f"{share.normalize():f}",
                "fills": [fill.key for fill in row.fills],
                "tokenizer": self.tokenizer,
            }
            for (_, row), share in zip(self.filled, self._shares(), strict=True)
        ]

    def ledger(self, unique: Sequence[int | None]) -> Ledger:
        """What the mixture costs; `unique` holds the unique tokens of every row that is not empty.

        Raises:
            InputError: something in it cannot be meant.
        """
        rows = zip(self.filled, self._shares(), unique, strict=True)
        return ledger([Target(row.name, share, count) for (_, row), share, count in rows], self.tokens)

    def _shares(self) -> list[Decimal]:
        if len(self.rows) > MOST_ROWS:
            raise InputError(Problem(f"more than {MOST_ROWS} rows", "rows"))
        unnamed = [number for number, row in self.filled if not row.name]
        if unnamed:
            raise InputError([Problem("has no name", f"row {number + 1}") for number in unnamed])
        return [share_of(row.share, f"row {number + 1}, {row.name}") for number, row in self.filled]


def changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is different in the rows of two versions of a mixture, in words."""
    old, new = ({row["name"]: row for row in rows} for rows in (before, after))
    said = [f"{name} added at {_percent(new[name]['share'])}" for name in new if name not in old]
    said += [f"{name} removed" for name in old if name not in new]
    for name in (name for name in new if name in old):
        shares = [_percent(rows[name]["share"]) for rows in (old, new)]
        if shares[0] != shares[1]:
            said.append(f"{name}: {shares[0]} → {shares[1]}")
        if old[name]["fills"] != new[name]["fills"]:
            said.append(f"{name}: filled by {', '.join(new[name]['fills']) or 'nothing'}")
    tokenizers = {rows[0]["tokenizer"] if rows else "" for rows in (before, after)}
    return said + (["another tokenizer"] if len(tokenizers) > 1 else [])


def _percent(share: str) -> str:
    return f"{Decimal(share).scaleb(2).normalize():f} %"
