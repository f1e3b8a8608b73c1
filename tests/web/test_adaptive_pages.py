"""A run whose order is decided while it goes on, made through the doors, and its pages."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_job
from chimera.projects.access import Actor
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import Schedule
from curriculum_app.selectors.passports import Place
from tests import factories
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from training_app.core import engine  # noqa: F401  (loads torch before the clock of a test runs)
from training_app.core.configs import TINY
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors import exposures
from training_app.selectors.data_seen import verdict_on_order

pytestmark = [pytest.mark.django_db, pytest.mark.torch]
STEPS = 12


def done(actor: Actor, kind: str, **config: Any) -> Job:
    job, _ = services.start(actor, kind, config)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    return job


@pytest.fixture
def trained(editor: Actor, settings: Any) -> TrainingRun:
    settings.LEASE_SECONDS = 600.0  # no beat is seen inside a test's transaction
    sequences = factories.make_sequences(editor)
    length = sequences.manifest["sequence_length"]
    policy = {"key": "dihcl", "config": {"passes": 3}}
    done(editor, "schedule", name="hard", sequences=sequences.uid, policy=policy, budget_tokens=4 * STEPS * length)
    schedule = Schedule.objects.get()
    done(editor, "train", name="adaptive", schedule=schedule.uid, model=TINY.as_json(), probes=[], evaluate_every=0)
    return TrainingRun.objects.get()


def test_the_run_is_proven_and_every_page_says_what_was_decided(
    trained: TrainingRun, editor: Actor, settings: Any
) -> None:
    run, client = trained, signed_in(editor)
    assert run.schedule is not None and run.steps == run.step == STEPS
    assert run.schedule.order_digest == "" and run.budget_tokens == run.tokens
    assert verdict_on_order(run).word == "equal" and run.planned_digest
    assert {"curriculum/gini", "curriculum/temperature"} <= run.latest.keys()

    def text(name: str, *arguments: Any, **query: Any) -> str:
        response = client.get(reverse(name, args=arguments), query)
        assert response.status_code == 200, name
        return response.content.decode()

    page = text("run-detail", run.pk)
    assert "delivered = decided" in page and "Hardness of the candidates" in page
    page = text("run-curriculum", run.pk)
    assert "12 decisions, 48 rows so far" in page and "Highest hardness" in page and "episode 1: 16 of 16" in page
    document = reverse("dataset-document", args=[run.schedule.sequence_set.dataset_id])
    assert f'<a href="{document}?id=' in page
    figure = client.get(reverse("run-standing", args=[run.pk])).json()
    assert figure["data"][0]["type"] == "heatmap" and len(figure["table"]["rows"]) == len(figure["data"][0]["x"])
    page = text("run-data", run.pk, step=6)
    assert "its journal says: drawn by <strong>exp</strong>, episode <strong>2</strong>" in page
    assert "Times shown" in page and "rows and reasons (JSON)" in page
    assert "No journal on this machine has come to step 99" in text("run-batch", run.pk, step=99)
    for name in ("run-logs", "run-config"):
        text(name, run.pk)

    page = text("schedule-detail", run.schedule_id)
    assert "chosen from 16 during the run" in page and "No order was planned" in page and "Order file" not in page
    assert "no mixture can be drawn beforehand" in text("curriculum-detail", run.schedule.curriculum_id)
    for name in ("schedule-order-npy", "schedule-order-json"):
        assert client.get(reverse(name, args=[run.schedule_id])).status_code == 404

    rows = np.load(io.BytesIO(client.get(reverse("run-order-npy", args=[run.pk])).content))
    body = client.get(reverse("run-order-json", args=[run.pk])).json()
    delivered = np.load(Checkpoint.objects.get().stored().path / "delivered.npy")
    assert (
        np.array_equal(rows, delivered)
        and body["rows"] == [list(row) for row in rows.tolist()]
        and body["steps"] == [4] * STEPS
    )
    assert body["reasons"][0] == {"episode": 1, "drawn_by": "full pass"}


def test_exposures_of_a_document_are_those_of_the_journal(trained: TrainingRun, editor: Actor) -> None:
    assert trained.schedule is not None
    sequences = trained.schedule.sequence_set
    table = SequenceTable.open(sequences.stored())
    rows = np.load(Checkpoint.objects.get().stored().path / "delivered.npy")
    name = table.documents_of(int(rows["sequence"][0]))[0].document["id"]
    shown = exposures.of_document(editor, Place(sequences.dataset, name))["exposures"][0]
    holding = [place for place, row in enumerate(rows)
               if any(piece.document["id"] == name for piece in table.documents_of(int(row["sequence"])))]  # fmt: skip
    assert [item.step for item in shown.shown] == sorted({place // 4 + 1 for place in holding})[: len(shown.shown)]
    assert shown.delivered == shown.count > 1, "shown again by a later episode"


def test_a_run_without_files_here_says_what_will_come(editor: Actor) -> None:
    from tests.web.run_factory import make_run

    sequences = factories.make_sequences(editor)
    policy = {"key": "dihcl", "config": {"passes": 2}}
    length = sequences.manifest["sequence_length"]
    done(editor, "schedule", name="hard", sequences=sequences.uid, policy=policy, budget_tokens=16 * length)
    run, client = make_run(editor), signed_in(editor)
    TrainingRun.objects.filter(pk=run.pk).update(schedule=Schedule.objects.get())
    page = client.get(reverse("run-curriculum", args=[run.pk])).content.decode()
    assert "chooses every step" in page and "first resume point" in page
    assert client.get(reverse("run-standing", args=[run.pk])).status_code == 404
    assert client.get(reverse("run-order-npy", args=[run.pk])).status_code == 404
    assert "No journal on this machine" in client.get(reverse("run-data", args=[run.pk])).content.decode()
