"""Import of finished runs: read them all, then hand over what is complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.readers.archive import unpacked
from training_app.core.configs_import_run import ImportRunConfig
from training_app.core.imported_runs import ImportedRun, prepare
from training_app.core.run_readers.base import Found


@dataclass(frozen=True)
class ImportRunResult:
    """The runs of a source, their rows in files of the job's scratch."""

    runs: list[ImportedRun]
    group: str
    notes: list[str]


def run(config: ImportRunConfig, ctx: Context) -> ImportRunResult:
    """Read `config.path`; nothing is written to the project before all of it has been read.

    Raises:
        InputError: nothing there, nothing readable, or damaged; names file, line and field.
    """
    found = Found(config.max_points, ctx.check)
    ctx.progress(0, message="reading")
    with unpacked(Path(config.path), ctx.scratch / "unpacked", config.max_unpacked_bytes, ctx.check) as path:
        if not path.exists():
            hint = "name a file or folder that it can read"
            raise InputError(Problem("there is no such file on this worker", "path", str(path), hint=hint))
        config.reader.build().read(path, found)
    with_points = [item for item in found.runs if len(item.points)]
    if not with_points:
        raise InputError(Problem("no numbers in it", "path", config.path, hint="is it the right file?"))
    if len(with_points) < len(found.runs):
        found.note(f"{len(found.runs) - len(with_points)} runs without numbers are left out")
    runs = []
    for place, item in enumerate(with_points):
        runs.append(prepare(item, config, ctx.scratch / f"run-{place}.npz"))
        ctx.progress(
            place + 1, len(with_points), unit="runs", message=f"{len(item.points):,} points of {item.name}"[:300]
        )
        ctx.check()
    for note in found.notes:
        ctx.log(note, "warning")
    return ImportRunResult(runs, config.group, list(found.notes))
