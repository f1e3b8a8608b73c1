"""The tasks and suites that come with Chimera: one YAML file each in `definitions` and `suites`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config
from eval_app.core.tasks.definition import TaskDefinition, read_definition

FOLDER = Path(__file__).resolve().parent


class Suite(Config):
    """Tasks that belong together. A task may have no definition: then a report says that it is missing, and why."""

    title: str
    summary: str = ""
    source: str = ""
    tasks: list[str] = Field(default_factory=list)
    missing: dict[str, str] = Field(default_factory=dict, description="Task → why it cannot be run here")
    means: bool = Field(False, description="Whether means over the suite's tasks say something")
    not_in_loss: list[str] = Field(default_factory=list, description="Tasks that the mean loss leaves out")


@cache
def bundled_tasks() -> dict[str, TaskDefinition]:
    """Every task by its name, in the order of the names."""
    found = {}
    for path in sorted((FOLDER / "definitions").glob("*.yaml")):
        definition = read_definition(path.read_text(encoding="utf-8"), path.name)
        if definition.task != path.stem:
            raise ValueError(f"{path.name} defines the task {definition.task!r}: name the file after its task")
        found[definition.task] = definition
    return found


@cache
def bundled_suites() -> dict[str, Suite]:
    """Every suite by its key; `none` is no task at all."""
    files = sorted((FOLDER / "suites").glob("*.yaml"))
    return {path.stem: Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files}


def bundled_task(key: str) -> TaskDefinition:
    """The task of that name.

    Raises:
        InputError: there is none.
    """
    if key not in bundled_tasks():
        raise InputError(
            Problem(f"there is no task {key!r}", field="tasks", hint=f"one of {', '.join(bundled_tasks())}")
        )
    return bundled_tasks()[key]
