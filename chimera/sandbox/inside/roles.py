"""The two processes of a trial: the candidate, which runs the program, and the checker, which runs the test.

The checker holds the test and gives the verdict; its `candidate` is a proxy that sends arguments and takes back values
as JSON lines. The candidate's process sees neither the test nor the verdict, only one call after the other.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from .literals import decode, encode

MOST_BYTES = 64 * 1024


class Gone(Exception):
    """The candidate's process has ended, or said what no candidate says."""


class Raised(Exception):
    """The candidate raised an exception that Python itself does not have."""


def candidate() -> None:
    """Standard input: calls, a line each. Standard output: their results."""
    asked, told = _quiet()
    order = json.loads(asked.readline())
    names: dict[str, Any] = {"__name__": "program"}
    function: Any = None
    ready = _answer(lambda: exec(compile(order["source"], "program", "exec"), names))
    if "value" in ready:
        function = names.get(order["entry"])
        ready = {"value": True} if callable(function) else {"missing": True}
    _send(told, ready)
    for line in asked:
        arguments, named = decode(json.loads(line))
        _send(told, _answer(function, *arguments, **named))


def _answer(function: Callable[..., Any], *arguments: Any, **named: Any) -> dict[str, Any]:
    try:
        return {"value": encode(function(*arguments, **named))}
    except BaseException as error:
        return {"raised": [type(error).__name__, str(error)[:500]]}


def _send(told: BinaryIO, answer: dict[str, Any]) -> None:
    line = json.dumps(answer).encode() + b"\n"
    told.write(line if len(line) <= MOST_BYTES else b'{"large": true}\n')


def checker(asks: int, tells: int) -> None:
    """Standard input: one order. `asks`, `tells`: ends of the candidate's pipes. Standard output: a verdict."""
    order, told = _quiet()
    said = json.loads(order.readline())
    with os.fdopen(asks, "wb", 0) as asking, os.fdopen(tells, "rb") as telling:
        reason, detail = _verdict(said, asking, telling)
    told.write(json.dumps({"reason": reason, "detail": detail[:500]}).encode() + b"\n")


def _verdict(said: dict[str, str], asking: BinaryIO, telling: BinaryIO) -> tuple[str, str]:
    """`(reason, detail)`; `passed` only if the whole test has run and nothing was wrong."""
    proxy = _Proxy(asking, telling)
    names: dict[str, Any] = {"__name__": "checker"}
    try:
        proxy.open(said["source"], said["entry"])
        exec(compile(said["test"], "test", "exec"), names)
        names[said["entry"]] = proxy  # a test may well call the function by its name
        names["check"](proxy)
    except Gone as error:
        return "ended", str(error)
    except BaseException as error:
        return ("raised" if proxy.raised else "failed"), f"{type(error).__name__}: {error}"
    return ("ended", "hidden by the test") if proxy.gone else ("passed", "")


_NO_ANSWER = {"missing": "there is no such function", "large": "the result is too large"}


class _Proxy:
    """What the test calls instead of the function."""

    def __init__(self, asking: BinaryIO, telling: BinaryIO) -> None:
        self._asking, self._telling, self.raised, self.gone = asking, telling, False, False

    def open(self, source: str, entry: str) -> None:
        self._say({"source": source, "entry": entry})

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._say(encode((arguments, named)))

    def _say(self, message: Any) -> Any:
        self.raised = False
        try:
            self._asking.write(json.dumps(message).encode() + b"\n")
            answer = json.loads(self._telling.readline(MOST_BYTES + 1))
            ((kind, inner),) = answer.items()
            if kind == "value":
                return decode(inner)
            name, said = ("Raised", _NO_ANSWER[kind]) if kind in _NO_ANSWER else map(str, inner)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            self.gone = True
            raise Gone("the program ended") from error
        if kind not in ("raised", *_NO_ANSWER):
            self.gone = True
            raise Gone("the program answered what is no answer")
        self.raised = True
        raise _exception(name)(said)


def _exception(name: str) -> type[Exception]:
    found = getattr(builtins, name, None)
    plain = isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, UnicodeError)
    return found if plain and isinstance(found, type) else type(name[:60], (Raised,), {})


def _quiet() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output as private handles; whoever prints or reads from now on does so with /dev/null."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.setrecursionlimit(10_000)
    return asked, told
