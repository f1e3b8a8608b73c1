"""The pages of alerts: what has happened, and the rules that say so."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from training_app.core.alert_rules import LEVELS, AlertRuleConfig
from training_app.core.alerts.base import ALERTS
from training_app.selectors import alert_rules, alerts
from training_app.services import alert_rules as services


@require_GET
def alert_list(request: HttpRequest) -> HttpResponse:
    """Every alert of the project. Who opens the page has seen those that are there."""
    actor = actor_of(request)
    wanted = alerts.AlertFilter(*(request.GET.get(name, "") for name in ("level", "rule", "run")))
    page = alerts.alerts_page(actor, wanted, request.GET.get("page", "1"))
    names = {rule.id: rule.name for rule in alert_rules.rules_of(actor.project.pk)}
    spoken = [(rule, names.get(rule, rule)) for rule in alerts.rules_with_alerts(actor)]
    if not request.headers.get("HX-Request") and page.object_list:
        services.mark_seen(actor, page.object_list[0].at)
    context = {
        "page": page,
        "wanted": wanted,
        "levels": LEVELS,
        "rules": [*spoken, ("stuck", "Stuck job")],
        "filtered": wanted != alerts.AlertFilter(),
        "tab": "alerts",
    }
    return render(request, _template(request, "alerts"), context)


@require_GET
def rule_list(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    rules = alert_rules.rules_of(actor.project.pk)
    titles = {entry.key: entry.title for entry in ALERTS}
    rows = [(rule, _title_of(rule, titles), _settings(rule)) for rule in rules]
    return render(request, "training/alert_rules.html", {"rows": rows, "kinds": list(ALERTS), "tab": "alert-rules"})


@require_http_methods(["GET", "POST"])
def rule_new(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    kind = request.GET.get("rule", "threshold")
    key = kind if kind in {entry.key for entry in ALERTS} else "threshold"
    form = _form(request, {"rule": {"key": key, "config": {}}, "name": ""})
    if _sent(request, form):
        try:
            added = services.add_rule(actor, form.raw())
        except InputError as error:
            form.add_problems(error.problems)
        else:
            return _done(request, f"“{added.name}” watches every run from now on")
    return _form_page(request, form, "New alert rule", "")


@require_http_methods(["GET", "POST"])
def rule_edit(request: HttpRequest, name: str) -> HttpResponse:
    """The form of a rule; what is stored of a rule that no longer exists is shown as it is."""
    actor = actor_of(request)
    rule = alert_rules.rule_get(actor, name)
    if rule.config is None or not actor.can_edit:
        return render(request, "training/alert_rule_stored.html", {"rule": rule, "crumbs": _crumbs(rule.name)})
    form = _form(request, rule.config.as_json())
    if _sent(request, form):
        actor.require(Role.EDITOR)
        changed = services.change_rule(actor, rule, form.raw())
        return _done(request, f"“{changed.name}” is changed; runs that are under way follow within seconds")
    return _form_page(request, form, rule.name, rule.id)


@require_POST
def rule_switch(request: HttpRequest, name: str) -> HttpResponse:
    """On or off, as `active` says."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    rule = alert_rules.rule_get(actor, name)
    try:
        services.switch_rule(actor, rule, active=request.POST.get("active") == "1")
    except InputError as error:
        messages.error(request, f"“{rule.name}” cannot be switched: {error}")
    return redirect("alert-rules")


@require_POST
def rule_remove(request: HttpRequest, name: str) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    rule = alert_rules.rule_get(actor, name)
    services.remove_rule(actor, rule)
    return _done(request, f"“{rule.name}” is as it was by default" if rule.preset else f"“{rule.name}” is removed")


def _title_of(rule: alert_rules.RuleOfProject, titles: dict[str, str]) -> str:
    stored = rule.stored.get("rule")
    key = stored.get("key", "") if isinstance(stored, dict) else ""
    return titles.get(key, str(key))


def _settings(rule: alert_rules.RuleOfProject) -> list[tuple[str, Any]]:
    """The settings of a rule with the titles of its form, those that are empty left out."""
    if rule.config is None:
        return []
    config = rule.config.rule.settings()
    values = config.as_json()
    fields = type(config).model_fields.items()
    return [(str(info.title), values[name]) for name, info in fields if values[name] not in (None, "")]


def _form(request: HttpRequest, initial: dict[str, Any]) -> ConfigForm:
    data = request.POST if request.method == "POST" else None
    return ConfigForm(AlertRuleConfig, lambda kind: [], services.checked, data, initial)


def _sent(request: HttpRequest, form: ConfigForm) -> bool:
    """Whether the form was sent and is right; a change of the kind only shows other settings."""
    if request.method != "POST":
        return False
    if "_refresh" in request.POST:
        form.full_clean()
        form.errors.clear()
        return False
    return form.is_valid()


def _form_page(request: HttpRequest, form: ConfigForm, title: str, rule_id: str) -> HttpResponse:
    context = {"form": form, "groups": form.groups(), "title": title, "crumbs": _crumbs(title), "rule_id": rule_id}
    wrong = form.is_bound and form.errors and not request.headers.get("HX-Request")
    return render(request, _template(request, "alert_rule"), context, status=422 if wrong else 200)


def _crumbs(title: str) -> list[dict[str, str]]:
    return crumbs(("Alerts", reverse("alerts")), ("Rules", reverse("alert-rules")), (title, ""))


def _done(request: HttpRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("alert-rules")


def _template(request: HttpRequest, name: str) -> str:
    return f"training/_{name}.html" if request.headers.get("HX-Request") else f"training/{name}.html"
