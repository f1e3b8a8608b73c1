"""The passport of a document: stations, rules asked again, duplicates, scores, exposures."""

import numpy as np
import pytest
from django.urls import reverse

from chimera.jobs import bell, dispatch, runner, services
from curriculum_app.core.dataset_version import DatasetVersion as Opened
from curriculum_app.core.documents import Document
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors.passports import Place
from tests.conftest import signed_in
from tests.factories import make_dataset, make_schedule, make_sequences, store
from tests.web.run_factory import make_run
from training_app.core.configs import TrainConfig
from training_app.models import Checkpoint, MetricRow
from training_app.selectors import exposures

PROSE = "The museum opened in the spring, and many people came to see what it had to show them. " * 5


@pytest.fixture
def raw(editor):
    documents = [
        Document("good", PROSE + "Write to jane.roe@museum.example for more.", "web", url="https://example.org/a"),
        Document("copy", PROSE + "Write to jane.roe@museum.example for mor", "web"),
        Document("short", "Too short.", "web"),
    ]
    return make_dataset(editor, "pages", documents=documents)


@pytest.fixture
def curated(editor, raw, monkeypatch):
    monkeypatch.setattr(dispatch, "send", lambda queue: None)
    monkeypatch.setattr(bell, "ring", lambda group, payload: None)
    config = {"name": "clean", "datasets": [raw.uid], "recipes": {"*": [{"key": "min_length"}]}, "workers": 1}
    services.start(editor, "curate", config)
    assert runner.run_next("cpu")
    return DatasetVersion.objects.get(stage="curated")


def page(client, version, name, part="dataset-document"):
    return client.get(reverse(part, args=[version.pk]), {"id": name})


def test_a_kept_document_names_its_stations_and_what_was_dropped_for_it(viewer_client, raw, curated):
    found = page(viewer_client, curated, "good")
    assert [(item.version, item.dropped) for item in found.context["stations"]] == [(raw, None), (curated, None)]
    assert [item.document.id for item in found.context["duplicates"]] == ["copy"]
    assert found.context["origin"][0] == raw
    assert "beside=copy" in found.content.decode()


def test_the_rules_are_asked_again_on_the_raw_text(viewer_client, curated):
    steps = page(viewer_client, curated, "good", "dataset-document-rules").context["steps"]
    assert [(step.key, step.verdict) for step, _ in steps] == [("min_length", "kept"), ("pii", "changed")]
    assert any("jane" in piece.text for piece in steps[1][1] if piece.kind == "gone")


def test_a_dropped_document_shows_the_rule_that_decided(viewer_client, curated):
    assert "dropped by min_length" in page(viewer_client, curated, "short").content.decode()
    text = page(viewer_client, curated, "short", "dataset-document-rules")
    step = text.context["steps"][0][0]
    stored = curated.stored()
    dropped = Opened.open(stored).find("short")
    assert [rule.statistic for rule in step.rules if rule.decided] == [dropped.statistic]
    assert "decided" in text.content.decode()


def test_a_raw_document_has_no_rules_yet(viewer_client, raw):
    found = page(viewer_client, raw, "good")
    assert found.context["origin"] is None and "Asking every rule" not in found.content.decode()
    assert page(viewer_client, raw, "good", "dataset-document-rules").status_code == 404


def test_others_are_kept_out(stranger, curated):
    client = signed_in(stranger)
    for part in ("dataset-document", "dataset-document-rules"):
        assert page(client, curated, "good", part).status_code == 404


def test_exposures_are_the_steps_of_the_order_that_hold_its_tokens(editor):
    sequences = make_sequences(editor)
    schedule = make_schedule(editor, sequences=sequences)
    run = make_run(editor)
    run.schedule = schedule
    run.save()
    table, rows = SequenceTable.open(sequences.stored()), Schedule.open(schedule.stored()).rows
    batch = TrainConfig.model_validate(run.job.config).batch_sequences
    piece = table.documents_of(int(rows["sequence"][0]))[0]
    name = piece.document["id"]
    shown = exposures.of_document(editor, Place(sequences.dataset, name))["exposures"][0]
    expected = {}
    for place, row in enumerate(rows):
        tokens = sum(p.length for p in table.documents_of(int(row["sequence"])) if p.document["id"] == name)
        if tokens:
            expected[place // batch + 1] = expected.get(place // batch + 1, 0) + tokens
    assert shown.count == len(expected) and shown.run == run
    assert {item.step: item.tokens for item in shown.shown} == dict(list(expected.items())[: len(shown.shown)])
    assert exposures.of_document(editor, Place(sequences.dataset, "nobody")) == {}


def test_losses_are_those_logged_at_the_steps(editor):
    run = make_run(editor)
    points = {"step": [1, 2], "tokens": [8, 16], "time": [0.0, 1.0], "values": {"loss": [[0, 2.5], [1, 2.25]]}}
    MetricRow.objects.create(run=run, attempt=1, seq=99_999, first_step=1, last_step=2, points=points)
    assert exposures.losses_at(editor, run, [2, 7]) == {2: 2.25}


def test_a_loss_is_that_of_the_rows_with_the_document_where_a_checkpoint_has_it(editor):
    sequences = make_sequences(editor)
    run = make_run(editor)
    run.schedule, run.step = make_schedule(editor, sequences=sequences), 999
    run.save()
    table, rows = SequenceTable.open(sequences.stored()), Schedule.open(run.schedule.stored()).rows
    name = table.documents_of(int(rows["sequence"][5]))[0].document["id"]
    batch = TrainConfig.model_validate(run.job.config).batch_sequences
    losses = np.arange(len(rows), dtype=np.float32)
    with store().stage("checkpoint") as stage:
        np.save(stage.path / "row_losses.npy", losses)
        digest = stage.seal("ab" * 32, {}).digest
    Checkpoint.objects.create(project=editor.project, run=run, name="kept", version=1, digest=digest)
    shown = exposures.of_document(editor, Place(sequences.dataset, name))["exposures"][0]
    counts = np.array([
        sum(p.length for p in table.documents_of(int(each["sequence"])) if p.document["id"] == name) for each in rows
    ])  # fmt: skip
    for exposure in shown.shown:
        at = slice((exposure.step - 1) * batch, exposure.step * batch)
        assert exposure.loss == pytest.approx((losses[at] * counts[at]).sum() / counts[at].sum())


def test_a_hundred_runs_cost_as_much_as_a_dozen(editor, monkeypatch, django_assert_max_num_queries):
    version = make_sequences(editor).dataset
    orders = [make_schedule(editor, sequences=make_sequences(editor, version, f"set {n}")) for n in range(2)]
    for number in range(100):
        run = make_run(editor)
        type(run).objects.filter(pk=run.pk).update(schedule=orders[number % 2])
    table = SequenceTable.open(orders[0].sequence_set.stored())
    name = table.documents_of(int(Schedule.open(orders[0].stored()).rows["sequence"][0]))[0].document["id"]
    opened = []
    for cls in (Schedule, SequenceTable):
        monkeypatch.setattr(cls, "open", lambda stored, real=cls.open: opened.append(stored.digest) or real(stored))
    with django_assert_max_num_queries(4 + exposures.RUNS_SHOWN):
        found = exposures.of_document(editor, Place(version, name))
    numbers = [item.run.pk for item in found["exposures"]]
    assert len(numbers) == exposures.RUNS_SHOWN and numbers == sorted(numbers, reverse=True)
    assert len(opened) == 4, "each of two sets and two orders once"
