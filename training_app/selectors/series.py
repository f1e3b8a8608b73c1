"""Series of a run as its charts ask for them: read, smoothed on the full data, cut to the window, thinned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from chimera.errors import InputError, problems_of
from chimera.projects.access import Actor
from chimera.typed import Config
from training_app.core import series as core
from training_app.core.envelope import envelope
from training_app.core.joined import joined, thin_path
from training_app.core.metric_keys import describe, members
from training_app.core.series import Series
from training_app.models import TrainingRun
from training_app.selectors.history import EVERYTHING, Part, history

DIGITS = 7  # significant digits of a drawn value
NOTHING = 1e-18  # a weight that changes no float
METRIC = "metric:"  # before the key of a metric that is the horizontal axis
INNER = (0.01, 0.99)  # quantiles of the values that are no outliers


class SeriesView(Config):
    """How series are looked at: axis, smoothing, window (in units of the axis) and the number of points to draw."""

    x: Literal["tokens", "step", "time", "metric"] = "tokens"
    x_key: str = Field("", max_length=500, description="the metric on the horizontal axis, where x is metric")
    smoothing: float = Field(0.0, ge=0, lt=1)
    lo: float | None = None
    hi: float | None = None
    max_points: int = Field(800, ge=8, le=20_000)
    log_x: bool = False
    aligned: bool = Field(False, description="thin all series at the same steps (areas are stacked)")
    inner: bool = Field(False, description="say between which values 98 % of the points in the window lie")


def view_of(query: Mapping[str, str]) -> SeriesView:
    """The view that a query string asks for; other parameters are left alone. `x=metric:loss` draws over the loss.

    Raises:
        InputError: a value is impossible.
    """
    given = {name: query[name] for name in SeriesView.model_fields if query.get(name, "") != ""}
    if given.get("x", "").startswith(METRIC):
        given |= {"x": "metric", "x_key": given["x"].removeprefix(METRIC)}
    try:
        return SeriesView.model_validate_strings(given)
    except ValidationError as error:
        raise InputError(problems_of(error)) from error


def keys_matching(logged: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """The logged keys that are a pattern or belong to its family, in the order of the patterns, then by name."""
    keys = dict.fromkeys(sorted(logged))
    return list(dict.fromkeys(key for pattern in patterns for key in members(pattern, keys)))


def run_series(actor: Actor, run: TrainingRun, patterns: Sequence[str], view: SeriesView) -> dict[str, Any]:
    """The JSON of a live chart: `series` with raw and smoothed values at the same steps, and the seq they reach."""
    keys = keys_matching(run.latest, patterns)
    found = history(
        actor, run, list(dict.fromkeys([*keys, *([view.x_key] if view.x == "metric" else [])])), part_of(view)
    )
    kept: dict[str, core.Indices] = {}
    drawn = []
    for key in keys:
        series = found.series[key]
        if view.x == "metric":
            drawn.append(draw_over(key, series, found.series[view.x_key], view, found.start))
            continue
        like = next(iter(kept), None) if view.aligned else None
        same = like is not None and np.array_equal(found.series[like].step, series.step)
        frame = framed(series, view, found.start)
        kept[key] = kept[like] if same and like is not None else thinned(frame, view)
        drawn.append({**draw(key, series, kept[key], view.smoothing, found.start), **around(frame, view)})
    return {"run": run.pk, "seq": found.seq, "start": found.start, "smoothing": view.smoothing, "series": drawn}


def part_of(view: SeriesView) -> Part:
    """What has to be read for a view: its window, and before it the steps that smoothing can still tell.

    Over another metric that is everything, as its values say nothing of where in the run they lie.
    """
    if view.x == "metric":
        return EVERYTHING
    lead = int(math.log(NOTHING) / math.log(view.smoothing)) if view.smoothing else 0
    return Part(view.x, view.lo, view.hi, lead)


@dataclass(frozen=True)
class Frame:
    """The part of a series that the window shows: its points (x, y), of which the first is number `first`."""

    first: int
    x: core.Floats
    y: core.Floats


def framed(series: Series, view: SeriesView, start: float) -> Frame:
    """What is inside the window over tokens, step or time."""
    assert view.x != "metric"
    x = series.x(view.x, start)
    if view.x == "time":  # a clock that was set back: its points stand where the time had been already
        x = np.maximum.accumulate(x)
    part = core.window(x, view.lo, view.hi)
    return Frame(part.start, x[part], series.value[part])


def thinned(frame: Frame, view: SeriesView) -> core.Indices:
    """The indices in the series of the points to draw: at most `max_points` of the frame."""
    return np.asarray(core.thin(frame.x, frame.y, view.max_points, view.log_x) + frame.first, dtype=np.int64)


def around(frame: Frame, view: SeriesView) -> dict[str, Any]:
    """What is known of the points that thinning left out: `band` is the lowest and the highest value per bucket.

    `band` is None where every point of the window is drawn, `inner` where it was not asked for.
    """
    band = None
    if len(frame.y) > view.max_points:
        found = envelope(frame.x, frame.y, view.max_points // 4, view.log_x)
        band = {"x": found.x.tolist(), "low": rounded(found.low), "high": rounded(found.high)}
    return {"band": band, "inner": _inner(frame.y) if view.inner else None}


def _inner(values: core.Floats) -> list[float] | None:
    finite = values[np.isfinite(values)]
    return [float(value) for value in np.quantile(finite, INNER)] if len(finite) else None


def draw_over(key: str, series: Series, over: Series, view: SeriesView, start: float) -> dict[str, Any]:
    """The series over another metric: points of the steps at which both were logged, in the order of the steps.

    Smoothing is over steps and of the full series, as on every axis; `x` is the other metric as logged.
    """
    at, x = joined(series, over)
    inside = (x >= (-np.inf if view.lo is None else view.lo)) & (x <= (np.inf if view.hi is None else view.hi))
    at, x = at[inside], x[inside]
    y = series.value[at]
    kept = thin_path(series.step[at].astype(np.float64), x, y, view.max_points)
    one = draw(key, series, at[kept], view.smoothing, start)
    return {**one, "x": rounded(x[kept]), "band": None, "inner": _inner(y) if view.inner else None}


def draw(key: str, series: Series, kept: core.Indices, smoothing: float, start: float) -> dict[str, Any]:
    """One series as a chart draws it. `total`, `weight` and `last_step` let the client continue the smoothing."""
    value = series.value
    smoothed = core.smooth(series.step, value, smoothing, kept) if smoothing else core.unsmoothed(value, kept)
    shown, described = series.take(kept), describe(key)
    finite = series.finite
    lost = kept[:0] if finite.all() else np.flatnonzero(~finite)
    return {
        "key": key,
        "label": described.label(key),
        "short": short_label(key),
        "unit": described.unit,
        "count": len(series),
        "step": shown.step.tolist(),
        "tokens": shown.tokens.tolist(),
        "time": np.round(shown.time - start, 3).tolist(),
        "raw": rounded(shown.value),
        "smooth": rounded(smoothed.value),
        "total": smoothed.total,
        "weight": smoothed.weight,
        "last_step": int(series.take(np.array([len(series) - 1])).step[0]) if len(series) else 0,
        "non_finite": {"count": len(lost), "steps": series.take(lost[:100]).step.tolist()},
    }


def short_label(key: str) -> str:
    """What stands at the end of a line among others: a family's member by its own name, "mean" for the overall one."""
    described = describe(key)
    if "*" in described.pattern:
        return key.removeprefix(described.pattern.partition("*")[0])
    if described.title == key:  # declared by nobody
        return key
    return key.rpartition("/")[2].replace("macro", "mean") if "/" in key else "mean"


def rounded(values: core.Floats) -> list[float | None]:
    """Seven significant digits; what is no number (before the first finite value) becomes a gap."""
    finite = np.isfinite(values)
    size = np.abs(np.where(finite & (values != 0), values, 1.0))
    places = DIGITS - 1 - np.floor(np.log10(size)).astype(np.int64)
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)  # whole numbers: each division rounds once
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = (np.round(values * up / down) / up * down).tolist()
    return numbers if finite.all() else [number if math.isfinite(number) else None for number in numbers]
