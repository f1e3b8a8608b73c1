"""What a run has logged: the full series of its keys, whatever they are stored as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models.fields.json import KeyTransform

from chimera.projects.access import Actor
from training_app.core import series as core
from training_app.core.series import RowPart, Series
from training_app.models import MetricRow, TrainingRun


@dataclass(frozen=True)
class History:
    """Everything a run has logged of some keys up to row `seq`; `start` is the Unix time of its first point."""

    seq: int
    start: float
    series: dict[str, Series]


def history(actor: Actor, run: TrainingRun, keys: Sequence[str]) -> History:
    """The full series of `keys`, read in one statement so that they belong together."""
    rows = MetricRow.objects.filter(run=run, run__project=actor.project).order_by("seq")
    columns = [KeyTransform(name, "points") for name in ("step", "tokens", "time")]
    values = [KeyTransform(key, KeyTransform("values", "points")) for key in keys]
    last, start = 0, None
    parts: dict[str, list[RowPart]] = {key: [] for key in keys}
    for seq, step, tokens, time, *points in rows.values_list("seq", *columns, *values).iterator(chunk_size=500):
        last = seq
        if start is None and time:
            start = time[0]
        for key, pairs in zip(keys, points, strict=True):
            if pairs:
                parts[key].append(RowPart(step, tokens, time, pairs))
    return History(last, start or 0.0, {key: core.assemble(parts[key]) for key in keys})
