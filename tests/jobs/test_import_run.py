"""Import of finished runs as a job: rows, tokens, names, once each, all or none, at every door."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from chimera.jobs import services
from chimera.jobs.kinds import page_of
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_job
from chimera.projects.access import Actor
from tests.conftest import signed_in
from tests.core.training.run_readers.event_files import event, scalar, write
from tests.web.test_api import Api
from training_app.models import TrainingRun
from training_app.selectors.history import history

pytestmark = pytest.mark.django_db


def imported(actor: Actor, path: Path, **config: Any) -> Job:
    job, _ = services.start(actor, "import-run", {"path": str(path), **config})
    run_job(job.pk)
    job.refresh_from_db()
    return job


def board(root: Path) -> Path:
    for name, start in (("a", 3.0), ("b", 4.0)):
        rows = (
            event(step, scalar("train/loss", start / step), scalar("train/num_tokens", step * 50.0), time=100.0 + step)
            for step in (1, 2)
        )
        write(root / "board" / name / "events.out.tfevents.1", *rows, event(2, scalar("odd*name", 1.0), time=103.0))
    return root / "board"


def test_runs_keep_series_steps_tokens_and_wall_time(editor: Actor, tmp_path: Path) -> None:
    job = imported(editor, board(tmp_path), group="old")
    assert job.state == State.SUCCEEDED, job.error_text
    assert (job.summary["runs"], job.summary["new"], job.summary["points"]) == (2, 2, 10)
    first = TrainingRun.objects.get(name="a")
    assert job.artifacts == {run.name: run.uid for run in TrainingRun.objects.all()}
    assert (first.source, first.group, first.steps, first.step, first.tokens) == ("tensorboard", "old", 2, 2, 100)
    assert first.latest == {"loss": 1.5, "train/num_tokens": 100.0, "odd_name": 1.0}
    loss = history(editor, first, ["loss"]).series["loss"]
    assert (loss.step.tolist(), loss.tokens.tolist(), loss.time.tolist()) == ([1, 2], [50, 100], [101.0, 103.0])
    assert first.job.state == State.SUCCEEDED and first.job.kind == "external-run" and not first.job.lease_owner
    assert page_of(job).startswith(reverse("runs-compare"))
    assert signed_in(editor).get(reverse("run-detail", args=[first.pk])).status_code == 200


def test_the_same_source_again_gives_the_same_runs(editor: Actor, tmp_path: Path) -> None:
    first = imported(editor, board(tmp_path))
    again = imported(editor, tmp_path / "board")
    assert again.artifacts == first.artifacts and (again.summary["new"], TrainingRun.objects.count()) == (0, 2)
    write(tmp_path / "board" / "a" / "events.out.tfevents.2", event(3, scalar("train/loss", 0.5)))
    assert imported(editor, tmp_path / "board").summary["new"] == 1, "a run that has grown is another one"


def test_an_archive_of_a_folder_gives_the_runs_of_the_folder(editor: Actor, tmp_path: Path) -> None:
    folder = board(tmp_path)
    with zipfile.ZipFile(tmp_path / "board.zip", "w") as archive:
        for file in folder.rglob("*.1"):
            archive.write(file, file.relative_to(tmp_path))
    assert imported(editor, tmp_path / "board.zip").artifacts == imported(editor, folder).artifacts


def test_a_bad_file_is_named_and_no_run_of_its_source_is_made(editor: Actor, tmp_path: Path) -> None:
    folder = board(tmp_path)
    bad = folder / "z" / "events.out.tfevents.1"
    bad.parent.mkdir()
    bad.write_bytes(b"?" * 100)
    job = imported(editor, folder)
    assert job.state == State.FAILED and not TrainingRun.objects.exists()
    assert (job.problems[0]["file"], job.problems[0]["line"], job.problems[0]["field"]) == (str(bad), 1, "record")
    missing = imported(editor, tmp_path / "none")
    assert "no such file on this worker" in missing.problems[0]["message"]


def test_names_tokens_and_equal_runs(editor: Actor, tmp_path: Path) -> None:
    """A step's later value counts; tokens by the step where nothing counts them; settings of one run are its config."""
    file = tmp_path / "trainer_state.json"
    log = [{"step": 1, "loss": 3.0}, {"step": 1, "loss": 2.0, "lr": 0.1}, {"step": 5, "loss": 1.0}]
    file.write_text(json.dumps({"log_history": log, "max_steps": 5, "nan": float("nan")}))
    job = imported(editor, file, tokens_per_step=10, rename={"lr": "learning_rate"})
    run = TrainingRun.objects.get()
    assert job.artifacts == {"run": run.uid} and page_of(job) == reverse("run-detail", args=[run.pk])
    assert run.tokens == 50 and run.latest == {"loss": 1.0, "learning_rate": 0.1} and run.sparkline == [2.0, 1.0]
    assert run.job.config["settings"] == {"max_steps": 5, "nan": "nan"}


def test_every_door_leads_in(editor: Actor, owner: Actor, viewer: Actor, tmp_path: Path) -> None:
    folder = board(tmp_path)
    assert Api(editor).post("/jobs/import-run", {"path": str(folder)}, 201)["status"] == "queued"
    wrong = Api(editor).post("/jobs/import-run", {"path": "x", "reader": {"key": "xls"}}, 422)["problems"][0]
    assert wrong["field"] == "reader.key" and "unknown run reader" in wrong["message"]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"path": str(folder)}))
    call_command("chimera", "run", "import-run", "--config", str(config), "--json", stdout=io.StringIO())
    client = signed_in(editor)
    upload = SimpleUploadedFile("history.csv", b"_step,loss\n1,2.5\n")
    answer = client.post(reverse("runs-bring"), {"file": upload, "group": "g", "idempotency_key": "k"})
    job = Job.objects.get(idempotency_key="k")
    assert answer["Location"] == reverse("job-detail", args=[job.pk])
    run_job(job.pk)
    assert TrainingRun.objects.get().name == "history" and TrainingRun.objects.get().group == "g"
    nothing = client.post(reverse("runs-bring"), {})
    assert nothing.status_code == 422 and "one of the two" in nothing.content.decode()
    assert signed_in(viewer).post(reverse("runs-bring"), {"path": "x"}).status_code == 403
