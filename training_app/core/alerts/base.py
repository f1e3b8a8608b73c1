"""What an alert rule is: it watches series point by point and says in a sentence when something is wrong (pure)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from typing import ClassVar, Protocol

from chimera.registry import Registry
from chimera.typed import Config


class Watch(Protocol):
    """The small state of one rule over one series. Feeding the same points again gives the same state."""

    def add(self, step: int, tokens: int, value: float) -> str | None:
        """Take the next point; a sentence if the rule is broken by it. `value` may be NaN or infinite."""


class Rule(ABC):
    """A rule over the series that `series()` names. It never sees two series at once."""

    title: ClassVar[str]

    @abstractmethod
    def series(self) -> str:
        """Keys of series, separated by commas; `*` stands for any part."""

    @abstractmethod
    def watch(self, key: str) -> Watch:
        """A fresh state for the series `key`."""

    def watches(self, key: str) -> bool:
        """Whether the series `key` is one of its own."""
        return any(matches(key, pattern) for pattern in self.series().split(","))


def matches(key: str, pattern: str) -> bool:
    """Whether a key fits a pattern with `*`; an empty pattern fits nothing."""
    return bool(pattern.strip()) and fnmatchcase(key, pattern.strip())


def figures(value: float) -> str:
    """A value as sentences show it: four significant digits."""
    return f"{value:.4g}"


class RuleConfig(Config):
    """Base of the configs of rules."""


class SeriesConfig(RuleConfig):
    """Of rules that watch what one setting names; each rule says in its own words what that is by default."""

    metric: str


class SeriesRule(Rule):
    """A rule over the series that its `metric` names."""

    config: SeriesConfig

    def __init__(self, config: SeriesConfig) -> None:
        self.config = config

    def series(self) -> str:
        return self.config.metric


ALERTS: Registry[Rule] = Registry("alert rule", "training_app.core.alerts")
