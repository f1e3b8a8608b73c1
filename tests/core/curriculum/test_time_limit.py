"""Calls in a helper process: results, errors, hanging, death, and what is left running."""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from curriculum_app.core.documents import Document
from curriculum_app.core.filters import python_parse
from curriculum_app.core.filters.base import Drop, Keep
from curriculum_app.core.time_limit import CallFailed, TimedOut, TimeLimited


def act(what: dict[str, Any]) -> Any:
    """What the helper of these tests does."""
    match what["act"]:
        case "hang":
            while True:
                pass
        case "hang in C":
            ctypes.PyDLL(None).usleep(30_000_000)  # holds the interpreter's lock, as a parser does
        case "raise":
            raise ValueError("no such luck")
        case "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "print":
            print("libraries may print")
    return {"process": os.getpid(), "text": what.get("text")}


def limited(seconds: float = 5.0) -> TimeLimited:
    return TimeLimited(__name__, "act", seconds)


def test_results_come_from_one_process_and_texts_survive() -> None:
    helper = limited()
    text = "é\n\0\ud800" + "z" * 500_000
    answers = [helper.call({"act": "print", "text": text}) for _ in range(3)]
    assert {answer["text"] for answer in answers} == {text}
    assert len({answer["process"] for answer in answers} | {os.getpid()}) == 2


@pytest.mark.parametrize("how, limit", [("hang", 0.2), ("hang in C", 0.03)])
def test_a_call_that_hangs_is_stopped_and_the_next_one_answered(how: str, limit: float) -> None:
    helper = limited(limit)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        helper.call({"act": how})
    assert time.monotonic() - started < 20, "far less than it would have taken"
    assert helper.call({"act": "", "text": "on"})["text"] == "on"


@pytest.mark.parametrize("how, said", [("raise", "no such luck"), ("die", "ended with -11")])
def test_errors_and_deaths_are_told_and_the_next_call_is_answered(how: str, said: str) -> None:
    helper = limited()
    with pytest.raises(CallFailed, match=said):
        helper.call({"act": how})
    assert helper.call({"act": "", "text": "on"})["text"] == "on"


def test_a_helper_that_cannot_start_is_no_fault_of_the_document() -> None:
    with pytest.raises(RuntimeError, match="cannot be started"):
        TimeLimited("no.such.module", "act", 1).call({})


def test_the_helper_ends_with_its_owner() -> None:
    helper = limited()
    process = helper.call({"act": ""})["process"]
    assert Path(f"/proc/{process}").exists()
    del helper
    assert not Path(f"/proc/{process}").exists()


def test_a_fork_has_a_helper_of_its_own() -> None:
    helper = limited()
    first = helper.call({"act": ""})["process"]
    helper._owner -= 1  # what a fork sees: the process number is not the one that started the helper
    assert helper.call({"act": ""})["process"] != first


def parse(source: str) -> tuple[int, int]:
    """Stands for Python's parser where a source makes it hang or die."""
    if source in ("hang", "die"):
        act({"act": source})
    return 0, 0


def test_source_that_hangs_or_kills_the_parser_is_unparsable_and_the_next_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(python_parse, "_SECONDS", 0.3)
    monkeypatch.setattr(python_parse.python_source, "__name__", __name__)
    monkeypatch.setattr(python_parse.python_source.syntax_error, "__name__", "parse")
    rule = python_parse.PythonParse(python_parse.PythonParse.Config())
    for source in ("hang", "die"):
        assert rule.judge(Document("1", source, "code")) == Drop("unparsable", 1.0)
        assert rule.judge(Document("2", "x = 1", "code")) == Keep(Document("2", "x = 1", "code"))
