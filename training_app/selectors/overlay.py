"""Series of several runs in one chart: every run's own, and with a grouping the mean of each group with its band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chimera.projects.access import Actor
from training_app.core import series as core
from training_app.core.grouped import Band, Grouped, Member, grouped
from training_app.core.joined import joined
from training_app.core.series import Series
from training_app.models import TrainingRun
from training_app.selectors.compare import group_colours, group_name
from training_app.selectors.history import History, histories
from training_app.selectors.series import SeriesView, around, draw, draw_over, framed, part_of, rounded, thinned

BAND_WORDS: dict[Band, str] = {"range": "lowest to highest run", "interval": "95 % t-interval of the mean"}


def compared_series(
    actor: Actor, runs: Sequence[TrainingRun], keys: Sequence[str], view: SeriesView, by: str, band: Band = "range"
) -> dict[str, Any]:
    """JSON for the charts of `keys`, one each: `metric` of a line says whose it is.

    Runs that never logged a key (or the metric it is drawn over) have no line there.
    """
    over = [view.x_key] if view.x == "metric" else []
    found = histories(actor, runs, list(dict.fromkeys([*keys, *over])), part_of(view))
    colours = group_colours(runs, by)
    drawn: list[dict[str, Any]] = []
    for key in dict.fromkeys(keys):
        logged = [run for run in runs if all(len(found[run.pk].series[name]) for name in (key, *over))]
        lines = [_of_run(key, found[run.pk], view) | _own(run, colours[run.pk], by) for run in logged]
        groups: dict[tuple[str, int], list[Member]] = {}
        for run in logged if by != "none" else ():
            name = group_name(run, by), colours[run.pk]
            groups.setdefault(name, []).append(_member(key, found[run.pk], view))
        drawn += [{**line, "metric": key} for line in (*lines, *_means(groups, view, band))]
    return {"seq": 0, "start": 0, "smoothing": view.smoothing, "series": drawn}


def _means(groups: dict[tuple[str, int], list[Member]], view: SeriesView, band: Band) -> Iterator[dict[str, Any]]:
    for (name, colour), members in groups.items():
        curve = grouped(members, band, exact=view.x in ("tokens", "step"), log_x=view.log_x)
        if curve is not None:
            about = {"key": f"group-{name}", "short": name, "colour": colour, "members": len(members)}
            yield {**_of_group(curve, view), **about, "band_words": BAND_WORDS[band]}


def _own(run: TrainingRun, colour: int, by: str) -> dict[str, Any]:
    return {"key": f"run-{run.pk}", "short": run.name, "colour": colour, "member": by != "none"}


def _of_run(key: str, found: History, view: SeriesView) -> dict[str, Any]:
    series = found.series[key]
    if view.x == "metric":
        return draw_over(key, series, found.series[view.x_key], view, found.start)
    frame = framed(series, view, found.start)
    one = draw(key, series, thinned(frame, view), view.smoothing, found.start)
    return {**one, **around(frame, view)}


def _member(key: str, found: History, view: SeriesView) -> Member:
    """All smoothed points of the run inside the window."""
    series: Series = found.series[key]
    smoothed = core.smooth(series.step, series.value, view.smoothing).value
    if view.x == "metric":
        at, x = joined(series, found.series[view.x_key])
    else:
        at = np.flatnonzero(series.finite)
        x = series.x(view.x, found.start)[at]
    inside = (x >= (-np.inf if view.lo is None else view.lo)) & (x <= (np.inf if view.hi is None else view.hi))
    return Member(x[inside], smoothed[at[inside]])


def _of_group(curve: Grouped, view: SeriesView) -> dict[str, Any]:
    """The curve as a chart draws it: `x` instead of steps, as the runs of a group need not agree on the other axes."""
    kept = core.thin(curve.x, curve.mean, view.max_points, view.log_x)
    mean = rounded(curve.mean[kept])
    return {
        "label": "mean", "binned": curve.binned, "x": curve.x[kept].tolist(), "raw": mean, "smooth": mean,
        "low": rounded(curve.low[kept]), "high": rounded(curve.high[kept]),
        "step": [], "tokens": [], "time": [], "count": len(curve.x), "last_step": 0,
        "band": None, "inner": None, "non_finite": {"count": 0, "steps": []},
    }  # fmt: skip
