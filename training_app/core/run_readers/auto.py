"""Which reader fits is seen from the files."""

from __future__ import annotations

from pathlib import Path

from chimera.errors import InputError, Problem
from training_app.core.run_readers.base import RUN_READERS, Found, RunReader


@RUN_READERS.register("auto")
class Auto(RunReader):
    """Asks every other reader whether it knows the files. Chimera's own."""

    title = "By its files"

    def recognises(self, path: Path) -> bool:
        return False

    def read(self, path: Path, found: Found) -> None:
        readers = [RUN_READERS.build(entry.key) for entry in RUN_READERS if entry.cls is not Auto]
        fitting = [reader for reader in readers if reader.recognises(path)]
        if not fitting:
            hint = "TensorBoard events, an mlruns folder or mlflow.db, a history as CSV, JSON or JSON Lines"
            raise InputError(Problem("no run of a kind that can be read", "path", str(path), hint=hint))
        for reader in fitting:
            reader.read(path, found)
