"""The logging client and the transformers callback against the real server, which is restarted under them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler

from chimera.client import ClientError, sender, start
from chimera.client.transport import Away, Transport
from chimera.jobs import services
from chimera.projects.access import Actor
from chimera.projects.services import create_token
from training_app.models import RunEvent, TrainingRun
from training_app.selectors.history import history
from training_app.services import live_recorders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore:chimera:UserWarning")]


class AgainThread(LiveServerThread):
    """Takes the port that it has had before."""

    def _create_server(self, connections_override: Any = None) -> Any:
        address = (self.host, self.port)
        return self.server_class(address, QuietWSGIRequestHandler, allow_reuse_address=True)


class Site:
    """The web application on one port; `stop` and `begin` are a restart, after which no recorder is remembered."""

    def __init__(self) -> None:
        self.port = 0
        self.begin()

    def begin(self) -> None:
        # no static files: the API is all that is asked for
        from django.contrib.staticfiles.handlers import StaticFilesHandler

        self._thread = AgainThread("127.0.0.1", StaticFilesHandler, port=self.port)
        self._thread.daemon = True
        self._thread.start()
        self._thread.is_ready.wait()
        assert self._thread.error is None
        self.port = self._thread.port
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._thread.terminate()
        live_recorders._kept.clear()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    monkeypatch.setattr(sender, "INTERVAL", 0.02)
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.02)
    monkeypatch.chdir(tmp_path)
    server = Site()
    yield server
    server.stop()
    connections.close_all()


def losses(actor: Actor, run: TrainingRun) -> list[tuple[int, int, float]]:
    series = history(actor, run, ["loss"]).series["loss"]
    return list(zip(series.step.tolist(), series.tokens.tolist(), series.value.tolist(), strict=True))


def wait_until(true: Any) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_restart_of_the_server_and_a_lost_answer_lose_and_double_nothing(
    site: Site, editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = create_token(editor, "t")[1]
    dropped: list[int] = []
    post = Transport.post

    def lossy(self: Transport, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Every third batch arrives and its answer does not."""
        said = post(self, path, body)
        if path.endswith("points") and body["seq"] % 3 == 1 and body["seq"] not in dropped:
            dropped.append(body["seq"])
            raise Away("the answer was lost")
        return said

    monkeypatch.setattr(Transport, "post", lossy)
    with start(site.url, token, name="far", config={"lr": 1}, steps=300) as logged:
        for step in range(1, 301):
            logged.log({"loss": 1 / step}, step=step, tokens=step * 10)
            if step == 100:
                wait_until(lambda: TrainingRun.objects.get().step >= 50)
                site.stop()
            if step == 200:
                site.begin()
                wait_until(lambda: TrainingRun.objects.get().step >= 150)
    run = TrainingRun.objects.select_related("job").get()
    assert losses(editor, run) == [(step, step * 10, 1 / step) for step in range(1, 301)]
    assert (run.job.state, run.step, run.best["loss"], bool(dropped)) == ("succeeded", 300, 1 / 300, True)
    assert logged.url == f"{site.url}/runs/{run.pk}/"


def test_a_cancelled_run_tells_its_program(site: Site, editor: Actor) -> None:
    logged = start(site.url, create_token(editor, "t")[1], name="far")
    logged.log({"loss": 1.0})
    wait_until(lambda: TrainingRun.objects.get().step == 1)
    services.cancel(editor, TrainingRun.objects.get().job)
    logged.log({"loss": 1.0})
    wait_until(lambda: logged.should_stop)
    logged.finish(timeout=1)
    assert TrainingRun.objects.get().job.state == "cancelled" and TrainingRun.objects.get().step == 2


def test_tokens_that_may_not_write_are_refused_at_the_start(site: Site, viewer: Actor) -> None:
    with pytest.raises(ClientError, match="role editor"):
        start(site.url, create_token(viewer, "t")[1], name="far")
    with pytest.raises(ClientError, match="who are you"):
        start(site.url, "chimera_wrong", name="far")
    assert not TrainingRun.objects.exists()


@pytest.mark.torch
def test_the_callback_streams_a_transformers_trainer(site: Site, editor: Actor, tmp_path: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

    from chimera.client.transformers import ChimeraCallback

    shape = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=16, max_position_embeddings=8, **shape))
    rows = [{"input_ids": torch.arange(8) % 16, "labels": torch.arange(8) % 16} for _ in range(6)]
    options = {"per_device_train_batch_size": 2, "max_steps": 3, "logging_steps": 1, "save_strategy": "no"}
    said = TrainingArguments(
        str(tmp_path / "out"), report_to=[], seed=5, use_cpu=True, include_num_input_tokens_seen="all", **options
    )
    callback = ChimeraCallback(site.url, create_token(editor, "t")[1], group="hf")
    Trainer(model, said, train_dataset=rows, callbacks=[callback]).train()
    run = TrainingRun.objects.select_related("job").get()
    assert (run.name, run.group, run.source, run.seed, run.steps) == ("out", "hf", "transformers", 5, 3)
    assert (run.job.state, run.step, run.tokens) == ("succeeded", 3, 48)
    assert {"loss", "grad_norm", "learning_rate", "epoch", "train_runtime"} <= run.latest.keys()
    settings = run.job.config["settings"]
    assert settings["arguments"]["max_steps"] == 3 and settings["model"]["hidden_size"] == 8
    assert [step for step, _, _ in losses(editor, run)] == [1, 2, 3]
    assert list(RunEvent.objects.values_list("kind", flat=True)) == ["started"]
    assert threading.active_count() < 20
