"""`TaskFile`: a user's own task as an immutable artefact: the YAML as it was given."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from chimera.artefacts import ArtefactStore, Opened, Stored
from eval_app.core.tasks.definition import TaskDefinition, import_definition, read_definition

FILE = "task.yaml"


class TaskFile(Opened):
    """An opened task."""

    ref_kind: ClassVar[str] = "task"

    @property
    def text(self) -> str:
        return (self.path / FILE).read_text(encoding="utf-8")

    @property
    def definition(self) -> TaskDefinition:
        return read_definition(self.text, FILE)


def save_task(store: ArtefactStore, text: str) -> Stored:
    """Seal the task.

    Raises:
        InputError: it is no task.
    """
    definition, notes = import_definition(text, FILE)
    with store.stage(TaskFile.ref_kind) as stage:
        (stage.path / FILE).write_text(text, encoding="utf-8")
        manifest: dict[str, Any] = {
            "task": definition.task,
            "title": definition.title,
            "output_type": definition.output_type,
        }
        manifest |= {"notes": notes} if notes else {}
        return stage.seal(hashlib.sha256(text.encode()).hexdigest(), manifest)
