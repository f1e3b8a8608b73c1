"""The rules of a project: the default set, each of which a row may stand in for, and the project's own."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max
from django.http import Http404
from pydantic import ValidationError

from chimera.errors import problems_of
from chimera.projects.access import Actor
from training_app.core.alert_rules import PRESETS, AlertRuleConfig
from training_app.models import AlertRule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RuleOfProject:
    """A rule as the pages show it. `config` is None when what is stored fits no rule of today (`problem` says why)."""

    id: str
    preset: str
    config: AlertRuleConfig | None
    stored: dict[str, Any]
    row: AlertRule | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        return str(self.stored.get("name") or self.id)

    @property
    def as_text(self) -> str:
        return json.dumps(self.stored, indent=1, ensure_ascii=False)

    @property
    def changed(self) -> bool:
        """Whether a rule of the default set has been edited."""
        return bool(self.preset) and self.row is not None


def rules_of(project_id: int) -> list[RuleOfProject]:
    """The default set first, then the project's own in the order of their making."""
    rows = list(AlertRule.objects.filter(project=project_id))
    by_preset = {row.preset: row for row in rows if row.preset}
    presets = [
        _of_row(by_preset[key]) if key in by_preset else RuleOfProject(key, key, config, config.as_json())
        for key, config in PRESETS.items()
    ]
    return presets + [_of_row(row) for row in rows if row.preset not in PRESETS]


def rule_get(actor: Actor, rule_id: str) -> RuleOfProject:
    """The rule `spike` (of the default set) or `rule-12`.

    Raises:
        Http404: this project has no such rule.
    """
    for rule in rules_of(actor.project.pk):
        if rule.id == rule_id:
            return rule
    raise Http404(f"project {actor.project.slug} has no rule {rule_id}")


def active_rules(project_id: int) -> dict[str, AlertRuleConfig]:
    """What a run is watched by. A stored rule that cannot be read any more is logged and left out."""
    found: dict[str, AlertRuleConfig] = {}
    for rule in rules_of(project_id):
        if rule.config is None:
            log.warning("alert rule %s of project %s is left out: %s", rule.id, project_id, rule.problem)
        elif rule.config.active:
            found[rule.id] = rule.config
    return found


def last_change(project_id: int) -> object:
    """Differs from an earlier answer when a rule was added, changed or removed since."""
    return AlertRule.objects.filter(project=project_id).aggregate(rows=Count("pk"), at=Max("changed_at"))


def _of_row(row: AlertRule) -> RuleOfProject:
    rule_id = row.preset if row.preset in PRESETS else f"rule-{row.pk}"
    try:
        config = AlertRuleConfig.model_validate(row.config)
    except ValidationError as error:
        problem = "; ".join(str(item) for item in problems_of(error))
        return RuleOfProject(rule_id, row.preset, None, row.config, row, problem)
    return RuleOfProject(rule_id, row.preset, config, row.config, row)
