"""A run's rules while its points are written: what they say is kept with the points, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse

from chimera.jobs.leasing import Lease
from chimera.jobs.models import ControlRequest, Job, State
from chimera.jobs.transitions import move
from chimera.webhooks.formats import Notice
from chimera.webhooks.services import announce
from training_app.core.alert_rules import Alert, AlertSet
from training_app.core.tally import stored_number
from training_app.models import RunEvent, TrainingRun
from training_app.selectors.alert_rules import active_rules, last_change


class Alerting:
    """The alerts of one run, for its recorder.

    What is found while points are buffered is written with them, under the lease: so an alert is there exactly as long
    as its point is, and a run that is resumed replays the points and repeats nothing.
    """

    def __init__(self, run: TrainingRun, lease: Lease) -> None:
        self.run_id, self.project_id, self.lease = run.pk, run.project_id, lease
        self.uid, self.name = run.uid, run.name
        self._set: AlertSet | None = None
        self._rules_of: object = None
        self._found: list[Alert] = []

    def add(self, step: int, tokens: int, values: Mapping[str, float]) -> None:
        """Take the points of a step that are new."""
        self._found += self._rules().add(step, tokens, values)

    def replay(self, step: int, tokens: int, values: Mapping[str, float]) -> None:
        """Take points that are stored; what they gave has been said."""
        self._rules().add(step, tokens, values)

    def watches(self, key: str) -> bool:
        """Whether some rule looks at the series `key`."""
        return self._rules().watches(key)

    def start_over(self) -> None:
        """Before a replay."""
        self._set, self._found = None, []

    def save(self, job: Job) -> bool:
        """Write what was found; whether there was anything. Call it in a transaction that holds the row of `job`."""
        for alert in self._found:
            _, new = RunEvent.objects.get_or_create(
                run_id=self.run_id,
                rule=alert.rule_id,
                key=alert.key[:300],
                step=alert.step,
                defaults={
                    "attempt": self.lease.attempt, "kind": "alert", "level": alert.level, "value": alert.value,
                    "message": alert.message[:500],
                },
            )  # fmt: skip
            if new:
                announce(self.project_id, self._notice(alert))
            if new and alert.stop:
                self._stop(job, alert)
        return bool(self._found)

    def saved(self) -> None:
        """What `save` wrote is committed."""
        self._found = []

    def look_for_other_rules(self) -> None:
        """Go on with the rules as they are now, if somebody has changed them."""
        change = last_change(self.project_id)
        if self._set is not None and change != self._rules_of:
            self._set.change(active_rules(self.project_id))
            self._rules_of = change

    def _rules(self) -> AlertSet:
        if self._set is None:
            self._rules_of = last_change(self.project_id)
            self._set = AlertSet(active_rules(self.project_id))
        return self._set

    def _notice(self, alert: Alert) -> Notice:
        """What webhooks are told, named by its point: a resumed run that comes here again tells nothing."""
        number = stored_number(alert.value)
        facts = {"run": self.uid, "run_name": self.name, "step": alert.step, "rule": alert.rule_id}
        once = f"{self.uid}:{alert.rule_id}:{alert.step}:{alert.key}"
        path = f"{reverse('run-detail', args=[self.run_id])}?pin={alert.step}#batch-title"
        facts |= {"key": alert.key, "value": number}
        return Notice(alert.level, f"{self.name}, step {alert.step:,}", alert.message, path, once, facts=facts)

    def _stop(self, job: Job, alert: Alert) -> None:
        """Let the run pause at its next step, as if a user had asked for it."""
        if job.control == ControlRequest.NONE:
            note = f"pause asked by the rule {alert.message}"
            move(job, [State.RUNNING], State.RUNNING, lease=self.lease.token, note=note, control=ControlRequest.PAUSE)
