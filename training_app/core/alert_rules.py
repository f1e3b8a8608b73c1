"""The rules a run is watched by: their settings, the default set, and the fold over its points (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from chimera.registry import Choice, Registry
from chimera.typed import Config
from training_app.core.alerts.base import ALERTS, Rule, Watch

Level = Literal["info", "warn", "error"]
LEVELS: tuple[Level, ...] = ("info", "warn", "error")  # from harmless to bad


class RuleChoice(Choice):
    """A rule and its settings."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return ALERTS


class AlertRuleConfig(Config):
    """One rule of a project."""

    name: str = Field(min_length=1, max_length=80, title="Name", description="stands in every alert")
    rule: RuleChoice = Field(title="Rule")
    level: Level = Field("warn", title="Level")
    action: Literal["notify", "stop"] = Field(
        "notify", title="Action", description="stop: the run also pauses at its next step and can be resumed"
    )
    cooldown: int = Field(
        200, ge=1, le=10**9, title="Cool-down", description="steps before the rule speaks again about the same series"
    )
    active: bool = Field(True, title="Active")


PRESETS: dict[str, AlertRuleConfig] = {
    "non_finite": AlertRuleConfig(
        name="NaN or infinity", rule=RuleChoice(key="non_finite"), level="error", cooldown=1000
    ),
    "spike": AlertRuleConfig(name="Spike", rule=RuleChoice(key="spike")),
    "rising": AlertRuleConfig(name="Rising", rule=RuleChoice(key="rising"), cooldown=1000),
    "plateau": AlertRuleConfig(name="Plateau", rule=RuleChoice(key="plateau"), level="info"),
    "rank_collapse": AlertRuleConfig(name="Rank collapse", rule=RuleChoice(key="rank_collapse"), cooldown=1000),
    "entropy_band": AlertRuleConfig(name="Saturated entropy", rule=RuleChoice(key="entropy_band"), cooldown=1000),
}


@dataclass(frozen=True)
class Alert:
    """A rule has been broken by one point of one series. `message` begins with the rule's name at that time."""

    rule_id: str
    level: Level
    stop: bool
    key: str
    step: int
    value: float
    message: str


class _Guard:
    """One rule over one series, with its cool-down."""

    def __init__(self, rule_id: str, config: AlertRuleConfig, key: str, watch: Watch) -> None:
        self.rule_id, self.config, self.key = rule_id, config, key
        self.add = watch.add
        self.quiet_until: int | None = None

    def alert(self, step: int, value: float, said: str) -> Alert | None:
        """The alert of what the watch said, None while it cools down."""
        if self.quiet_until is not None and step < self.quiet_until:
            return None
        self.quiet_until = step + self.config.cooldown
        config = self.config
        message = f"{config.name}: {self.key}: {said}"
        return Alert(self.rule_id, config.level, config.action == "stop", self.key, step, value, message)


class AlertSet:
    """The fold of a run's points through its rules. Replaying the points gives the same alerts and the same state."""

    def __init__(self, rules: Mapping[str, AlertRuleConfig]) -> None:
        self._guards: dict[str, list[_Guard]] = {}
        self.change(rules)

    def change(self, rules: Mapping[str, AlertRuleConfig]) -> None:
        """Go on with other rules: those that are as they were keep their state, the others begin here."""
        self._kept = {(guard.rule_id, key): guard for key, guards in self._guards.items() for guard in guards}
        self._guards = {}
        active = {rule_id: config for rule_id, config in rules.items() if config.active}
        self._rules: list[tuple[str, AlertRuleConfig, Rule]] = [
            (rule_id, config, config.rule.build()) for rule_id, config in active.items()
        ]

    def add(self, step: int, tokens: int, values: Mapping[str, float]) -> list[Alert]:
        """Take the points of one step; the alerts they give."""
        found: list[Alert] = []
        for key, value in values.items():
            for guard in self._of(key):
                said = guard.add(step, tokens, value)
                if said is not None and (alert := guard.alert(step, value, said)) is not None:
                    found.append(alert)
        return found

    def watches(self, key: str) -> bool:
        """Whether some rule looks at the series `key`."""
        return bool(self._of(key))

    def _of(self, key: str) -> list[_Guard]:
        """The guards of a series, made when it is met first."""
        if key not in self._guards:
            self._guards[key] = [self._guard(key, *rule) for rule in self._rules if rule[2].watches(key)]
        return self._guards[key]

    def _guard(self, key: str, rule_id: str, config: AlertRuleConfig, rule: Rule) -> _Guard:
        kept = self._kept.get((rule_id, key))
        return kept if kept is not None and kept.config == config else _Guard(rule_id, config, key, rule.watch(key))
