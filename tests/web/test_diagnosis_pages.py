"""Diagnoses: the list, the page of one with its figures, and what the probes of a run cost."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from chimera.artefacts import ArtefactStore
from tests import factories
from tests.web.run_factory import Clock, make_run, recorder_of
from training_app.core.diagnosis import LayerRanks, OrderFacts, save_diagnosis
from training_app.models import Checkpoint, Diagnosis

pytestmark = pytest.mark.django_db
NAMES = ("diagnosis-detail", "diagnosis-ranks")


@pytest.fixture
def row(editor) -> Diagnosis:
    layers = [LayerRanks(f"model.layers.{n}.mlp.up_proj", 1.25, 2.5 + n, 0) for n in range(2)]
    own = OrderFacts("schedule", [[1, 0.5, 0.4], [0.5, 1, 0.6], [0.4, 0.6, 1]], layers, 100.0)
    other = OrderFacts("shuffle 1", [[1, 0.9, 0.8], [0.9, 1, 0.85], [0.8, 0.85, 1]], layers, None)
    facts = {"checkpoint": "c", "schedule": "s", "chunks": 3, "batches": 2, "batch_sequences": 4, "tokens": 256}
    stored = save_diagnosis(ArtefactStore(settings.DATA_DIR / "artefacts"), facts, {}, [own, other])
    checkpoint = Checkpoint.objects.create(project=editor.project, name="small", version=1, digest="d" * 64)
    return Diagnosis.objects.create(
        project=editor.project, name="along", version=1, digest=stored.digest, manifest=facts, checkpoint=checkpoint,
        schedule=factories.make_schedule(editor),
        summary={"cosine": 0.5, "cosine_shuffled": 0.85, "stable_rank": 3.0, "stable_rank_shuffled": None},
    )  # fmt: skip


def test_the_page_says_what_was_found_and_whether_it_was_enough(editor_client, row):
    page = editor_client.get(reverse("diagnosis-detail", args=[row.pk])).content.decode()
    for part in ("less alike than those of every shuffle", "0.5000", "shuffle 1", "noise scale is 100", "small:v1"):
        assert part in page, part
    assert "along:v1" in editor_client.get(reverse("diagnoses")).content.decode()
    assert "along:v1" in editor_client.get(reverse("checkpoint-detail", args=[row.checkpoint_id])).content.decode()


def test_its_figures_have_a_table_beside_them(editor_client, row):
    first, second = (editor_client.get(reverse("diagnosis-cosines", args=[row.pk, n])).json() for n in (0, 1))
    assert first["data"][0]["z"][0] == [None, 0.5, 0.4] and first["table"]["rows"][0] == ["1", 1, 0.5, 0.4]
    assert first["data"][0]["zmin"] == second["data"][0]["zmin"] == 0.4 and second["data"][0]["zmax"] == 0.9
    ranks = editor_client.get(reverse("diagnosis-ranks", args=[row.pk])).json()
    assert ranks["table"]["rows"][1] == ["1 up_proj", 3.5, 1.25, 3.5, 1.25, 0]
    assert editor_client.get(reverse("diagnosis-cosines", args=[row.pk, 7])).status_code == 404


def test_a_diagnosis_of_another_project_is_not_found(stranger, row):
    outsider = Client()
    outsider.force_login(stranger.user)
    assert [outsider.get(reverse(name, args=[row.pk])).status_code for name in NAMES] == [404, 404]


def test_an_empty_list_says_the_next_step(editor_client):
    assert "Nothing diagnosed yet" in editor_client.get(reverse("diagnoses")).content.decode()


def test_the_config_tab_says_what_the_probes_cost(editor, editor_client):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    for step in range(1, 11):
        costs = {"probe_seconds/stable_rank": 0.02, "probe_seconds/token_entropy": 0.001} if step % 5 == 0 else {}
        recorder.write(step, step * 1000, {"loss": 3.0, "tokens_per_second": 10_000.0, **costs})
    recorder.flush()
    page = editor_client.get(reverse("run-config", args=[run.pk])).content.decode()
    for part in ("What the probes cost", "together 4.2 %", "Stable rank of gradients", "50 steps", "20 ms", "4.0 %"):
        assert part in page, part
    assert (
        "What the probes cost"
        not in editor_client.get(reverse("run-config", args=[make_run(editor).pk])).content.decode()
    )
