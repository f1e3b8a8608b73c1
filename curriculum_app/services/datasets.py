"""What a user may do with files from the browser: take a dataset version away, upload the next one."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.core import dataset_version as core
from curriculum_app.core.version_export import EXPORTS
from curriculum_app.models import DatasetVersion


def version_export(actor: Actor, version: DatasetVersion, name: str) -> Iterator[bytes]:
    """The documents in the format `name` of `EXPORTS`, made piece by piece as they are read.

    Raises:
        FileNotFoundError: the artefact is not on this machine.
    """
    actor.require(Role.VIEWER)
    if version.deleted:
        raise FileNotFoundError(f"{version} is deleted")
    return EXPORTS[name](core.DatasetVersion.open(version.stored()))


def upload_store(actor: Actor, upload: UploadedFile[bytes]) -> Path:
    """Write an uploaded file to `DATA_DIR/uploads/<sha256>/<name>` and return that path; the same bytes arrive once."""
    actor.require(Role.EDITOR)
    root = Path(settings.DATA_DIR) / "uploads"
    root.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(prefix="tmp-", dir=root)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in upload.chunks():
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        target = root / digest.hexdigest() / safe_name(upload.name or "")
        target.parent.mkdir(exist_ok=True)
        Path(temporary).chmod(0o644)
        Path(temporary).rename(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def safe_name(name: str) -> str:
    """The last part of a file name with nothing in it that could leave a directory; its endings are kept."""
    kept = re.sub(r"[^\w.\-]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")[-120:]
    return kept or "upload"
