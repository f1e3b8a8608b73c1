"""The difference of two dataset versions, made once and kept: both are immutable, so it never changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.core import dataset_version as core
from curriculum_app.core.version_difference import VersionDifference, write_difference
from curriculum_app.models import DatasetVersion


def difference_make(actor: Actor, left: DatasetVersion, right: DatasetVersion) -> VersionDifference:
    """What `right` has that `left` has not, and the other way round; the first call reads all documents of both.

    Raises:
        FileNotFoundError: the files of one of them are not on this machine.
    """
    actor.require(Role.VIEWER)
    before, after = (core.DatasetVersion.open(row.stored()) for row in (left, right))
    path = Path(settings.DATA_DIR) / "differences" / f"{left.digest}-{right.digest}.parquet"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tmp-", dir=path.parent) as directory:
            made = Path(directory) / path.name
            write_difference(before, after, made)
            made.replace(path)
    return VersionDifference.open(path)
