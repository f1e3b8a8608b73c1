"""Sketches of versions that exist: stored with a curated version, made again where they do not fit."""

from __future__ import annotations

from pathlib import Path

from chimera.context import Context
from chimera.typed import sha256_json
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.sketches import SKETCH_SCHEMA, Sketcher, Sketching
from curriculum_app.core.parquet_rows import RowWriter

SKETCHES_FILE = "sketches.parquet"
_LOOK_EVERY = 1000


def sketches_of_version(version: DatasetVersion, wanted: Sketching, ctx: Context) -> Path:
    """A file with a sketch for each document of the version, in order, made the way that is wanted.

    Sketches made with other permutations, shingles or hashes must never meet in one index: then, and for a version
    that has none, they are made from the texts and kept until the job is done.
    """
    stored = version.stored.path / SKETCHES_FILE
    if stored.is_file() and version.manifest.get("sketches") == wanted.identity():
        return stored
    name = sha256_json([version.digest, wanted.identity()])[:24]
    path = ctx.scratch / f"sketches-{name}.parquet"
    if not path.is_file():
        why = "was sketched with other settings" if stored.is_file() else "has no sketches"
        ctx.log(f"version {version.digest[:12]} {why}: sketching its {version.num_documents} documents")
        _write(version, wanted, ctx, path)
    return path


def _write(version: DatasetVersion, wanted: Sketching, ctx: Context, path: Path) -> None:
    sketcher, temporary = Sketcher(wanted), path.with_suffix(".tmp")
    with RowWriter(temporary, SKETCH_SCHEMA) as rows:
        for number, document in enumerate(version.iter_documents()):
            if number % _LOOK_EVERY == 0:
                ctx.check()
                ctx.progress(number, version.num_documents, unit="documents", message="sketching an earlier version")
            rows.add(sketcher.sketch(document).as_row())
    temporary.rename(path)
