"""Sealing: rows of points older than a minute become segments. And cutting: what is later than a resume point goes.

Both begin with the lock of the run's ledger and do everything in one transaction, so they never see half of each other,
and whoever is killed has changed nothing. The recorder's appending needs no such lock: its new rows are younger than
what is sealed. Lock order: job (the recorder's fence), ledger, rows, segments.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import orjson
from django.db import connection, transaction
from django.db.models import Count, F, Func, IntegerField, Max, Min, Q, QuerySet, Sum, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Now

from training_app.core.sealing import Block, Line, Pending, Places, Tail, blocks_of, kept_until, summary_of
from training_app.core.segments import SEGMENT_POINTS, Packed, pack_floats, pack_ints, unpack_floats, unpack_ints
from training_app.models import MetricAxis, MetricLedger, MetricRow, MetricSegment

AGE = timedelta(seconds=60)  # younger rows are left for the open pages, which read rows
MANY_ROWS, MANY_BYTES = 512, 4_000_000  # so much is sealed at once; less waits, so that segments are seldom rewritten
POINTS_AT_ONCE = 2_000_000  # bounds the memory of one transaction
ROUND_SECONDS = 3.0  # a round of housekeeping begins no further run after this


def seal_due() -> int:
    """Seal every run that has much to seal or was silent for `AGE`; the number of rows sealed."""
    sealed, end = 0, time.monotonic() + ROUND_SECONDS
    for run_id, silent in due():
        sealed += seal(run_id, whole=silent)
        if time.monotonic() > end:
            break
    return sealed


def due() -> list[tuple[int, bool]]:
    """Runs (primary keys) with enough old rows, or with nothing but old rows; whether it is the latter."""
    old = Q(written_at__lt=Now() - AGE)
    size = Func("points", function="pg_column_size", output_field=IntegerField())
    runs = MetricRow.objects.order_by().values("run")
    facts = runs.annotate(old=Count("pk", filter=old), young=Count("pk", filter=~old), bytes=Sum(size, filter=old))
    much = Q(old__gte=MANY_ROWS) | Q(bytes__gte=MANY_BYTES) | Q(young=0)
    return [
        (run, not young) for run, young in facts.filter(much, old__gt=0).order_by("-old").values_list("run", "young")
    ]


@transaction.atomic
def seal(run_id: int, age: timedelta = AGE, *, whole: bool = True) -> int:
    """Turn the run's rows older than `age` into segments; how many rows. 0 if someone else is at it.

    Unless `whole`, what would only begin a segment of the densest series is left for the next time: it would be
    written twice.
    """
    open_ledger(run_id)
    ledger = MetricLedger.objects.select_for_update(skip_locked=True).filter(run=run_id).first()
    if ledger is None:
        return 0
    rows = old_rows(run_id, age)
    if not whole and (last := end_of_full_segments(run_id, rows)):
        rows = rows.filter(seq__lte=last)
    pending, last_seq, attempt, count = collect(rows)
    if not count:
        return 0
    write(run_id, attempt, pending)
    if ledger.start is None and len(pending.places):
        ledger.start = float(pending.places.time[0])
    ledger.sealed_seq = last_seq
    ledger.save(update_fields=["sealed_seq", "start"])
    MetricRow.objects.filter(run=run_id, seq__lte=last_seq).delete()
    return count


def open_ledger(run_id: int) -> None:
    """Make sure that the run has a ledger to lock."""
    MetricLedger.objects.bulk_create([MetricLedger(run_id=run_id)], ignore_conflicts=True)


def old_rows(run_id: int, age: timedelta) -> QuerySet[MetricRow]:
    """The rows before the first one that is younger: whatever the database's clock did, they have no gap."""
    rows = MetricRow.objects.filter(run=run_id).order_by("seq")
    young = rows.filter(written_at__gte=Now() - age).aggregate(seq=Min("seq"))["seq"]
    return rows if young is None else rows.filter(seq__lt=young)


def end_of_full_segments(run_id: int, rows: QuerySet[MetricRow]) -> int | None:
    """The seq of the row that completes the last segment these rows can fill; None if they fill none."""
    unfilled = MetricAxis.objects.filter(run=run_id, count__lt=SEGMENT_POINTS).aggregate(most=Max("count"))["most"]
    places, end = unfilled or 0, None
    lines = Func(KeyTransform("step", "points"), function="jsonb_array_length", output_field=IntegerField())
    for seq, count in rows.values_list("seq", lines):
        if (places + count) // SEGMENT_POINTS > places // SEGMENT_POINTS:
            end = seq
        places += count
    return end


def collect(rows: QuerySet[MetricRow]) -> tuple[Pending, int, int, int]:
    """The points of the first of these rows, the seq and the attempt of the last one taken, and how many they are."""
    texts = rows.values_list("seq", "attempt", Cast("points", TextField()))
    pending, last_seq, last_attempt, count = Pending(), 0, 0, 0
    for seq, attempt, text in texts.iterator(chunk_size=50):
        pending.add(orjson.loads(text))
        last_seq, last_attempt, count = seq, attempt, count + 1
        if pending.num_points >= POINTS_AT_ONCE:
            break
    return pending, last_seq, last_attempt, count


def write(run_id: int, attempt: int, pending: Pending) -> None:
    """Put `pending` behind the run's last segments, of which unfilled ones are written anew."""
    ends = last_segments(run_id, pending.keys)
    open_ends = {key: end for key, end in ends.items() if end.data is not None}
    axes = read_axes({end.axis for end in open_ends.values()})
    tails = {
        key: Tail(end.axis, end.place, unpack_floats([end.data], [end.count]))
        for key, end in open_ends.items()
        if end.data is not None
    }
    counts = {key: end.place + end.count for key, end in ends.items()}
    blocks = list(blocks_of(pending, tails, axes, counts))
    MetricSegment.objects.filter(pk__in=[end.pk for end in open_ends.values()]).delete()
    MetricAxis.objects.filter(pk__in=axes, segments=None).delete()
    save(run_id, attempt, blocks)


@dataclass(frozen=True)
class End:
    """The last segment of a series. `data` is None if it is full."""

    pk: int
    place: int
    axis: int
    count: int
    data: Packed | None


_LAST_SEGMENTS = """
    SELECT wanted.key, last.id, last.place, axis.id, axis.count, CASE WHEN axis.count < %s THEN last.data END
    FROM unnest(%s::text[]) AS wanted(key)
    CROSS JOIN LATERAL (
        SELECT id, place, axis_id, data FROM training_app_metricsegment
        WHERE run_id = %s AND key = wanted.key ORDER BY place DESC LIMIT 1
    ) AS last
    JOIN training_app_metricaxis AS axis ON axis.id = last.axis_id
"""  # one look into the index per key: DISTINCT ON would read all segments of the run


def last_segments(run_id: int, keys: Sequence[str]) -> dict[str, End]:
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SEGMENTS, [SEGMENT_POINTS, list(keys), run_id])
        return {key: End(*rest) for key, *rest in cursor.fetchall()}


def read_axes(pks: Iterable[int]) -> dict[int, Places]:
    rows = MetricAxis.objects.filter(pk__in=pks).values_list("pk", "count", "step", "tokens", "time")
    return {
        pk: Places(unpack_ints([step], [count]), unpack_ints([tokens], [count]), unpack_floats([time], [count]))
        for pk, count, step, tokens, time in rows
    }


def save(run_id: int, attempt: int, blocks: Sequence[Block]) -> None:
    """Write blocks as rows of `MetricAxis` and `MetricSegment`."""
    axes = MetricAxis.objects.bulk_create([axis_row(run_id, block.places) for block in blocks], batch_size=200)
    segments = (
        segment_row(axis, attempt, block.places, line)
        for axis, block in zip(axes, blocks, strict=True)
        for line in block.lines
    )
    MetricSegment.objects.bulk_create(segments, batch_size=200)


def axis_row(run_id: int, places: Places) -> MetricAxis:
    return MetricAxis(run_id=run_id, **axis_columns(places))


def axis_columns(places: Places) -> dict[str, object]:
    columns = {"step": places.step, "tokens": places.tokens, "time": places.time}
    ends = {f"lo_{name}": column.min().item() for name, column in columns.items()}
    ends |= {f"hi_{name}": column.max().item() for name, column in columns.items()}
    packed = {"step": pack_ints(places.step), "tokens": pack_ints(places.tokens), "time": pack_floats(places.time)}
    return {"count": len(places), **ends, **packed}


def segment_row(axis: MetricAxis, attempt: int, places: Places, line: Line) -> MetricSegment:
    facts = asdict(summary_of(places.step, line.values))
    return MetricSegment(
        run_id=axis.run_id, axis=axis, key=line.key, place=line.place, attempt=attempt, data=pack_floats(line.values),
        **facts,
    )  # fmt: skip


def cut(run_id: int, step: int) -> bool:
    """Remove every sealed point later than `step`; whether there was one. Call in the transaction that cuts the rows.

    Locks the ledger for the rest of that transaction: a sealing that is under way ends first, the next one waits.
    """
    open_ledger(run_id)
    MetricLedger.objects.filter(run=run_id).update(cuts=F("cuts") + 1)
    axes = MetricAxis.objects.filter(run=run_id)
    removed, _ = axes.filter(lo_step__gt=step).delete()
    across = list(axes.filter(hi_step__gt=step).prefetch_related("segments"))
    for axis in across:
        shorten(axis, step)
    if not axes.exists():
        MetricLedger.objects.filter(run=run_id).update(start=None)
    return bool(removed or across)


def shorten(axis: MetricAxis, step: int) -> None:
    """Keep of a block only what is not later than `step`, which is at least one place."""
    places = read_axes([axis.pk])[axis.pk]
    kept = kept_until(places.step, step)
    remaining = places.take(kept)
    for segment in axis.segments.all():
        values = unpack_floats([segment.data], [axis.count])[kept]
        facts = asdict(summary_of(remaining.step, values))
        MetricSegment.objects.filter(pk=segment.pk).update(data=pack_floats(values), **facts)
    MetricAxis.objects.filter(pk=axis.pk).update(**axis_columns(remaining))
