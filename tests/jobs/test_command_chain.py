"""`chimera run KIND --config FILE --wait --json` for every kind, from files on disk to a verdict.

A worker thread works off the queue while the command waits, as a worker process would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chimera.jobs.management.commands import chimera as command
from chimera.jobs.models import Job
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from tests.web.test_command import call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch, pytest.mark.timeout(120)]

FILES = Path(__file__).resolve().parents[1] / "fixtures" / "chain"
RECIPES = {
    "prose": [{"key": "normalise"}, {"key": "min_length"}],
    "code": [{"key": "python_parse"}, {"key": "min_length"}],
    "web": [{"key": "extract"}, {"key": "language", "config": {"languages": ["en"]}}, {"key": "min_length"}],
}
MODEL = {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "intermediate_size": 96}
TRAIN = {"model": MODEL, "evaluate_every": 0, "learning_rate": {"peak": 0.01}}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Works off the queue until the test ends."""
    monkeypatch.setattr(command, "POLL_SECONDS", 0.05)
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                if not run_next("cpu", "thread"):
                    over.wait(0.05)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def made(owner: Actor, worker: None, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Runs a kind through the command, checks what it prints, and gives the ids of what it made."""

    def run(kind: str, **config: Any) -> dict[str, str]:
        file = tmp_path / f"{kind}.json"
        file.write_text(json.dumps(config))
        code, result, err = call("run", kind, "--config", str(file), "--wait", "--json")
        assert (code, result["status"], result["problems"], result["error"]) == (0, "succeeded", [], ""), err
        assert Job.objects.get(pk=result["job"].removeprefix("job-")).kind == kind
        for uid in result["artifacts"].values():
            code, shown, _ = call("show", uid, "--json")
            assert code == 0 and uid in (shown.get("uid"), *shown.get("artifacts", {}).values())
        return dict(result["artifacts"])

    return run


def shown(uid: str) -> dict[str, Any]:
    return dict(call("show", uid, "--json")[1])


def test_every_kind_runs_from_the_command_line_from_three_files_to_a_verdict(
    made: Callable[..., dict[str, str]],
) -> None:
    keys = {"id": "id", "source": "source", "license": "license"}
    prose = made(
        "import", name="prose", domain="prose", path=str(FILES / "prose.jsonl"), mapping={**keys, "text": "text"}
    )
    code = made(
        "import",
        name="code",
        domain="code",
        content="code",
        path=str(FILES / "code.csv"),
        mapping={**keys, "text": "code"},
    )
    web = made(
        "import",
        name="web",
        domain="web",
        content="html",
        path=str(FILES / "web.jsonl.gz"),
        mapping={**keys, "text": "html"},
    )
    datasets = [each["dataset"] for each in (prose, code, web)]
    assert [shown(uid)["manifest"]["counts"]["documents"] for uid in datasets] == [40, 40, 40]

    clean = made("curate", name="clean", datasets=datasets, recipes=RECIPES)["dataset"]
    manifest = shown(clean)["manifest"]
    assert manifest["stage"] == "curated" and 60 <= manifest["counts"]["documents"] <= 120
    assert set(manifest["funnel"]) == {"prose", "code", "web"}
    assert manifest["licenses"].keys() >= {"PSF-2.0", "WordNet-3.0", "BSD-3-Clause"}

    sizes = {"vocab_size": 512, "sequence_length": 64, "held_out_tokens": 512, "length_bins": 2, "quality_bins": 2}
    sequences = made("group", name="sequences", dataset=clean, **sizes)["sequences"]
    schedule = made(
        "schedule", name="easy", sequences=sequences, policy={"key": "easy_to_hard"}, budget_tokens=64 * 128, seed=1
    )["schedule"]
    assert shown(schedule)["manifest"]["num_tokens"] == 64 * 128

    trained = made("train", name="first", schedule=schedule, seed=1, **TRAIN)
    run = shown(trained["run"])["summary"]
    assert run["steps"] == shown(trained["checkpoint"])["manifest"]["step"] == 32
    assert run["delivered_digest"] == run["planned_digest"] == shown(schedule)["manifest"]["order_digest"]
    evaluation = made("evaluate", name="again", checkpoint=trained["checkpoint"], sequences=sequences)["evaluation"]
    scores = shown(evaluation)["manifest"]["scores"]
    assert {domain: scores[f"held_out/{domain}"] for domain in run["held_out"]} == pytest.approx(run["held_out"])

    study = made("study", name="order?", sequences=sequences, budget_tokens=64 * 64, seeds=[1, 2], train=TRAIN)["study"]
    verdict = shown(study)
    assert verdict["kind"] == "study" and verdict["summary"]["word"] == "cannot tell"
    assert verdict["summary"]["compares"] == "order"
