"""What could not be sent before the program ended: a file, sent later by `python -m chimera.client send`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .buffer import Batch, Buffer
from .transport import ClientError, Transport


@dataclass
class Head:
    """First line of the file: how the run is started, what the server said to that if it did, how the run ended."""

    opening: dict[str, Any]
    started: dict[str, Any] | None
    end: dict[str, Any]


def write(path: Path, head: Head, buffer: Buffer) -> None:
    """The head, then one batch a line with the number it is sent under. The token is not in it."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(asdict(head)) + "\n")
        file.writelines(json.dumps(asdict(batch)) + "\n" for batch in buffer.batches())


def send(path: Path, transport: Transport) -> dict[str, Any]:
    """Send a file that `write` has made and end its run; broken off and sent again it doubles nothing.

    Returns:
        What the server knows of the run then.

    Raises:
        ClientError: no such file, no file of ours, or refused; the file stays.
        Away: the server cannot be reached; try again.
    """
    head, batches = read(path)
    if head.started is None:
        head.started = transport.post("/runs", head.opening)
        _note(path, head)
    run, session = head.started["run"], head.started["session"]
    for batch in batches:
        transport.post(f"/runs/{run}/points", {"session": session, **asdict(batch)})
    return transport.post(f"/runs/{run}/finish", {"session": session, **head.end})


def _note(path: Path, head: Head) -> None:
    """The server has started the run: from now on batches count in that session."""
    lines = path.read_text(encoding="utf-8").split("\n", 1)
    whole = path.with_suffix(".tmp")
    whole.write_text(json.dumps(asdict(head)) + "\n" + lines[1], encoding="utf-8")
    whole.replace(path)


def read(path: Path) -> tuple[Head, list[Batch]]:
    """The head and the batches of a file.

    Raises:
        ClientError: names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ClientError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    found: list[Any] = []
    for number, line in enumerate(lines or [""], start=1):
        try:
            found.append((Batch if found else Head)(**json.loads(line)))
        except (ValueError, TypeError):
            raise ClientError(f"{path}:{number}: is no line of a file that the client has left") from None
    return found[0], found[1:]
