"""The runs table: columns chosen by the reader, sorted by any of them over all runs that the filter lets through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet
from django.db.models.fields.json import KeyTransform

from chimera.projects.access import Actor
from training_app.core.metric_keys import describe
from training_app.core.series import Series
from training_app.models import TrainingRun
from training_app.selectors.history import histories
from training_app.selectors.runs import HELD_OUT, LOSS, RunFilter, filtered

Measure = Literal["last", "best", "min", "max", "at"]
MEASURES: tuple[Measure, ...] = ("last", "best", "min", "max", "at")
PAGE_SIZE = 50
MAX_COLUMNS = 12
MAX_READ = 400  # runs whose series are read in order to sort by what only the series tells
READ_AT_ONCE = 40
FIXED = {"newest": "-id", "oldest": "id", "name": "name", "arm": "group", "seed": "seed", "tokens": "-tokens"}

Value = float | None


@dataclass(frozen=True)
class Column:
    """One measure of one metric; `tokens` is where `at` looks. `spec` is how it stands in the URL."""

    measure: Measure
    key: str
    tokens: int = 0

    @property
    def spec(self) -> str:
        return f"at:{self.tokens}:{self.key}" if self.measure == "at" else f"{self.measure}:{self.key}"

    @property
    def title(self) -> str:
        return describe(self.key).label(self.key)

    @property
    def unit(self) -> str:
        return describe(self.key).unit

    @property
    def read(self) -> bool:
        """Whether its values stand only in the series, not in the run's own row."""
        return self.measure in ("min", "max", "at")


DEFAULT_COLUMNS = (Column("last", LOSS), Column("best", LOSS), Column("last", HELD_OUT))


def column_of(spec: str) -> Column | None:
    """`last:loss`, `best:held_out/macro`, `at:500000:loss`; None for what is no column."""
    measure, _, rest = spec.partition(":")
    if measure == "at":
        number, _, key = rest.partition(":")
        return Column("at", key, int(number)) if key and number.isdecimal() and len(number) < 19 else None
    known = next((name for name in MEASURES if name == measure), None)
    return Column(known, rest) if known is not None and rest else None


def columns_of(specs: Iterable[str]) -> list[Column]:
    """The columns named in the URL, or the usual ones; at most `MAX_COLUMNS`."""
    found = [column for spec in dict.fromkeys(specs) if (column := column_of(spec)) is not None]
    return found[:MAX_COLUMNS] or list(DEFAULT_COLUMNS)


@dataclass(frozen=True)
class RunsTable:
    """One page. `values` are by run, a value per column; `left_out` runs were not considered by a sort that reads."""

    page: Page[int]
    runs: list[TrainingRun]
    values: dict[int, list[Value]]
    left_out: int

    @property
    def rows(self) -> list[tuple[TrainingRun, list[Value]]]:
        return [(run, self.values[run.pk]) for run in self.runs]


def runs_table(actor: Actor, wanted: RunFilter, columns: Sequence[Column], sort: str, page: str) -> RunsTable:
    """The page `page` of all runs that the filter lets through, in the order `sort`.

    `sort` is a name of `FIXED` or the spec of a column, with a leading `-` for largest first; runs without a value
    come last. The number of queries does not depend on the number of runs, unless a column reads series.
    """
    runs = filtered(actor, wanted)
    column = column_of(sort.removeprefix("-"))
    left_out = 0
    if column is None:
        order = list(runs.order_by(FIXED.get(sort, "-id"), "-id").values_list("pk", flat=True))
    else:
        order, left_out = _ordered(actor, runs, column, falling=sort.startswith("-"))
    shown: Page[int] = Paginator(order, PAGE_SIZE).get_page(page)
    found = _with_values(filtered(actor, wanted), columns).in_bulk(list(shown.object_list))
    rows = [found[pk] for pk in shown.object_list]
    by_column = [_values(actor, rows, place, column) for place, column in enumerate(columns)]
    return RunsTable(shown, rows, {run.pk: [values[run.pk] for values in by_column] for run in rows}, left_out)


def _with_values(runs: QuerySet[TrainingRun], columns: Sequence[Column]) -> QuerySet[TrainingRun]:
    """The runs with the values of plain columns beside them: a run of 2,000 metrics is not read for three of them."""
    plain = {f"column_{place}": _stored(column) for place, column in enumerate(columns) if not column.read}
    return runs.select_related("job", "job__parent").defer("latest", "best", "summary").annotate(**plain)


def _stored(column: Column) -> KeyTransform:
    return KeyTransform(column.key, F("best" if column.measure == "best" else "latest"))


def _ordered(actor: Actor, runs: QuerySet[TrainingRun], column: Column, *, falling: bool) -> tuple[list[int], int]:
    """Keys of the runs by a column, and how many runs were too many to be read."""
    left_out = 0
    values: list[tuple[int, Value]]
    if column.read:
        newest = list(runs.order_by("-id").defer("latest", "best", "summary")[: MAX_READ + 1])
        left_out = max(0, runs.count() - MAX_READ)
        values = list(_from_series(actor, newest[:MAX_READ], column).items())
    else:
        stored = runs.order_by("-id").annotate(value=_stored(column)).values_list("pk", "value")
        values = [(pk, _number(value)) for pk, value in stored]
    known = [(pk, value) for pk, value in values if value is not None]
    known.sort(key=lambda item: item[1], reverse=falling)
    return [pk for pk, _ in known] + [pk for pk, value in values if value is None], left_out


def _values(actor: Actor, runs: Sequence[TrainingRun], place: int, column: Column) -> dict[int, Value]:
    """The values of one column by run."""
    if column.read:
        return _from_series(actor, runs, column)
    return {run.pk: _number(getattr(run, f"column_{place}")) for run in runs}


def _number(stored: Any) -> Value:
    """A stored value; what is no number (not logged, NaN) is None."""
    value = float(stored) if isinstance(stored, int | float | str) else math.nan
    return value if math.isfinite(value) else None


def _from_series(actor: Actor, runs: Sequence[TrainingRun], column: Column) -> dict[int, Value]:
    """Values that only the series tell, by run; `at` is the last one logged by then, if the run has come that far."""
    found: dict[int, Value] = {}
    for first in range(0, len(runs), READ_AT_ONCE):
        some = runs[first : first + READ_AT_ONCE]
        for pk, history in histories(actor, some, [column.key]).items():
            found[pk] = _reduced(history.series[column.key], column)
    late = {run.pk for run in runs if column.measure == "at" and run.tokens < column.tokens}
    return {pk: None if pk in late else value for pk, value in found.items()}


def _reduced(series: Series, column: Column) -> Value:
    kept = series.value[series.finite & ((series.tokens <= column.tokens) | (column.measure != "at"))]
    if not len(kept):
        return None
    return float({"min": kept.min(), "max": kept.max(), "at": kept[-1]}[column.measure])
