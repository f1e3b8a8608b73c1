"""The portfolio and the page of a checkpoint: facts, predictions, measurements, family, verification, download."""

from __future__ import annotations

import io
import tarfile

import pytest
from django.urls import reverse
from django.utils import timezone

from chimera.jobs import runner
from chimera.jobs.models import Job, Worker
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.model_factory import make_checkpoints
from tests.web.run_factory import make_run
from training_app.models import Checkpoint, WorkerSpeed

pytestmark = [pytest.mark.django_db, pytest.mark.torch]
RATES = {"64": 1e10, "1024": 4e10}


@pytest.fixture
def checkpoint(editor, tmp_path):
    return make_checkpoints(editor, tmp_path, 1)[0]


@pytest.fixture
def speed():
    Worker.objects.create(name="cpu@lab", host="lab", queues="cpu", memory_bytes=2**34, seen_at=timezone.now())
    return WorkerSpeed.objects.create(
        host="lab", device="cpu", device_name="AVX2", threads=1, memory_bytes=2**34, bandwidth=1e10, torch="2",
        matmul={"float32": RATES, "bf16": RATES},
    )  # fmt: skip


def text_of(client, name, *arguments, **query):
    response = client.get(reverse(name, args=arguments), query)
    assert response.status_code == 200
    return response.content.decode()


def of_a_run(editor, parent, step=16, **manifest):
    """A checkpoint row of a run that went on from `parent`; its files are not here."""
    run = make_run(editor, f"run to {step}", steps=step)
    run.latest = {"tokens_per_second": 2048.0, "memory/peak": 668.0}
    run.step, run.tokens, run.summary = step, step * 256, {"device": "cpu"}
    run.save()
    return Checkpoint.objects.create(
        project=editor.project, name=run.name, version=1, digest=f"{step:064x}", manifest={"files": {}, **manifest},
        run=run, parent=parent, step=step, tokens=step * 256,
    )  # fmt: skip


def test_a_model_stands_with_what_it_is_and_what_training_it_takes(editor_client, checkpoint, speed):
    page = text_of(editor_client, "models")
    assert all(words in page for words in ("model-0:v1", "llama", "5200", "CC0-1.0", "no sequences of it"))
    assert "starter, from scratch" in page and "1.07 M" in page
    assert page.count("✓") == 4 and "✗" not in page and "tok/s" in page
    assert "not measured yet" in page and "40 GFLOP/s" in page


def test_what_does_not_fit_the_memory_is_told(editor_client, checkpoint, speed):
    page = text_of(editor_client, "models", memory_gb="0.56")
    assert "fits 0.56 GB?" in page and "✗" in page and "✓" in page, "the tiny one fits, the starter does not"
    wrong = text_of(editor_client, "models", memory_gb="-1")
    assert "greater than 0" in wrong and "fits 16 GB?" in wrong


def test_the_settings_of_the_step_change_what_is_predicted(editor_client, checkpoint, speed):
    small = text_of(editor_client, "models", sequences="1")
    large = text_of(editor_client, "models", sequences="64", precision="bf16", checkpointing="on", rank="16")
    assert "1 × 256 tokens" in small
    assert "64 × 256 tokens" in large and "gradient checkpointing, on lab" in large and "r = 16" in large


def test_without_a_measured_worker_memory_is_predicted_and_time_is_not(editor_client, checkpoint):
    page = text_of(editor_client, "models")
    assert "No worker is measured yet" in page and "✓" in page and "tok/s" not in page
    assert "No worker is alive" in page


def test_a_run_is_measured_beside_its_prediction(editor, editor_client, checkpoint, speed):
    row = of_a_run(editor, checkpoint, summary={"held_out_macro": 2.5})
    page = text_of(editor_client, "models")
    assert "700 MB" in page and "125 ms" in page and "2.5000" in page and "from <a" in page
    assert "sizes unknown here" in page
    detail = text_of(editor_client, "checkpoint-detail", row.pk)
    assert "Predicted and measured" in detail and "700 MB" in detail


def test_the_family_of_a_checkpoint_is_drawn_and_listed(editor, editor_client, checkpoint):
    first, second = (of_a_run(editor, checkpoint, step, adapter={"key": "lora"}) for step in (8, 16))
    second.run = first.run
    second.save()
    merged = of_a_run(editor, None, 1, averaged=[first.digest, second.digest])
    for row in (checkpoint, first, second, merged):
        page = text_of(editor_client, "checkpoint-detail", row.pk)
        assert all(each.label in page for each in (checkpoint, first, second, merged))
        assert all(words in page for words in ("LoRA", "trained on", "average", "import"))


def test_verification_runs_as_a_job_and_says_what_it_found(editor_client, viewer_client, checkpoint):
    url = reverse("checkpoint-verify", args=[checkpoint.pk])
    assert viewer_client.post(url).status_code == 403
    assert "Not verified yet" in text_of(editor_client, "checkpoint-detail", checkpoint.pk)
    editor_client.post(url)
    editor_client.post(url)
    job = Job.objects.get(kind="verify-checkpoint")
    assert "is queued" in text_of(editor_client, "checkpoint-verify", checkpoint.pk)
    runner.run_job(job.pk)
    assert "Whole:" in text_of(editor_client, "checkpoint-detail", checkpoint.pk)


def test_a_download_is_a_folder_that_transformers_opens(editor_client, stranger, checkpoint, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training_app.core.checkpoint import Checkpoint as Opened

    url = reverse("checkpoint-export", args=[checkpoint.pk])
    sent = b"".join(editor_client.get(url))
    with tarfile.open(fileobj=io.BytesIO(sent)) as packed:
        packed.extractall(tmp_path / "out")
    folder = tmp_path / "out" / "model-0-v1"
    assert "license: CC0-1.0" in (folder / "README.md").read_text()
    again = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    ours = Opened.open(checkpoint.stored()).load_model().state_dict()
    assert all(torch.equal(again[name], ours[name]) for name in ours)
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert b"".join(editor_client.get(url)) == sent, "equal checkpoints give equal bytes"
    assert signed_in(stranger).get(url).status_code == 404


def test_measuring_starts_a_job_that_writes_the_speeds(editor_client, viewer_client, monkeypatch):
    from training_app.core.jobs import measure_worker

    monkeypatch.setattr(measure_worker, "WIDTHS", {"cpu": (64,), "cuda": (128,)})
    assert viewer_client.post(reverse("models-measure")).status_code == 403
    editor_client.post(reverse("models-measure"))
    job = Job.objects.get(kind="measure-worker")
    job.config["seconds"] = 0.01
    job.save()
    runner.run_job(job.pk)
    assert WorkerSpeed.objects.filter(device="cpu", threads=1).get().peaks["float32"] > 1e7
