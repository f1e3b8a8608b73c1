"""The kind `verify`: are the files those that were sealed, and do the records give the version's id? (pure)"""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefact_notes import Verification, note_verified
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.configs_versions import VerifyConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.documents import RecordHash

_EVERY = 256  # documents between two looks at pause and cancel


@dataclass(frozen=True)
class VerifyResult:
    """A verification that found everything whole."""

    verification: Verification


def run(config: VerifyConfig, ctx: Context) -> VerifyResult:
    """Hash every file, then every record; what was found is noted beside the artefact, also when it is bad.

    Raises:
        InputError: files are missing, changed or foreign; one problem for each, with its name.
    """
    version = ctx.open(config.dataset)
    damaged = _damaged(version, ctx)
    noted = note_verified(ctx.store, version.stored, list(damaged))
    if damaged:
        hint = "restore it from a copy, or delete the version and make it again"
        raise InputError([Problem(problem, file=name, hint=hint) for name, problem in damaged.items()])
    ctx.log(f"all {noted.files} files and {version.num_documents:,} records are as they were sealed")
    return VerifyResult(noted)


def _damaged(version: DatasetVersion, ctx: Context) -> dict[str, str]:
    """File name → what is wrong. The records are only read if all files are whole."""
    total, done = version.stored.bytes + version.manifest["counts"]["bytes"], 0

    def seen(num_bytes: int) -> None:
        nonlocal done
        done += num_bytes
        ctx.check()
        ctx.progress(done, max(total, done), "bytes", "reading files")

    damaged = ctx.store.verify(version.stored, seen)
    if damaged:
        return damaged
    records, waiting = RecordHash(version.manifest["recipe"]), 0
    for number, document in enumerate(version.iter_documents(), start=1):
        records.add(document)
        waiting += document.num_bytes
        if number % _EVERY == 0:
            seen(waiting)
            waiting = 0
    seen(waiting)
    if records.hexdigest() != version.digest:
        return {"manifest.json": "the records in the files are not those of this version's id"}
    return {}
