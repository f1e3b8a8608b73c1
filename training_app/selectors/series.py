"""Series of a run as its charts ask for them: read, smoothed on the full data, cut to the window, thinned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from chimera.errors import InputError, problems_of
from chimera.projects.access import Actor
from chimera.typed import Config
from training_app.core import series as core
from training_app.core.metric_keys import describe
from training_app.core.series import Axis, Series
from training_app.core.tally import stored_number
from training_app.models import TrainingRun
from training_app.selectors.history import Part, history

DIGITS = 7  # significant digits of a drawn value
NOTHING = 1e-18  # a weight that changes no float


class SeriesView(Config):
    """How series are looked at: axis, smoothing, window (in units of the axis) and the number of points to draw."""

    x: Axis = "tokens"
    smoothing: float = Field(0.0, ge=0, lt=1)
    lo: float | None = None
    hi: float | None = None
    max_points: int = Field(800, ge=8, le=20_000)
    log_x: bool = False
    aligned: bool = Field(False, description="thin all series at the same steps (areas are stacked)")


def view_of(query: Mapping[str, str]) -> SeriesView:
    """The view that a query string asks for; other parameters are left alone.

    Raises:
        InputError: a value is impossible.
    """
    given = {name: query[name] for name in SeriesView.model_fields if query.get(name, "") != ""}
    try:
        return SeriesView.model_validate_strings(given)
    except ValidationError as error:
        raise InputError(problems_of(error)) from error


def keys_matching(logged: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """The logged keys that are a pattern or belong to its family, in the order of the patterns, then by name.

    A key belongs to the family that describes it: `held_out/macro` is no member of `held_out/*`.
    """
    families: dict[str, list[str]] = {}
    for key in sorted(logged):
        families.setdefault(describe(key).pattern, []).append(key)
        families.setdefault(key, [key])
    return list(dict.fromkeys(key for pattern in patterns for key in families.get(pattern, ())))


def run_series(actor: Actor, run: TrainingRun, patterns: Sequence[str], view: SeriesView) -> dict[str, Any]:
    """The JSON of a live chart: `series` with raw and smoothed values at the same steps, and the seq they reach."""
    found = history(actor, run, keys_matching(run.latest, patterns), part_of(view))
    kept: dict[str, core.Indices] = {}
    for key, series in found.series.items():
        like = next(iter(kept), None) if view.aligned else None
        same = like is not None and np.array_equal(found.series[like].step, series.step)
        kept[key] = kept[like] if same and like is not None else thinned(series, view, found.start)
    drawn = [draw(key, series, kept[key], view.smoothing, found.start) for key, series in found.series.items()]
    return {"run": run.pk, "seq": found.seq, "start": found.start, "smoothing": view.smoothing, "series": drawn}


def part_of(view: SeriesView) -> Part:
    """What has to be read for a view: its window, and before it the steps that smoothing can still tell."""
    lead = int(math.log(NOTHING) / math.log(view.smoothing)) if view.smoothing else 0
    return Part(view.x, view.lo, view.hi, lead)


def thinned(series: Series, view: SeriesView, start: float) -> core.Indices:
    """The indices of the points to draw: inside the window, at most `max_points`."""
    x = series.x(view.x, start)
    if view.x == "time":  # a clock that was set back: its points stand where the time had been already
        x = np.maximum.accumulate(x)
    part = core.window(x, view.lo, view.hi)
    inside = core.thin(x[part], series.value[part], view.max_points, view.log_x)
    return np.asarray(inside + part.start, dtype=np.int64)


def draw(key: str, series: Series, kept: core.Indices, smoothing: float, start: float) -> dict[str, Any]:
    """One series as a chart draws it. `total`, `weight` and `last_step` let the client continue the smoothing."""
    smoothed = core.smooth(series.step, series.value, smoothing)
    shown, described = series.take(kept), describe(key)
    lost = np.flatnonzero(~series.finite)
    return {
        "key": key,
        "label": described.label(key),
        "short": short_label(key),
        "unit": described.unit,
        "count": len(series),
        "step": shown.step.tolist(),
        "tokens": shown.tokens.tolist(),
        "time": [round(seconds, 3) for seconds in (shown.time - start).tolist()],
        "raw": _rounded(shown.value),
        "smooth": _rounded(smoothed.value[kept]),
        "total": smoothed.total,
        "weight": smoothed.weight,
        "last_step": int(series.step[-1]) if len(series) else 0,
        "non_finite": {"count": len(lost), "steps": series.step[lost[:100]].tolist()},
    }


def short_label(key: str) -> str:
    """What stands at the end of a line among others: a family's member by its own name, "mean" for the overall one."""
    pattern = describe(key).pattern
    if "*" in pattern:
        return key.removeprefix(pattern.partition("*")[0])
    return key.rpartition("/")[2].replace("macro", "mean") if "/" in key else "mean"


def _rounded(values: core.Floats) -> list[float | None]:
    """Seven significant digits; what is no number (before the first finite value) becomes a gap."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]


def csv_rows(actor: Actor, run: TrainingRun, patterns: Sequence[str]) -> Iterator[list[Any]]:
    """Header and one line per logged step with every value at full precision; empty where a key was not logged."""
    keys = keys_matching(run.latest, patterns)
    yield ["step", "tokens", "unix_time", *keys]
    found = history(actor, run, keys)
    lines: dict[tuple[int, int, float], dict[str, Any]] = {}
    for key, series in found.series.items():
        for step, tokens, time, value in zip(
            series.step.tolist(), series.tokens.tolist(), series.time.tolist(), series.value.tolist(), strict=True
        ):
            lines.setdefault((step, tokens, time), {})[key] = stored_number(value)
    for place in sorted(lines):
        yield [*place, *(lines[place].get(key, "") for key in keys)]
