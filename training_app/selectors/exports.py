"""Points of runs to take away: every logged value at full precision, as rows of a CSV or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.text import slugify

from chimera.projects.access import Actor
from training_app.core.series import Series
from training_app.core.tally import stored_number
from training_app.models import TrainingRun
from training_app.selectors.history import history
from training_app.selectors.series import keys_matching


def file_name(runs: Sequence[TrainingRun], chart: str, ending: str) -> str:
    """`run-12-easy-to-hard-seed-1-training-loss.csv`: which run and which chart."""
    who = f"{runs[0].uid} {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs"
    return f"{slugify(f'{who} {chart}')[:120]}.{ending}"


def csv_rows(actor: Actor, run: TrainingRun, patterns: Sequence[str]) -> Iterator[list[Any]]:
    """Header and one line per logged step with every value; empty where a key was not logged."""
    keys = keys_matching(run.latest, patterns)
    yield ["step", "tokens", "unix_time", *keys]
    found = history(actor, run, keys)
    lines: dict[tuple[int, int, float], dict[str, Any]] = {}
    for key, series in found.series.items():
        for step, tokens, time, value in _points(series):
            lines.setdefault((step, tokens, time), {})[key] = stored_number(value)
    for place in sorted(lines):
        yield [*place, *(lines[place].get(key, "") for key in keys)]


def compared_csv_rows(actor: Actor, runs: Sequence[TrainingRun], patterns: Sequence[str]) -> Iterator[list[Any]]:
    """Header and one line per run, key and logged point, in that order."""
    yield ["run", "name", "arm", "seed", "key", "step", "tokens", "unix_time", "value"]
    for run in runs:
        for key, series in history(actor, run, keys_matching(run.latest, patterns)).series.items():
            for step, tokens, time, value in _points(series):
                yield [run.uid, run.name, run.group, run.seed, key, step, tokens, time, stored_number(value)]


def json_parts(actor: Actor, runs: Sequence[TrainingRun], patterns: Sequence[str]) -> Iterator[str]:
    """`[{"run", "name", "arm", "seed", "series": {key: {"step", "tokens", "unix_time", "value"}}}, …]`, run by run."""
    for place, run in enumerate(runs):
        found = history(actor, run, keys_matching(run.latest, patterns))
        facts = {"run": run.uid, "name": run.name, "arm": run.group, "seed": run.seed}
        series = {key: _columns(series) for key, series in found.series.items()}
        yield f"{',' if place else '['}{json.dumps({**facts, 'series': series}, ensure_ascii=False)}\n"
    yield "]\n" if runs else "[]\n"


def _points(series: Series) -> Iterator[tuple[int, int, float, float]]:
    return zip(series.step.tolist(), series.tokens.tolist(), series.time.tolist(), series.value.tolist(), strict=True)


def _columns(series: Series) -> dict[str, list[Any]]:
    return {
        "step": series.step.tolist(),
        "tokens": series.tokens.tolist(),
        "unix_time": series.time.tolist(),
        "value": [stored_number(value) for value in series.value.tolist()],
    }
