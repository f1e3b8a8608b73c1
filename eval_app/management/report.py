"""`manage.py chimera report study-1`: the verdict page as Markdown."""

from __future__ import annotations

import argparse
from typing import Any

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from eval_app.selectors import studies
from eval_app.selectors.report import report


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="study-1")


def run(actor: Actor, options: dict[str, Any]) -> str:
    """Markdown.

    Raises:
        InputError: that is no study, or one without a verdict.
        Http404: the project has no such study.
    """
    number = str(options["study"]).removeprefix("study-")
    if not number.isdecimal() or len(number) > 18:
        raise InputError(Problem(f"{options['study']!r} is no study", field="study", hint="such as study-1"))
    study = studies.study_get(actor, int(number))
    if study.verdict is None:
        raise InputError(
            Problem(f"{study.uid} has no verdict yet", field="study", hint="wait until its runs have ended")
        )
    return report(study)
