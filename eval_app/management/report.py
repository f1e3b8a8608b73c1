"""`manage.py chimera report study-1`: as Markdown, as one HTML file, or with all order files as an archive."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem
from chimera.format import byte_size
from chimera.projects.access import Actor
from eval_app.models import Study
from eval_app.selectors import studies
from eval_app.selectors.report import report
from eval_app.selectors.report_archive import archive
from eval_app.selectors.report_page import report_html


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="study-1")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="one self-contained HTML file")
    form.add_argument("--archive", type=Path, metavar="FILE", help="write a ZIP with every config and order file")


def run(actor: Actor, options: dict[str, Any]) -> str:
    """Markdown, HTML, or which archive was written.

    Raises:
        InputError: that is no study, or one without a verdict; the archive cannot be written.
        Http404: the project has no such study.
    """
    study = decided_study(actor, options)
    if options["html"]:
        return report_html(actor, study)
    if options["archive"]:
        return _write(options["archive"], archive(actor, study))
    return report(study)


def _write(path: Path, pieces: Iterator[bytes]) -> str:
    try:
        with path.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise InputError(Problem(f"cannot write {path}: {error.strerror}", field="archive")) from error
    return f"{path}: {byte_size(path.stat().st_size)}"


def decided_study(actor: Actor, options: dict[str, Any]) -> Study:
    """The study that the command names.

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
    return study
