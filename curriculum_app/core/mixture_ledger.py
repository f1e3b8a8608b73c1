"""The arithmetic of a mixture: need, epochs and the largest honest budget of every source (exact decimals).

Muennighoff et al. (arXiv 2305.16264): up to about four epochs over the same text are worth almost as much as new text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Literal

from chimera.errors import InputError, Problem

MOST_EPOCHS = 4
_TOLERANCE = Decimal("1e-9")

Level = Literal["unique", "repeated", "too often", "unknown"]


@dataclass(frozen=True)
class Target:
    """A row of a ledger: its share of the tokens, and the unique tokens there are for it (None: not counted)."""

    name: str
    share: Decimal
    unique: int | None


@dataclass(frozen=True)
class Line:
    """A row with what a budget asks of it. `epochs` is None where the unique tokens are not known or none."""

    target: Target
    need: int
    epochs: Decimal | None

    @property
    def level(self) -> Level:
        """`unique` up to one epoch, `repeated` up to four, `too often` beyond; `unknown` without a count."""
        if self.need == 0:
            return "unique"
        if self.target.unique is None:
            return "unknown"
        if self.epochs is None or self.epochs > MOST_EPOCHS:
            return "too often"
        return "unique" if self.epochs <= 1 else "repeated"


@dataclass(frozen=True)
class Largest:
    """The largest budget in which no source is shown more than `epochs` times, and the source that binds it."""

    epochs: int
    tokens: int
    binding: str


@dataclass(frozen=True)
class Ledger:
    """What a mixture costs. `largest` is empty unless the unique tokens of every row with a share are known."""

    budget: int
    lines: list[Line]
    largest: list[Largest]


def share_of(text: str, field: str = "") -> Decimal:
    """A share written as a decimal (0.15) or as percent (15 %), exactly.

    Raises:
        InputError: it is no number between 0 and 1, or 0 % and 100 %.
    """
    written = text.strip().replace(",", ".")
    percent = written.endswith("%")
    try:
        share = Decimal(written.rstrip("%").strip())
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite() or len(written) > 40:
        raise InputError(Problem(f"{text!r} is no share", field, hint="write 0.15 or 15 %"))
    share = share.scaleb(-2) if percent else share
    if not 0 <= share <= 1:
        raise InputError(Problem(f"{text!r} is not between 0 and 1", field, hint="write 0.15 or 15 %"))
    return share


def ledger(targets: Sequence[Target], budget: int) -> Ledger:
    """The ledger of `targets` for `budget` tokens.

    Raises:
        InputError: no rows, a name twice, or shares that do not add up to 1; the sum is named.
    """
    _check(targets)
    with localcontext() as context:
        context.prec = 60
        lines = [_line(target, budget) for target in targets]
        known = all(target.unique is not None for target in targets if target.share)
        largest = [_largest(targets, epochs) for epochs in (1, MOST_EPOCHS)] if known else []
    return Ledger(budget, lines, largest)


def _check(targets: Sequence[Target]) -> None:
    if not targets:
        raise InputError(Problem("the mixture has no rows", "rows", hint="name at least one source"))
    names = [target.name for target in targets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(Problem(f"two rows are called {twice[0]!r}", "rows"))
    total = sum((target.share for target in targets), Decimal(0))
    if abs(total - 1) > _TOLERANCE:
        off = total - 1
        hint = f"{abs(off):f} too {'much' if off > 0 else 'little'}"
        raise InputError(Problem(f"the shares add up to {total:f}, not to 1", "rows", hint=hint))


def _line(target: Target, budget: int) -> Line:
    need = target.share * budget
    epochs = need / target.unique if target.unique else None
    return Line(target, int(need.to_integral_value()), epochs)


def _largest(targets: Sequence[Target], epochs: int) -> Largest:
    """min over the rows of epochs · unique / share."""
    bounds = [(epochs * (target.unique or 0) / target.share, target.name) for target in targets if target.share]
    tokens, name = min(bounds)
    return Largest(epochs, int(tokens), name)
