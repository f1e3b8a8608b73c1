"""Small JSON notes beside the artefacts: what was made from what, and what the last verification found (pure).

`<root>/made/<kind>/<key>.json` names the digest that a recipe has made from certain inputs. It is a shortcut, never a
truth: it is believed only while the artefact it names is there, and forgotten when it is not.
`<root>/verified/<kind>/<digest>.json` says when the files of an artefact were last read and which were damaged.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chimera.artefacts import ArtefactStore, Stored

_HEX = re.compile(r"[0-9a-f]{64}")


def remember_made(store: ArtefactStore, key: str, stored: Stored) -> None:
    """Note that `key` (hex sha256 of everything that decides) makes `stored`; the last writer wins, all write equal."""
    _write(_path(store, "made", stored.kind, key), {"digest": stored.digest})


def find_made(store: ArtefactStore, kind: str, key: str) -> Stored | None:
    """The artefact that `key` has made before, None if there is none (any more)."""
    path = _path(store, "made", kind, key)
    digest = (_read(path) or {}).get("digest")
    if digest is None:
        return None
    if not isinstance(digest, str) or not _HEX.fullmatch(digest) or not store.has(kind, digest):
        path.unlink(missing_ok=True)
        return None
    return store.load(kind, digest)


@dataclass(frozen=True)
class Verification:
    """What a reading of all files of an artefact found; `at` is ISO 8601 in UTC, `damaged` are file names."""

    at: str
    files: int
    bytes: int
    damaged: tuple[str, ...] = ()

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.at)


def note_verified(store: ArtefactStore, stored: Stored, damaged: list[str]) -> Verification:
    """Keep the outcome of a verification that has just ended in place of the one before."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    found = Verification(at, len(stored.manifest["files"]), stored.bytes, tuple(damaged))
    _write(_path(store, "verified", stored.kind, stored.digest), asdict(found))
    return found


def last_verification(store: ArtefactStore, kind: str, digest: str) -> Verification | None:
    """The outcome of the last verification, None if the artefact was never verified."""
    said = _read(_path(store, "verified", kind, digest))
    if said is None or not {"at", "files", "bytes", "damaged"} <= said.keys():
        return None
    return Verification(said["at"], said["files"], said["bytes"], tuple(said["damaged"]))


def forget_verified(store: ArtefactStore, kind: str, digest: str) -> None:
    """The files are gone, and with them what was known about them."""
    _path(store, "verified", kind, digest).unlink(missing_ok=True)


def _path(store: ArtefactStore, matter: str, kind: str, key: str) -> Path:
    return store.root / matter / kind / f"{key}.json"


def _read(path: Path) -> dict[str, Any] | None:
    """The note, None if it is not there or damaged: a note can always be made again."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _write(path: Path, value: dict[str, Any]) -> None:
    """Under a name of its own, then renamed: two writers of one note do not meet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix="tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
