"""Files that arrive from a browser: each is kept once, under the hash of its bytes, where a worker can read it."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from chimera.config_forms import UPLOAD, uploadable
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.typed import Config


def with_uploads(
    actor: Actor, config: type[Config], sent: QueryDict, files: MultiValueDict[str, UploadedFile[Any]]
) -> QueryDict:
    """What the form of a config sent, with the path of each stored upload in the place of a path that was typed."""
    data = sent.copy()
    for name in uploadable(config):
        data.pop(name + UPLOAD, None)  # a browser sends an empty text where no file was chosen
        file = files.get(name + UPLOAD)
        if isinstance(file, UploadedFile):
            data[name] = str(upload_store(actor, file))
    return data


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
