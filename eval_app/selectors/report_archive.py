"""A study to take away: its report, its configs and the order of every run, as one ZIP written piece by piece."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from chimera.projects.access import Actor
from curriculum_app.core import order_export
from curriculum_app.core.schedule import Schedule as Order
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.selectors import curricula, sequences
from eval_app.models import Study
from eval_app.selectors.report import report
from eval_app.selectors.report_page import report_html
from eval_app.selectors.studies import study_config
from eval_app.selectors.study_runs import StudyRun, study_runs

Entry = tuple[str, Iterator[bytes]]
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP knows: equal studies give equal archives
_PIECE = 1 << 20  # bytes


def archive(actor: Actor, study: Study) -> Iterator[bytes]:
    """The ZIP of a study that has a verdict. All rows are read at once; only files are read while it is written."""
    runs = study_runs(study, study_config(study))
    texts = {
        "report.html": report_html(actor, study), "report.md": report(study), "study.json": _json(study.job.config),
    }  # fmt: skip
    return zipped(_entries(study, runs, texts))


def zipped(entries: Iterator[Entry]) -> Iterator[bytes]:
    """A ZIP of named contents, never whole in memory."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, pieces in entries:
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            with packed.open(info, "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece)
                    yield pipe.taken()
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """What was written since it was last taken; cannot be sought."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held


def _entries(study: Study, runs: list[StudyRun], texts: dict[str, str]) -> Iterator[Entry]:
    for name, content in texts.items():
        yield name, _one(content)
    table = sequences.opened(study.sequence_set) if study.sequence_set else None
    absent = []
    for run in runs:
        folder = f"runs/{run.arm}/seed-{run.seed}"
        yield f"{folder}/run.json", _one(_json(_facts(run)))
        order = curricula.opened(run.schedule) if run.schedule else None
        if order is None or table is None or order.is_adaptive or order.sequences_digest != table.digest:
            absent.append(f"{run.name}: {_why_absent(order, table)}")
            continue
        yield from _order(folder, order, table)
    yield "README.txt", _one(_readme(study, absent))


def _facts(run: StudyRun) -> dict[str, Any]:
    schedule = run.schedule.uid if run.schedule else None
    return {
        "run": run.run.uid, "arm": run.arm, "seed": run.seed, "schedule": schedule, "digests": run.digests,
        "circumstances": run.circumstances, "config": run.run.job.config, "held_out": run.summary.get("held_out", {}),
    }  # fmt: skip


def _order(folder: str, order: Order, table: SequenceTable) -> Iterator[Entry]:
    yield f"{folder}/manifest.json", _one(_json(order_export.manifest(order, table)))
    yield f"{folder}/index.txt", order_export.index_lines(order, table)
    yield f"{folder}/rows.npy", _file(order)


def _file(order: Order) -> Iterator[bytes]:
    with (order.path / "rows.npy").open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _why_absent(order: Order | None, table: SequenceTable | None) -> str:
    if order is not None and order.is_adaptive:
        return "its order was decided during the run; the run's checkpoint holds it as delivered.npy"
    if order is not None and table is not None:
        return "its schedule orders other sequences; the page of the schedule offers it"
    return "its files are not on this machine"


def _readme(study: Study, absent: list[str]) -> str:
    lines = [
        f"{study.name} ({study.uid})", "",
        "report.html  the report, to be opened in any browser; report.md the same in short",
        "study.json   the frozen config: python manage.py chimera run study --config study.json --wait",
        "runs/ARM/seed-N/run.json       config, digests, machine and scores of a run",
        "runs/ARM/seed-N/index.txt      its order: sequence, start, length, ids of the documents, tab by tab",
        "runs/ARM/seed-N/rows.npy       the same as a numpy array",
        "runs/ARM/seed-N/manifest.json  what these files hold, and digests",
    ]  # fmt: skip
    if absent:
        lines += ["", "Without an order file:", *absent]
    return "\n".join(lines) + "\n"


def _one(text: str) -> Iterator[bytes]:
    yield text.encode()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
