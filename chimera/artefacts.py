"""The artefact store: immutable, content-addressed directories with atomic arrival (pure).

`<root>/<kind>/<digest[:2]>/<digest>/` holds the files and a `manifest.json` written last. A directory is staged under
a temporary name, fsynced and renamed, so a reader sees all of it or nothing. A database row is written after that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

MANIFEST = "manifest.json"
_TAKEN = "tmp-taken-"
_PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Stored:
    """A sealed artefact: `path` is its directory, `manifest["files"]` maps file name to `{bytes, sha256}`."""

    kind: str
    digest: str
    path: Path
    manifest: dict[str, Any]

    @property
    def bytes(self) -> int:
        return sum(entry["bytes"] for entry in self.manifest["files"].values())


class Opened:
    """What every sealed artefact is to the domain; a kind adds its `ref_kind` and what reads its files."""

    ref_kind: ClassVar[str]

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.manifest: dict[str, Any] = stored.manifest

    @classmethod
    def open(cls, stored: Stored) -> Self:
        return cls(stored)

    @property
    def digest(self) -> str:
        return self.stored.digest

    @property
    def path(self) -> Path:
        """The directory with its files."""
        return self.stored.path


class Stage:
    """A directory being written. Fill `path`, then call `seal` once."""

    def __init__(self, store: ArtefactStore, kind: str, path: Path) -> None:
        self.store, self.kind, self.path = store, kind, path

    def seal(self, digest: str, manifest: dict[str, Any]) -> Stored:
        """Make the staged directory the artefact `digest`; if it exists already the stage is dropped (same content).

        `digest` is a hex sha256 of what the artefact *means* (records and recipe), not of its file encoding.
        """
        files = {str(f.relative_to(self.path)): file_facts(f) for f in sorted(self.path.rglob("*")) if f.is_file()}
        write_json(self.path / MANIFEST, {**manifest, "kind": self.kind, "digest": digest, "files": files})
        target = self.store.directory(self.kind, digest)
        rename_durably(self.path, target)
        return self.store.load(self.kind, digest)


class ArtefactStore:
    """Artefacts under one root directory. `owner` (a job's uid) marks what is staged through this object."""

    def __init__(self, root: Path, owner: str = "") -> None:
        self.root = Path(root)
        self.owner = owner

    def directory(self, kind: str, digest: str) -> Path:
        return self.root / kind / digest[:2] / digest

    def has(self, kind: str, digest: str) -> bool:
        return (self.directory(kind, digest) / MANIFEST).is_file()

    def load(self, kind: str, digest: str) -> Stored:
        """Open a sealed artefact.

        Raises:
            FileNotFoundError: no such artefact under this root.
        """
        path = self.directory(kind, digest)
        return Stored(kind, digest, path, json.loads((path / MANIFEST).read_text()))

    def each(self, kind: str) -> Iterator[Stored]:
        """Every sealed artefact of a kind, in the order of digests."""
        for path in sorted((self.root / kind).glob(f"[0-9a-f][0-9a-f]/*/{MANIFEST}")):
            with suppress(FileNotFoundError):  # deleted in the meantime
                yield self.load(kind, path.parent.name)

    @contextmanager
    def stage(self, kind: str) -> Iterator[Stage]:
        """A fresh temporary directory on the same file system; removed if it is not sealed."""
        parent = self.root / kind
        parent.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=self._prefix, dir=parent))
        try:
            yield Stage(self, kind, path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @property
    def _prefix(self) -> str:
        return f"tmp-{self.owner}-"

    def discard_staged(self) -> None:
        """Remove what this owner has staged and not sealed: a killed process could not do so itself."""
        for path in self.root.glob(f"*/{self._prefix}*"):
            shutil.rmtree(path, ignore_errors=True)

    def verify(self, stored: Stored, seen: Callable[[int], None] = lambda _: None) -> dict[str, str]:
        """What is wrong with each damaged file, by name; empty when all is well. `seen` is told bytes as they go by."""
        listed = stored.manifest["files"]
        found = {name: _damage(stored.path / name, facts["sha256"], seen) for name, facts in listed.items()}
        present = {str(file.relative_to(stored.path)) for file in stored.path.rglob("*") if file.is_file()}
        found |= dict.fromkeys(sorted(present - listed.keys() - {MANIFEST}), "does not belong to it")
        return {name: problem for name, problem in found.items() if problem}

    def take_away(self, kind: str, digest: str) -> Path | None:
        """Move an artefact out of its place at once; returns where its files wait for `discard_taken`, None without."""
        source = self.directory(kind, digest)
        if not source.is_dir():
            return None
        taken = Path(tempfile.mkdtemp(prefix=_TAKEN, dir=self.root / kind))
        source.rename(taken / digest)
        return taken

    def discard_taken(self) -> None:
        """Remove the files of all artefacts that were taken away, also by a process that was killed meanwhile."""
        for path in self.root.glob(f"*/{_TAKEN}*"):
            shutil.rmtree(path, ignore_errors=True)


def file_facts(path: Path) -> dict[str, Any]:
    """`{"bytes": int, "sha256": hex}` of a file, read in constant memory."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def sha256_of(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """Hex sha256 of a file; `seen` is told the number of bytes of each piece and may raise to stop."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            seen(len(piece))
    return digest.hexdigest()


def _damage(path: Path, sha256: str, seen: Callable[[int], None]) -> str:
    if not path.is_file():
        return "is missing"
    return "" if sha256_of(path, seen) == sha256 else "was changed"


def write_json(path: Path, value: Any) -> None:
    """Write JSON under a temporary name, fsync, rename."""
    temporary = path.with_name(f"tmp-{path.name}")
    with temporary.open("w", encoding="utf-8") as handle:
        json.dump(value, handle, indent=1, sort_keys=True, ensure_ascii=False)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.rename(path)


def rename_durably(source: Path, target: Path) -> None:
    """fsync every file of `source`, rename it to `target`, fsync the parent. An existing `target` wins."""
    for path in source.rglob("*"):
        _fsync(path)
    _fsync(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError:
        if not (target / MANIFEST).is_file():
            raise
        shutil.rmtree(source)
    _fsync(target.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
