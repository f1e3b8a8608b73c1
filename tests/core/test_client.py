"""The logging client against a scripted server: what happens when the server is away, slow, or says no."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from chimera.client import ClientError, leftover, sender, start
from chimera.client.__main__ import main
from chimera.client.transport import Transport
from chimera.client.values import bounded, key_of, numbers

ROOT = Path(__file__).resolve().parents[2]
STARTED = {"run": "run-1", "session": "s", "url": "http://x/runs/1/", "step": 0, "tokens": 0, "lease_seconds": 600}
Answer = tuple[int, dict[str, Any]]


class Scripted:
    """A server that keeps what it is sent and answers as `script` says; None closes the connection without a word."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script: Callable[[str, dict[str, Any], int], Answer | None] = lambda path, body, number: (200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append((self.path, body))
                answer = outer.script(self.path, body, len(outer.calls))
                if answer is None:
                    return self.connection.close()
                status, said = answer
                if status == 200 and not self.path.endswith("points"):
                    said = STARTED | {"state": body.get("state")}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def log_message(self, *args: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def of(self, verb: str) -> list[dict[str, Any]]:
        return [body for path, body in self.calls if path.endswith(verb)]

    def steps(self) -> list[int]:
        """Of every batch that was answered, each number once."""
        seen = {body["seq"]: body for body in self.of("points")}
        return [point["step"] for seq in sorted(seen) for point in seen[seq]["points"]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scripted]:
    monkeypatch.setattr(sender, "INTERVAL", 0.01)
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.01)
    monkeypatch.chdir(tmp_path)
    scripted = Scripted()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()


def refusing(*statuses: int | None) -> Callable[[str, dict[str, Any], int], Answer | None]:
    """The first calls for points are answered so, later ones well."""
    left = list(statuses)

    def script(path: str, body: dict[str, Any], number: int) -> Answer | None:
        if path.endswith("points") and left:
            status = left.pop(0)
            return None if status is None else (status, {"problems": [{"field": "points", "message": "no"}]})
        return 200, {"control": "none"}

    return script


def test_points_and_events_arrive_in_order_in_numbered_batches(server: Scripted) -> None:
    with start(server.url, "t", name="r", config={"lr": 0.1}, seed=3, id="mine") as run:
        for step in range(1, 2501):
            run.log({"loss": 1 / step}, step=step, tokens=step * 10)
        run.event("half way")
    assert server.steps() == list(range(1, 2501))
    batches = server.of("points")
    assert [body["seq"] for body in batches] == list(range(1, len(batches) + 1))
    assert max(len(body["points"]) for body in batches) <= 1000
    assert server.of("/runs")[0]["settings"] == {"lr": 0.1} and run.url == STARTED["url"] and run.id == "mine"
    assert server.of("finish") == [{"session": "s", "state": "succeeded", "message": ""}]


def test_a_server_that_is_away_gets_the_same_batch_again(server: Scripted) -> None:
    server.script = refusing(503, None, 502)
    with warnings.catch_warnings(record=True) as said, start(server.url, "t", name="r") as run:
        warnings.simplefilter("always")
        run.log({"loss": 1.0}, step=1)
        run.finish()
    first = server.of("points")[:4]
    assert [body["seq"] for body in first] == [1, 1, 1, 1] and first[0] == first[3]
    assert len([w for w in said if "is away" in str(w.message)]) == 1


def test_training_goes_on_when_the_server_is_away_from_the_start(server: Scripted) -> None:
    left = [503, 503]
    server.script = lambda path, body, number: (left.pop(), {}) if left else (200, {})
    with pytest.warns(UserWarning, match="away"), start(server.url, "t", name="r") as run:
        run.log({"loss": 1.0})
    assert server.steps() == [1] and server.of("finish")


@pytest.mark.parametrize("status", [401, 403, 409, 422])
def test_a_refusal_at_the_start_is_an_error_with_the_servers_words(server: Scripted, status: int) -> None:
    said = {"problems": [{"field": "name", "message": "not so", "hint": "but so"}]}
    server.script = lambda path, body, number: (status, said)
    with pytest.warns(UserWarning), pytest.raises(ClientError, match="name: not so - but so") as error:
        start(server.url, "t", name="r")
    assert error.value.status == status


def test_a_batch_that_is_refused_is_left_out_and_said(server: Scripted) -> None:
    server.script = refusing(422)
    with pytest.warns(UserWarning, match="were refused"), start(server.url, "t", name="r") as run:
        run.log({"loss": 1.0}, step=1)
        while not run.lost:
            pass
        run.log({"loss": 1.0}, step=2)
    assert (run.lost == 1 and server.steps() == [2]) or server.of("points")[-1]["events"][0]["kind"] == "lost"


def test_a_run_that_is_taken_over_or_cancelled_tells_its_program(server: Scripted, tmp_path: Path) -> None:
    server.script = refusing(409)
    with pytest.warns(UserWarning) as said, start(server.url, "t", name="r", id="gone") as run:
        run.log({"loss": 1.0})
        while not run.should_stop:
            pass
        run.log({"loss": 2.0})
    words = [str(item.message) for item in said]
    assert any("nothing more is sent" in text for text in words) and any("chimera-run-gone.jsonl" in t for t in words)
    head, batches = leftover.read(tmp_path / "chimera-run-gone.jsonl")
    assert head.started and head.started["session"] == "s" and [len(batch.points) for batch in batches] == [1, 1]


def test_what_could_not_be_sent_is_left_in_a_file_and_sent_later(server: Scripted, tmp_path: Path) -> None:
    server.script = refusing(*[503] * 1000)
    with pytest.warns(UserWarning, match=r"chimera\.client send"):
        run = start(server.url, "secret", name="r", id="late")
        for step in (1, 2, 3):
            run.log({"loss": 1.0}, step=step)
        run.finish(timeout=0.1)
    file = tmp_path / "chimera-run-late.jsonl"
    assert "secret" not in file.read_text()
    server.script, server.calls = refusing(), []
    assert main(["--url", server.url, "--token", "t", "send", str(file)]) == 0
    assert server.steps() == [1, 2, 3] and server.of("finish")[0]["state"] == "succeeded"
    before = server.of("points")
    assert main(["--url", server.url, "--token", "t", "send", str(file)]) == 0
    again = server.of("points")[len(before) :]  # the run's own last attempt may have come through in between
    assert again and all(batch in before for batch in again), "the same numbers: the server stores nothing twice"


def test_a_file_of_a_run_that_never_began_remembers_its_session_when_it_is_sent(
    server: Scripted, tmp_path: Path
) -> None:
    server.script = lambda path, body, number: (503, {})
    with pytest.warns(UserWarning):
        run = start(server.url, "t", name="r", id="never")
        run.log({"loss": 1.0})
        run.finish(timeout=0.1)
    server.script = refusing(500)
    file = tmp_path / "chimera-run-never.jsonl"
    assert main(["--url", server.url, "--token", "t", "send", str(file)]) == 1
    assert (leftover.read(file)[0].started or {})["session"] == "s"
    server.calls = []
    leftover.send(file, Transport(server.url, "t"))
    assert server.of("/runs") == [] and server.steps() == [1]


@pytest.mark.parametrize(("text", "line"), [("", 1), ("{}", 1), ('{"opening": {}, "started": null, "end": {}}\n[]', 2)])
def test_a_file_that_is_not_ours_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(ClientError, match=rf"x\.jsonl:{line}: is no line"):
        leftover.read(tmp_path / "x.jsonl")


def test_a_full_buffer_never_blocks_and_says_what_is_lost(server: Scripted) -> None:
    server.script = refusing(*[503] * 5)
    with pytest.warns(UserWarning, match="buffer is full"), start(server.url, "t", name="r", max_values=10) as run:
        for step in range(1, 101):
            run.log({"loss": 1.0}, step=step)
    events = [event for body in server.of("points") for event in body["events"]]
    assert run.lost >= 85 and events[-1]["kind"] == "lost" and f"{run.lost} points of steps" in events[-1]["message"]
    assert len(set(server.steps())) + run.lost == 100


def test_an_error_in_the_training_ends_the_run_as_failed(server: Scripted) -> None:
    with pytest.raises(ZeroDivisionError), start(server.url, "t", name="r") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 1 / 0})
    assert server.of("finish")[0] == {
        "session": "s", "state": "failed", "message": "ZeroDivisionError: division by zero",
    }  # fmt: skip


def test_steps_count_on_and_never_fall(server: Scripted) -> None:
    with pytest.warns(UserWarning, match="step 3 comes after step 6"), start(server.url, "t", name="r") as run:
        run.log({"a": 1}, step=5)
        run.log({"a": 1})
        run.log({"a": 1}, step=3)
    assert server.steps() == [5, 6]


def test_a_redirect_does_not_carry_the_token_away(server: Scripted) -> None:
    server.script = lambda path, body, number: (302, {})
    with pytest.warns(UserWarning), pytest.raises(ClientError, match="leads to"):
        start(server.url, "t", name="r")


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", "http://"])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(ClientError, match="is no address"):
        start(url, "t", name="r")


def test_without_address_or_token_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHIMERA_URL", raising=False)
    with pytest.raises(ClientError, match="CHIMERA_TOKEN"):
        start(name="r")


def test_values_become_flat_keys_and_numbers() -> None:
    class Tensor:
        def __float__(self) -> float:
            return 2.5

    found = dict(numbers({"a": {"b": 1, "c": math.nan}, "t": Tensor(), "yes": True, "*x": -math.inf, "text": "7"}))
    assert found == {"a/b": 1.0, "a/c": "NaN", "t": 2.5, "yes": 1.0, "_x": "-Infinity", "text": None}
    assert key_of("") == "_" and len(key_of("x" * 300)) == 200


def test_a_config_becomes_plain_json_of_bounded_size() -> None:
    config = {
        "path": Path("/x"),
        "nan": math.nan,
        "set": {1},
        "nested": {1: (2, None)},
        "big": "y" * 300_000,
        "z": "\0a",
    }
    assert bounded(config) == {
        "path": "/x", "nan": "nan", "set": [1], "nested": {"1": [2, None]}, "big": "left out: 300,002 bytes", "z": "a",
    }  # fmt: skip


def test_a_copy_of_the_folder_works_with_nothing_but_the_standard_library(tmp_path: Path, server: Scripted) -> None:
    copytree(ROOT / "chimera" / "client", tmp_path / "my_client")
    code = "import sys; sys.path.insert(0, '.'); from my_client.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-I", "-S", "-c", code, "--url", server.url, "--token", "t"]
    done = subprocess.run([*command, "try", "--steps", "3", "--seconds", "0"], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout.decode().strip()) == (0, STARTED["url"]), done.stderr.decode()
    assert server.steps() == [1, 2, 3]
