"""The pages of alerts: what has happened, what is unread, and rules that are added, edited and switched off."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from chimera.projects.access import Actor
from tests.conftest import signed_in
from tests.web.run_factory import make_run, recorder_of
from training_app.core.alert_rules import PRESETS
from training_app.models import AlertRule, RunEvent
from training_app.selectors.alert_rules import active_rules, rule_get, rules_of
from training_app.selectors.alerts import AlertFilter, alerts_page, unread
from training_app.services import alert_rules as services

pytestmark = pytest.mark.django_db


def rule_form(**changed: str) -> dict[str, str]:
    """What the browser sends for a threshold rule."""
    sent = {
        "name": "Loss too high", "level": "warn", "action": "notify", "cooldown": "50", "active": "on",
        "rule.key": "threshold", "rule.shown": "threshold", "rule.config.metric": "loss", "rule.config.side": "above",
        "rule.config.value": "9", "rule.config.times": "1",
    }  # fmt: skip
    return sent | changed


def nan_run(actor: Actor) -> RunEvent:
    run = make_run(actor, "falls over")
    recorder = recorder_of(run)
    recorder.write(7, 7000, {"loss": float("nan")})
    recorder.flush()
    return RunEvent.objects.get(run=run, kind="alert")


def page_of(client: Client, name: str, *args: object, query: str = "") -> str:
    response = client.get(reverse(name, args=args) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_an_alert_is_unread_until_the_page_was_opened_and_links_to_run_and_step(editor: Actor) -> None:
    event, client = nan_run(editor), signed_in(editor)
    assert unread(editor) == 1 and "nav-count" in page_of(client, "runs")
    page = page_of(client, "alerts")
    assert "is-unread" in page and "loss: NaN, not a number" in page
    link = f"{reverse('run-detail', args=[event.run_id])}?pin=7"
    assert f"{link}#batch-title" in page
    assert f"{reverse('run-batch', args=[event.run_id])}?step=7" in client.get(link).content.decode()
    assert unread(editor) == 0 and "nav-count" not in page_of(client, "runs")
    assert "is-unread" not in page_of(client, "alerts")


def test_htmx_refreshing_the_list_in_the_background_does_not_count_as_reading(editor: Actor) -> None:
    nan_run(editor)
    signed_in(editor).get(reverse("alerts"), headers={"HX-Request": "true"})
    assert unread(editor) == 1


def test_alerts_of_other_projects_are_neither_shown_nor_counted(editor: Actor, stranger: Actor) -> None:
    nan_run(editor)
    assert unread(stranger) == 0
    assert alerts_page(stranger, AlertFilter(), "1").paginator.count == 0


@pytest.mark.parametrize(
    ("wanted", "count"),
    [({}, 1), ({"level": "error"}, 1), ({"level": "info"}, 0), ({"rule": "spike"}, 0), ({"rule": "stuck"}, 0),
     ({"rule": "non_finite"}, 1), ({"run": "999"}, 0), ({"run": "no number"}, 0)],
)  # fmt: skip
def test_the_list_can_be_filtered(editor: Actor, wanted: dict[str, str], count: int) -> None:
    nan_run(editor)
    assert alerts_page(editor, AlertFilter(**wanted), "1").paginator.count == count


def test_a_rule_is_added_edited_switched_off_and_removed_in_the_browser(editor_client: Client, editor: Actor) -> None:
    assert 'value="threshold"' in page_of(editor_client, "alert-rule-new")
    assert editor_client.post(reverse("alert-rule-new"), rule_form()).status_code == 302
    row = AlertRule.objects.get()
    rule_id = f"rule-{row.pk}"
    assert active_rules(editor.project.pk)[rule_id].rule.config["value"] == 9.0
    editor_client.post(reverse("alert-rule", args=[rule_id]), rule_form(**{"rule.config.value": "8"}))
    assert active_rules(editor.project.pk)[rule_id].rule.config["value"] == 8.0
    editor_client.post(reverse("alert-rule-switch", args=[rule_id]), {"active": "0"})
    assert rule_id not in active_rules(editor.project.pk) and "Loss too high" in page_of(editor_client, "alert-rules")
    editor_client.post(reverse("alert-rule-remove", args=[rule_id]))
    assert not AlertRule.objects.exists()


def test_another_kind_shows_its_own_settings_and_saves_nothing(editor_client: Client) -> None:
    sent = rule_form(**{"rule.key": "spike"}) | {"_refresh": "1"}
    page = editor_client.post(reverse("alert-rule-new"), sent, headers={"HX-Request": "true"}).content.decode()
    assert 'name="rule.config.window"' in page and "<html" not in page and not AlertRule.objects.exists()


def test_a_wrong_setting_comes_back_at_its_field(editor_client: Client) -> None:
    response = editor_client.post(reverse("alert-rule-new"), rule_form(cooldown="0"))
    assert response.status_code == 422 and "greater than or equal to 1" in response.content.decode()
    assert not AlertRule.objects.exists()


def test_a_rule_of_the_default_set_can_be_changed_and_set_back(editor: Actor, editor_client: Client) -> None:
    editor_client.post(reverse("alert-rule-switch", args=["spike"]), {"active": "0"})
    assert "spike" not in active_rules(editor.project.pk)
    assert rule_get(editor, "spike").changed
    editor_client.post(reverse("alert-rule-remove", args=["spike"]))
    assert "spike" in active_rules(editor.project.pk) and not AlertRule.objects.exists()


def test_a_rule_that_no_longer_exists_is_shown_as_stored_and_watches_nothing(
    editor: Actor, editor_client: Client
) -> None:
    config = {"name": "old", "rule": {"key": "of_last_year", "config": {"x": 1}}, "level": "warn"}
    row = AlertRule.objects.create(project=editor.project, config=config)
    rule_id = f"rule-{row.pk}"
    assert "cannot be read any more" in page_of(editor_client, "alert-rules")
    assert "of_last_year" in page_of(editor_client, "alert-rule", rule_id)
    assert rule_id not in active_rules(editor.project.pk)
    assert editor_client.post(reverse("alert-rule-switch", args=[rule_id]), {"active": "1"}).status_code == 302
    editor_client.post(reverse("alert-rule-remove", args=[rule_id]))
    assert not AlertRule.objects.exists()


def test_a_viewer_reads_the_rules_and_changes_none(editor: Actor, viewer: Actor) -> None:
    client = signed_in(viewer)
    assert "New rule" not in page_of(client, "alert-rules") and "Settings" in page_of(client, "alert-rule", "spike")
    assert client.get(reverse("alert-rule-new")).status_code == 403
    assert client.post(reverse("alert-rule-switch", args=["spike"]), {"active": "0"}).status_code == 403
    assert len(rules_of(viewer.project.pk)) == len(PRESETS)


def test_rules_of_one_project_do_not_reach_another(editor: Actor, stranger: Actor) -> None:
    services.add_rule(editor, {"name": "mine", "rule": {"key": "threshold"}})
    assert [rule.name for rule in rules_of(stranger.project.pk)].count("mine") == 0
