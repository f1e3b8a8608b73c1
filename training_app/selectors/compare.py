"""Several runs side by side: curves, alone or as mean and range of a group, and what differs in their configs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chimera.projects.access import Actor
from training_app.core import series as core
from training_app.core.series import Series
from training_app.models import TrainingRun
from training_app.selectors.history import history
from training_app.selectors.runs import of_project
from training_app.selectors.series import SeriesView, draw, thinned

MAX_RUNS = 10
GroupBy = Literal["none", "group", "seed"]


def compared_runs(actor: Actor, pks: Sequence[int]) -> list[TrainingRun]:
    """The wanted runs of the project in the order asked, at most `MAX_RUNS`."""
    wanted = list(dict.fromkeys(pks))[:MAX_RUNS]
    found = of_project(actor).select_related("job", "schedule__curriculum").in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


def candidates(actor: Actor, chosen: Sequence[TrainingRun], limit: int = 60) -> list[TrainingRun]:
    """Newest runs that could be added."""
    return list(of_project(actor).exclude(pk__in=[run.pk for run in chosen]).select_related("job")[:limit])


def siblings(actor: Actor, run: TrainingRun) -> list[int]:
    """Primary keys of the run and of those of the same study (or, alone, of the same group), at most `MAX_RUNS`."""
    others = of_project(actor).exclude(pk=run.pk).order_by("pk")
    if run.job.parent_id is not None:
        others = others.filter(job__parent=run.job.parent_id)
    elif run.group:
        others = others.filter(group=run.group)
    else:
        return [run.pk]
    return [run.pk, *others.values_list("pk", flat=True)[: MAX_RUNS - 1]]


def group_name(run: TrainingRun, by: GroupBy) -> str:
    return f"seed {run.seed}" if by == "seed" else (run.group or run.name)


def group_colours(runs: Sequence[TrainingRun], by: GroupBy) -> dict[int, int]:
    """Run → index of its colour: one each, or one per group."""
    if by == "none":
        return {run.pk: place for place, run in enumerate(runs)}
    names = list(dict.fromkeys(group_name(run, by) for run in runs))
    return {run.pk: names.index(group_name(run, by)) for run in runs}


def compared_series(
    actor: Actor, runs: Sequence[TrainingRun], key: str, view: SeriesView, by: GroupBy
) -> dict[str, Any]:
    """JSON for one chart: every run's series, and with a grouping the mean over each group's runs with its range."""
    colours = group_colours(runs, by)
    names = list(dict.fromkeys(group_name(run, by) for run in runs))
    drawn, members = [], {name: list[Series]() for name in names}
    for run in runs:
        found = history(actor, run, [key])
        series = found.series[key]
        one = draw(key, series, thinned(series, view, found.start), view.smoothing, found.start)
        name = group_name(run, by)
        own = {"key": f"run-{run.pk}", "short": run.name, "colour": colours[run.pk], "member": by != "none"}
        drawn.append({**one, **own})
        members[name].append(_relative(series, found.start))
    means = [] if by == "none" else [_mean(name, i, members[name], view) for i, name in enumerate(names)]
    return {"seq": 0, "start": 0, "smoothing": view.smoothing, "series": [*drawn, *(m for m in means if m)]}


def _relative(series: Series, start: float) -> Series:
    return Series(series.step, series.tokens, series.time - start, series.value)


def _mean(name: str, colour: int, members: list[Series], view: SeriesView) -> dict[str, Any] | None:
    """Mean, lowest and highest of the members' smoothed values at the steps that every member has logged.

    Nothing is interpolated. Tokens and time of the mean are the members' means at that step.
    """
    shared = _shared_steps(members)
    if len(members) < 2 or not len(shared):
        return None
    at = [np.searchsorted(series.step, shared) for series in members]
    smooth = [core.smooth(s.step, s.value, view.smoothing).value[i] for s, i in zip(members, at, strict=True)]
    values = np.stack(smooth)
    mean = Series(
        shared,
        np.mean([s.tokens[i] for s, i in zip(members, at, strict=True)], axis=0).round().astype(np.int64),
        np.mean([s.time[i] for s, i in zip(members, at, strict=True)], axis=0),
        values.mean(axis=0),
    )
    kept = thinned(mean, view, 0.0)
    low, high = values.min(axis=0)[kept].tolist(), values.max(axis=0)[kept].tolist()
    return {**draw(name, mean, kept, 0.0, 0.0), "short": name, "colour": colour, "low": low, "high": high}


def _shared_steps(members: Sequence[Series]) -> core.Ints:
    shared = members[0].step[members[0].finite]
    for series in members[1:]:
        shared = np.intersect1d(shared, series.step[series.finite])
    return shared


@dataclass(frozen=True)
class ConfigLine:
    """One setting over the compared runs."""

    name: str
    values: list[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def config_lines(runs: Sequence[TrainingRun]) -> list[ConfigLine]:
    """Every setting of the frozen configs, flattened to dotted names."""
    flat = [flatten(run.job.config) for run in runs]
    names = sorted({name for config in flat for name in config})
    return [ConfigLine(name, [str(config.get(name, "–")) for config in flat]) for name in names]


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON as dotted names; an empty container is kept as itself."""
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list) and value:
        items = ((str(index), item) for index, item in enumerate(value))  # type: ignore[assignment]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, item in items:
        flat |= flatten(item, f"{prefix}.{name}" if prefix else name)
    return flat


@dataclass(frozen=True)
class Outcome:
    """Best, last and at the largest token count that all runs have reached, of one metric of one run."""

    run: TrainingRun
    best: float | None
    last: float | None
    at_shared: float | None


def outcomes(actor: Actor, runs: Sequence[TrainingRun], key: str) -> tuple[int, list[Outcome]]:
    """The shared token count and one outcome per run; the value there is the last one logged up to it."""
    reached = [run.tokens for run in runs if run.tokens]
    shared = min(reached, default=0)
    found = []
    for run in runs:
        series = history(actor, run, [key]).series[key]
        values = series.value[series.finite]
        until = values[series.tokens[series.finite] <= shared]
        best = run.best.get(key)
        last = float(values[-1]) if len(values) else None
        found.append(Outcome(run, best, last, float(until[-1]) if len(until) else None))
    return shared, found
