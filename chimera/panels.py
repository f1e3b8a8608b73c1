"""Panels and tabs: how a page of a lower app shows facts of a higher one without importing it.

The higher app registers a panel for a slot; the lower template renders the slot: `{% panels "schedule" schedule %}`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """`selector` is `selector(actor, object) -> dict`, the context of `template`; an empty dict shows nothing."""

    slot: str
    template: str
    selector: str  # dotted: package.module:function


_PANELS: dict[str, list[Panel]] = defaultdict(list)


def register(panel: Panel) -> None:
    """Add a panel to its slot; panels stand in the order in which the apps are installed."""
    _PANELS[panel.slot].append(panel)


def panels_of(slot: str) -> list[Panel]:
    return list(_PANELS[slot])


@dataclass(frozen=True)
class Tab:
    """A page of its own beside those of `slot`; `url_name` takes the number of what the page is about."""

    slot: str
    url_name: str
    title: str


_TABS: dict[str, list[Tab]] = defaultdict(list)


def register_tab(tab: Tab) -> None:
    """Add a tab after those that the page has itself."""
    _TABS[tab.slot].append(tab)


def tabs_of(slot: str) -> list[Tab]:
    return list(_TABS[slot])
