"""What the source of a method says that it gains: shown as the paper's claim, never as ours (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A published number: the effect in words, the setting in which it was found, and where it is said."""

    effect: str
    setting: str
    source: str
