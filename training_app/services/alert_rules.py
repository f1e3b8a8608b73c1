"""What a user may do to alert rules: add, edit, switch off, remove; and having seen the alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from chimera.errors import InputError, Problem, problems_of
from chimera.jobs.storable import storable
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from training_app.core.alert_rules import AlertRuleConfig
from training_app.models import AlertRule, AlertsSeen
from training_app.selectors.alert_rules import RuleOfProject, rule_get

MOST_RULES = 200


def checked(raw: Any) -> AlertRuleConfig:
    """The config of a rule.

    Raises:
        InputError: it is wrong; each problem names its field.
    """
    try:
        return AlertRuleConfig.model_validate(storable(raw))
    except ValidationError as error:
        raise InputError(problems_of(error)) from error


@transaction.atomic
def add_rule(actor: Actor, raw: Any) -> RuleOfProject:
    """A rule of the project's own; runs that are under way take it up within seconds.

    Raises:
        InputError: the config is wrong, or there are too many rules.
    """
    actor.require(Role.EDITOR)
    config = checked(raw)
    Project.objects.select_for_update().get(pk=actor.project.pk)
    if AlertRule.objects.filter(project=actor.project).count() >= MOST_RULES:
        raise InputError(Problem(f"a project has at most {MOST_RULES} rules", hint="remove one that is not needed"))
    row = AlertRule.objects.create(project=actor.project, config=config.as_json(), changed_by=actor.name)
    return rule_get(actor, f"rule-{row.pk}")


@transaction.atomic
def change_rule(actor: Actor, rule: RuleOfProject, raw: Any) -> RuleOfProject:
    """Other settings. A rule of the default set gets a row that stands in for it."""
    actor.require(Role.EDITOR)
    config = checked(raw).as_json()
    if rule.row is None:
        defaults = {"config": config, "changed_by": actor.name}
        AlertRule.objects.update_or_create(project=actor.project, preset=rule.preset, defaults=defaults)
    else:
        rule.row.config, rule.row.changed_by = config, actor.name
        rule.row.save(update_fields=["config", "changed_by", "changed_at"])
    return rule_get(actor, rule.id)


def switch_rule(actor: Actor, rule: RuleOfProject, *, active: bool) -> RuleOfProject:
    """Switch a rule on or off.

    Raises:
        InputError: what is stored of it cannot be read any more.
    """
    return change_rule(actor, rule, {**rule.stored, "active": active})


def remove_rule(actor: Actor, rule: RuleOfProject) -> None:
    """Remove a rule of the project's own; one of the default set goes back to its defaults."""
    actor.require(Role.EDITOR)
    if rule.row is not None:
        rule.row.delete()


def mark_seen(actor: Actor, until: datetime) -> None:
    """The reader has seen the alerts up to this moment (never earlier than before)."""
    mark, new = AlertsSeen.objects.get_or_create(project=actor.project, user=actor.user, defaults={"at": until})
    if not new:
        AlertsSeen.objects.filter(pk=mark.pk, at__lt=until).update(at=until)
