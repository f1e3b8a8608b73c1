"""Curricula to start from. A template is offered where its policy is installed (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chimera.registry import Entry
from curriculum_app.core.policies.base import POLICIES

Settings = dict[str, Any]
Manifest = Mapping[str, Any]  # of the sequences that are designed on; empty while none are chosen


@dataclass(frozen=True)
class CurriculumTemplate:
    """`settings(manifest)` gives the policy's settings for these sequences; what it leaves out has its default."""

    key: str
    title: str
    summary: str
    source: str
    policy: str
    settings: Callable[[Manifest], Settings] = field(default=lambda manifest: {})


def _shares(manifest: Manifest, grouping: str, power: float) -> dict[str, float]:
    """Natural shares of a grouping raised to `power` and normalised: below 1 small groups gain."""
    names = manifest.get("groupings", {}).get(grouping, [])
    tokens = manifest.get("tokens_by_group", {}).get(grouping, [])
    lifted = [float(count) ** power if count else 0.0 for count in tokens]
    whole = sum(lifted) or 1.0
    shares = [round(value / whole, 4) for value in lifted]
    if shares:
        largest = shares.index(max(shares))
        shares[largest] = round(shares[largest] + 1 - sum(shares), 4)
    return dict(zip(names, shares, strict=True))


def _natural(manifest: Manifest) -> Settings:
    return {"knots": _knots(manifest, (0.0, 1.0), (1.0, 1.0))}


def _sharpened(manifest: Manifest) -> Settings:
    return {"knots": _knots(manifest, (0.0, 0.8), (0.3, 0.9), (1.0, 1.06))}


def _knots(manifest: Manifest, *places: tuple[float, float]) -> list[Settings]:
    found = [{"at": at, "shares": _shares(manifest, "domain", power)} for at, power in places]
    return [knot for knot in found if knot["shares"]]


TEMPLATES = {
    template.key: template
    for template in (
        CurriculumTemplate(
            "natural",
            "Natural mixture",
            "The corpus's own shares from beginning to end: pull from here.",
            "Chimera's own",
            "drawn",
            _natural,
        ),
        CurriculumTemplate(
            "flat-first",
            "Even first",
            "Small domains get more at the beginning, large ones catch up.",
            "Chimera's own",
            "drawn",
            _sharpened,
        ),
    )
}


def offered() -> list[tuple[CurriculumTemplate, Entry[Any]]]:
    """The templates whose policy is installed, with that policy."""
    installed = {entry.key: entry for entry in POLICIES}
    return [(template, installed[template.policy]) for template in TEMPLATES.values() if template.policy in installed]
