"""What a recorder must know of the points that are stored: segments by what sums them up, rows point by point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Max, Min

from training_app.core.segments import unpack_floats, unpack_ints
from training_app.core.tally import PACE_SECONDS, SPARKLINE_KEY, Tally
from training_app.models import MetricAxis, MetricLedger, MetricRow, MetricSegment
from training_app.services.alerting import Alerting
from training_app.services.sealing import read_axes


def replay(run_id: int, tally: Tally, alerting: Alerting) -> None:
    """Feed all stored points to both. Call in a transaction: nothing is sealed or cut until it ends."""
    MetricLedger.objects.select_for_update().filter(run=run_id).first()
    _recall(tally, run_id)
    _watch(alerting, run_id)
    rows = MetricRow.objects.filter(run=run_id).order_by("seq").values_list("points", flat=True)
    for points in rows.iterator(chunk_size=100):
        for line in lines_of(points):
            tally.add(*line)
            step, tokens, _, values = line
            alerting.replay(step, tokens, values)


def lines_of(points: Mapping[str, Any]) -> Iterator[tuple[int, int, float, dict[str, float]]]:
    """Step, tokens, time and values of every line of a stored row."""
    by_index: list[dict[str, float]] = [{} for _ in points["step"]]
    for key, pairs in points["values"].items():
        for index, value in pairs:
            by_index[index][key] = float(value)
    yield from zip(points["step"], points["tokens"], points["time"], by_index, strict=True)


def _recall(tally: Tally, run_id: int) -> None:
    segments = MetricSegment.objects.filter(run=run_id)
    newest = dict(segments.order_by("key", "-place").distinct("key").values_list("key", "last"))
    extremes = segments.order_by().values_list("key").annotate(lowest=Min("lowest"), highest=Max("highest"))
    for key, lowest, highest in extremes:
        tally.recall(key, newest[key], lowest, highest)
    for _, _, values in _sealed(run_id, SPARKLINE_KEY):
        tally.recall_line(values)
    for place in _last_minute(run_id):
        tally.reached(*place)


def _watch(alerting: Alerting, run_id: int) -> None:
    """Rules see one series at a time, so the sealed ones can follow each other whole."""
    keys = MetricSegment.objects.filter(run=run_id).order_by().values_list("key", flat=True).distinct()
    for key in filter(alerting.watches, keys):
        for steps, tokens, values in _sealed(run_id, key):
            for step, seen, value in zip(steps, tokens, values, strict=True):
                alerting.replay(step, seen, {key: value})


def _sealed(run_id: int, key: str) -> Iterator[tuple[list[int], list[int], list[float]]]:
    """Steps, tokens and values of a series, a segment at a time."""
    columns = ("axis__count", "axis__step", "axis__tokens", "data")
    rows = MetricSegment.objects.filter(run=run_id, key=key).order_by("place").values_list(*columns)
    for count, step, tokens, data in rows.iterator(chunk_size=100):
        steps, seen = unpack_ints([step], [count]).tolist(), unpack_ints([tokens], [count]).tolist()
        yield steps, seen, unpack_floats([data], [count]).tolist()


def _last_minute(run_id: int) -> list[tuple[int, int, float]]:
    """Step, tokens and time of the sealed places of the last minute before the last one, in order."""
    axes = MetricAxis.objects.filter(run=run_id)
    last = axes.order_by("hi_step", "hi_time").last()
    if last is None:
        return []
    near = axes.filter(hi_time__gte=last.hi_time - PACE_SECONDS).values_list("pk", flat=True)
    places: set[tuple[int, int, float]] = set()
    for axis in read_axes(near).values():
        places.update(zip(axis.step.tolist(), axis.tokens.tolist(), axis.time.tolist(), strict=True))
    return sorted(places)
