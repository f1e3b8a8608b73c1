"""What runs have logged: the series of their keys, whole or around a window, from segments and the rows after them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from django.db.models import Func, JSONField, QuerySet, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast
from numpy.typing import NDArray

from chimera.binary_rows import binary_rows
from chimera.projects.access import Actor
from training_app.core import series as core
from training_app.core.columns import Column, Later
from training_app.core.segments import Packed, unpack_floats, unpack_ints
from training_app.core.series import RowPart, Series
from training_app.models import MetricAxis, MetricLedger, MetricRow, MetricSegment, TrainingRun

FEW_POINTS = 300_000  # of all axes together: so many are taken apart at once
MOST_ARGUMENTS = 80  # of a function of PostgreSQL: with more keys whole rows are read


@dataclass(frozen=True)
class History:
    """What a run has logged of some keys up to row `seq`; `start` is the Unix time of its first point."""

    seq: int
    start: float
    series: dict[str, Series]


@dataclass(frozen=True)
class Part:
    """The window [lo, hi] of `axis` that is wanted (time: seconds since the run's start), and what smoothing needs.

    At least the points of `lead` steps before the window are read too; None asks for all that is earlier.
    """

    axis: core.Axis = "step"
    lo: float | None = None
    hi: float | None = None
    lead: int | None = None

    @property
    def whole(self) -> bool:
        return self.lo is None and self.hi is None


EVERYTHING = Part()


def history(actor: Actor, run: TrainingRun, keys: Sequence[str], part: Part = EVERYTHING) -> History:
    """The series of `keys`: whole, or as much of them as `part` asks for (rows that are not sealed are always read)."""
    return histories(actor, [run], keys, part)[run.pk]


def histories(
    actor: Actor, runs: Sequence[TrainingRun], keys: Sequence[str], part: Part = EVERYTHING
) -> dict[int, History]:
    """The histories of several runs by primary key, in as many queries as one. Those of other projects are empty."""
    pks = [run.pk for run in runs if run.project_id == actor.project.pk]
    before = _ledgers(pks)
    while True:
        found = _read(pks, keys, part, before)
        after = _ledgers(pks)
        if after == before:  # nothing was sealed or cut between the statements
            break
        before = after
    nothing = History(0, 0.0, {key: core.assemble([]) for key in keys})
    return {run.pk: found.get(run.pk, nothing) for run in runs}


@dataclass(frozen=True)
class _Ledger:
    sealed_seq: int = 0
    cuts: int = 0
    start: float | None = None


def _ledgers(pks: Sequence[int]) -> dict[int, _Ledger]:
    rows = MetricLedger.objects.filter(run__in=pks).values_list("run", "sealed_seq", "cuts", "start")
    return {pk: _Ledger(sealed_seq, cuts, start) for pk, sealed_seq, cuts, start in rows}


def _read(pks: Sequence[int], keys: Sequence[str], part: Part, ledgers: dict[int, _Ledger]) -> dict[int, History]:
    sealed = _sealed(pks, keys, part, ledgers)
    tails = {pk: _Tail(ledgers.get(pk, _Ledger()), keys) for pk in pks}
    for pk, seq, row in _rows(pks, keys):
        tails[pk].add(seq, row)
    return {pk: tail.history(sealed[pk]) for pk, tail in tails.items()}


class _Tail:
    """What the rows of one run that are not sealed say of some keys."""

    def __init__(self, ledger: _Ledger, keys: Sequence[str]) -> None:
        self.seq, self.start = ledger.sealed_seq, ledger.start
        self.parts: dict[str, list[RowPart]] = {key: [] for key in keys}

    def add(self, seq: int, row: Sequence[Any]) -> None:
        step, tokens, time, points = row
        self.seq = seq
        if self.start is None and time:
            self.start = time[0]
        for part, pairs in zip(self.parts.values(), points, strict=True):
            if pairs:
                part.append(RowPart(step, tokens, time, pairs))

    def history(self, sealed: dict[str, Series]) -> History:
        series = {key: self._whole(sealed.get(key), rows) for key, rows in self.parts.items()}
        return History(self.seq, self.start or 0.0, series)

    def _whole(self, sealed: Series | None, rows: list[RowPart]) -> Series:
        if sealed is None:
            return core.assemble(rows)
        return sealed.then(core.assemble(rows)) if rows else sealed


def _rows(pks: Sequence[int], keys: Sequence[str]) -> Iterator[tuple[int, int, list[Any]]]:
    """Run, seq and `[steps, tokens, times, [pairs of each key]]` of every row that is not sealed."""
    columns = [KeyTransform(name, "points") for name in ("step", "tokens", "time")]
    values: Any = KeyTransform("values", "points")
    if few := len(keys) <= MOST_ARGUMENTS:
        values = Func(*(KeyTransform(key, values) for key in keys), function="jsonb_build_array")
    row = Func(*columns, values, function="jsonb_build_array", output_field=JSONField())
    rows = MetricRow.objects.filter(run__in=pks).order_by("run", "seq")
    for pk, seq, text in rows.values_list("run", "seq", Cast(row, TextField())).iterator(chunk_size=500):
        *where, found = orjson.loads(text)
        yield pk, seq, [*where, found if few else [found.get(key) for key in keys]]


Segments = dict[tuple[int, str], list[tuple[int, Packed]]]


def _sealed(
    pks: Sequence[int], keys: Sequence[str], part: Part, ledgers: dict[int, _Ledger]
) -> dict[int, dict[str, Series]]:
    """Series from segments, by run. An axis that several series share is read and taken apart once."""
    wanted = MetricSegment.objects.filter(run__in=pks, key__in=keys).order_by("run", "key", "place")
    if not part.whole:
        wanted = wanted.filter(pk__in=_covering(wanted, part, ledgers))
    segments: Segments = {}
    for pk, key, axis, data in binary_rows(wanted.values_list("run", "key", "axis", "data")):
        segments.setdefault((pk, key), []).append((axis, data))
    axes = _Axes(pks, {axis for some in segments.values() for axis, _ in some})
    found: dict[int, dict[str, Series]] = {pk: {} for pk in pks}
    for (pk, key), series in zip(segments, axes.series(segments.values()), strict=True):
        found[pk][key] = series
    return found


def _covering(segments: QuerySet[MetricSegment], part: Part, ledgers: dict[int, _Ledger]) -> list[int]:
    """The segments (primary keys) that `part` needs: of each series those in the window, one beyond, and the lead."""
    bounds = segments.values_list("run", "key", "pk", f"axis__lo_{part.axis}", f"axis__hi_{part.axis}", "axis__hi_step")
    needed: list[int] = []
    for (run, _), rows in groupby(bounds, key=lambda row: row[:2]):
        _, _, pks, lows, highs, last_steps = zip(*rows, strict=True)
        moved = (ledgers[run].start or 0.0) if part.axis == "time" else 0.0
        low = -np.inf if part.lo is None else part.lo + moved
        high = np.inf if part.hi is None else part.hi + moved
        first = max(sum(value < low for value in lows) - 1, 0)  # the last one with a point before the window
        begin = -np.inf if part.lead is None or not first else last_steps[first - 1] - part.lead
        first = sum(step <= begin for step in last_steps[:first])
        end = sum(value <= high for value in highs) + 1
        needed.extend(pks[first:end])
    return needed


_Column = Later | NDArray[Any]
_Places = tuple[_Column, _Column, _Column]  # step, tokens, time


class _Axes:
    """The axes of some segments; shared by the series of the same list of segments.

    Of few points all are taken apart together, which for hundreds of short runs is much less work than one by one.
    """

    def __init__(self, runs: Sequence[int], pks: set[int]) -> None:
        near = MetricAxis.objects.filter(run__in=runs, pk__range=(min(pks, default=0), max(pks, default=0)))
        # A range: lists of thousands are slow.
        rows = binary_rows(near.values_list("pk", "count", "step", "tokens", "time"))
        self._rows = {pk: (count, step, tokens, time) for pk, count, step, tokens, time in rows}
        self._open = self._opened(sorted(pks & self._rows.keys()))
        self._places: dict[tuple[int, ...], _Places] = {}

    def series(self, of_each: Collection[Sequence[tuple[int, Packed]]]) -> Iterator[Series]:
        """A series for each list of segments."""
        flat = [segment for some in of_each for segment in some]
        values = unpack_floats([data for _, data in flat], [self._rows[pk][0] for pk, _ in flat])
        end = 0
        for some in of_each:
            pks = tuple(pk for pk, _ in some)
            start, end = end, end + sum(self._rows[pk][0] for pk in pks)
            yield Series(*self._of(pks), values[start:end])

    def _of(self, pks: tuple[int, ...]) -> _Places:
        if pks not in self._places:
            self._places[pks] = self._joined(pks) if self._open else self._packed(pks)
        return self._places[pks]

    def _joined(self, pks: tuple[int, ...]) -> _Places:
        if len(pks) == 1:
            return self._open[pks[0]]
        steps, tokens, times = zip(*(self._open[pk] for pk in pks), strict=True)
        return np.concatenate(steps), np.concatenate(tokens), np.concatenate(times)

    def _packed(self, pks: tuple[int, ...]) -> _Places:
        counts, steps, tokens, times = zip(*(self._rows[pk] for pk in pks), strict=True)
        return Column(steps, counts, np.int64), Column(tokens, counts, np.int64), Column(times, counts, np.float64)

    def _opened(self, pks: Sequence[int]) -> dict[int, tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Step, tokens and time by axis; nothing where there are many points, of which few may be looked at."""
        if sum(self._rows[pk][0] for pk in pks) > FEW_POINTS or not pks:
            return {}
        counts, steps, tokens, times = zip(*(self._rows[pk] for pk in pks), strict=True)
        whole = unpack_ints(steps, counts), unpack_ints(tokens, counts), unpack_floats(times, counts)
        parts = zip(*(np.split(column, np.cumsum(counts)[:-1]) for column in whole), strict=True)
        return dict(zip(pks, parts, strict=True))
