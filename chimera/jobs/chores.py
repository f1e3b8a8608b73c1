"""Chores: what an app has done again and again by the housekeeping of whichever worker is there.

A chore is a function without arguments, named by a dotted string; any number of workers may do it at the same time.
"""

from __future__ import annotations

_CHORES: list[str] = []


def register(dotted: str) -> None:
    """Have `package.module:function` done in every round of housekeeping; an app says so when Django starts."""
    _CHORES.append(dotted)


def chores() -> tuple[str, ...]:
    return tuple(_CHORES)
