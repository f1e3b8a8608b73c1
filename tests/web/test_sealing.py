"""Points in rows and in segments: the same points, whoever seals, cuts, reads or dies meanwhile."""

import random
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from chimera.jobs import chores
from chimera.projects.access import Actor
from tests.web.run_factory import Clock, feed, made_up_values, make_run, next_attempt, recorder_of
from tests.web.test_run_recorder import note, points_of
from training_app.core.segments import SEGMENT_POINTS
from training_app.models import MetricAxis, MetricLedger, MetricRow, MetricSegment, TrainingRun
from training_app.selectors import history as selectors
from training_app.selectors import live
from training_app.selectors.history import Part, histories, history
from training_app.services import sealing
from training_app.services.recorder import RunRecorder

pytestmark = pytest.mark.django_db
ALL = timedelta(0)
STEPS = 2200


def fed(actor, last: int = STEPS, first: int = 1, run: TrainingRun | None = None) -> TrainingRun:
    run, clock = run or make_run(actor, steps=STEPS), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume() if first == 1 else recorder.catch_up()
    quickly(recorder, clock, first, last)
    recorder.flush()
    run.refresh_from_db()
    return run


def quickly(recorder: RunRecorder, clock: Clock, first: int, last: int) -> None:
    """As `feed`, about two hundred steps to a row."""
    for step in range(first, last + 1):
        clock.tick(0.001)
        recorder.write(step, step * 1000, made_up_values(step, STEPS))


def everything(actor: Actor, run: TrainingRun) -> dict[str, tuple[bytes, ...]]:
    """The exact bits of all series of a run."""
    series = history(actor, run, sorted(run.latest)).series
    return {key: tuple(column.tobytes() for column in (s.step, s.tokens, s.time, s.value)) for key, s in series.items()}


def make_old(run: TrainingRun) -> None:
    MetricRow.objects.filter(run=run).update(written_at=Now() - timedelta(minutes=2))


@pytest.fixture
def long_run(editor: Actor) -> TrainingRun:
    return fed(editor)


def test_sealed_points_are_the_same_bit_by_bit(editor, long_run, monkeypatch):
    before, rows = everything(editor, long_run), MetricRow.objects.count()
    assert sealing.seal(long_run.pk, ALL) == rows
    assert not MetricRow.objects.exists() and everything(editor, long_run) == before
    monkeypatch.setattr(selectors, "FEW_POINTS", 0)  # axes of long runs: taken apart where somebody looks
    assert everything(editor, long_run) == before
    loss = MetricSegment.objects.filter(key="loss").order_by("place")
    assert [(s.place, s.axis.count) for s in loss] == [(0, 1024), (1024, 1024), (2048, STEPS - 2048)]
    assert MetricSegment.objects.filter(axis=loss[0].axis).count() == 4 + 4 + 4 + 4, "all that is logged at every step"
    spike = MetricSegment.objects.get(key="grad_norm", place=0)
    assert spike.highest_step == 231 and spike.non_finite == 0


def test_sealing_bit_by_bit_gives_the_same_segments_as_at_once(editor):
    once, often = fed(editor), make_run(editor, steps=STEPS)
    sealing.seal(once.pk, ALL)
    clock = Clock()
    recorder = recorder_of(often, clock)
    recorder.resume()
    for first in range(1, STEPS, 300):
        quickly(recorder, clock, first, min(first + 299, STEPS))
        recorder.flush()
        sealing.seal(often.pk, ALL)
    often.refresh_from_db()
    assert everything(editor, once) == everything(editor, often)
    counts = [
        MetricSegment.objects.filter(run=run).order_by("key", "place").values_list("key", "place")
        for run in (once, often)
    ]
    assert list(counts[0]) == list(counts[1])
    assert not MetricAxis.objects.filter(segments=None).exists()


def test_odd_values_survive_rows_and_segments(editor):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    odd = [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1.7976931348623157e308, 0.1]
    for step, value in enumerate(odd, start=1):
        recorder.write(step, 2**53 + step, {"loss": value})
    recorder.flush()
    run.refresh_from_db()
    before = everything(editor, run)
    assert before["loss"][3] == np.array(odd).tobytes()
    sealing.seal(run.pk, ALL)
    assert everything(editor, run) == before
    assert MetricSegment.objects.get().non_finite == 3


def test_sealing_again_changes_nothing(editor, long_run):
    sealing.seal(long_run.pk, ALL)
    before = everything(editor, long_run), list(MetricSegment.objects.values_list("pk", flat=True))
    assert sealing.seal(long_run.pk, ALL) == 0
    assert (everything(editor, long_run), list(MetricSegment.objects.values_list("pk", flat=True))) == before


def test_a_sealing_that_dies_has_changed_nothing(editor, long_run, monkeypatch):
    before = everything(editor, long_run)
    monkeypatch.setattr(sealing.MetricLedger, "save", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sealing.seal(long_run.pk, ALL)
    assert everything(editor, long_run) == before and not MetricSegment.objects.exists()


def test_young_rows_wait_and_nothing_is_sealed_past_one(editor, long_run):
    assert sealing.seal(long_run.pk) == 0
    make_old(long_run)
    rows = MetricRow.objects.filter(run=long_run).order_by("seq")
    MetricRow.objects.filter(pk=rows[5].pk).update(written_at=Now())  # the database's clock was set back
    assert sealing.seal(long_run.pk) == 5
    assert MetricLedger.objects.get().sealed_seq == MetricRow.objects.order_by("seq")[0].seq - 1


def test_housekeeping_seals_runs_that_are_silent_or_have_much(editor, monkeypatch):
    silent, busy, young = fed(editor, 30), fed(editor, 600), fed(editor, 20)
    make_old(silent)
    make_old(busy)
    MetricRow.objects.filter(pk=MetricRow.objects.filter(run=busy).latest("seq").pk).update(written_at=Now())
    assert sealing.due() == [(silent.pk, True)]
    monkeypatch.setattr(sealing, "MANY_ROWS", 2)
    assert set(sealing.due()) == {(silent.pk, True), (busy.pk, False)}
    assert "training_app.services.sealing:seal_due" in chores.chores()
    sealing.seal_due()
    assert list(MetricRow.objects.filter(run__in=[silent, busy]).values_list("run", flat=True)) == [busy.pk]
    assert MetricRow.objects.filter(run=young).exists()


def test_a_busy_run_is_sealed_in_full_segments(editor):
    run = fed(editor, 1500)
    assert sealing.seal(run.pk, ALL, whole=False) > 0
    counts = list(MetricSegment.objects.filter(key="loss").order_by("place").values_list("axis__count", flat=True))
    assert counts[0] == SEGMENT_POINTS and counts[1] < 200, "what the row that filled it held beyond"
    left = MetricRow.objects.count()
    assert left and sealing.seal(run.pk, ALL, whole=False) == left, "they fill none: rows must not pile up"
    assert len(history(editor, run, ["loss"]).series["loss"]) == 1500


def test_points_go_on_after_what_is_sealed(editor):
    run = fed(editor, 1500)
    sealing.seal(run.pk, ALL)
    last = live.last_seq(editor, run.pk)
    assert last > 0 and not MetricRow.objects.exists()
    fed(editor, STEPS, first=1501, run=run)
    assert MetricRow.objects.filter(run=run).earliest("seq").seq == last + 1
    whole = fed(editor)
    assert {k: v[0] + v[3] for k, v in everything(editor, run).items()} == {
        k: v[0] + v[3] for k, v in everything(editor, whole).items()
    }


def test_the_table_row_of_a_resumed_run_is_that_of_one_whose_points_are_rows(editor, tmp_path):
    def resumed(sealed: bool) -> TrainingRun:
        run, clock = make_run(editor, steps=STEPS), Clock()
        recorder = recorder_of(run, clock)
        recorder.resume()
        quickly(recorder, clock, 1, 1800)
        recorder.checkpoint(note(tmp_path, 1800))
        quickly(recorder, clock, 1801, 2000)
        recorder.flush()
        if sealed:
            sealing.seal(run.pk, ALL)
        next_attempt(run)
        recorder_of(run, clock).resume()
        run.refresh_from_db()
        return run

    rows, segments = resumed(False), resumed(True)
    for name in ("step", "tokens", "latest", "best", "sparkline", "pace"):
        assert getattr(segments, name) == getattr(rows, name), name
    assert segments.step == 1800 and MetricSegment.objects.filter(run=segments, axis__hi_step=1800).exists()


@pytest.mark.parametrize("step", [-1, 1000, 1024, 2200])
def test_a_cut_goes_through_segments(editor, long_run, step):
    sealing.seal(long_run.pk, ALL)
    keys = sorted(long_run.latest)
    before = history(editor, long_run, keys).series
    with transaction.atomic():
        assert sealing.cut(long_run.pk, step) == (step < STEPS)
    after = history(editor, long_run, keys).series
    for key in keys:
        kept = before[key].take(before[key].step <= step)
        assert after[key].step.tolist() == kept.step.tolist() and after[key].value.tobytes() == kept.value.tobytes()
    for segment in MetricSegment.objects.select_related("axis"):
        series = after[segment.key]
        part = series.value[segment.place : segment.place + SEGMENT_POINTS]
        assert (segment.axis.count, segment.last, segment.lowest) == (len(part), part[-1], part.min())
    assert (MetricLedger.objects.get().start is None) == (step == -1)


@pytest.mark.parametrize("seed", range(2))
def test_kills_rewinds_and_sealings_in_any_order_lose_and_double_nothing(editor, tmp_path: Path, seed):
    rng, clock, steps = random.Random(seed), Clock(), 40
    run, seqs = make_run(editor, steps=steps), [0]
    for attempt in range(5):
        recorder = recorder_of(run, clock)
        saved = recorder.resume()
        first = saved.step + 1 if saved else 1
        last = rng.randint(first, steps) if attempt < 4 and first <= steps else steps
        for step in range(first, last + 1):
            clock.tick(rng.choice([0.01, 0.3]))
            recorder.write(step, step * 1000, made_up_values(step, steps))
            if rng.random() < 0.1:
                recorder.checkpoint(note(tmp_path, step))
            if rng.random() < 0.2:
                sealing.seal(run.pk, ALL)
            if MetricRow.objects.exists():
                seqs.append(live.last_seq(editor, run.pk))
        recorder.flush() if attempt == 4 else next_attempt(run)
    loss = history(editor, run, ["loss"]).series["loss"]
    expected = [(step, step * 1000, made_up_values(step, steps)["loss"]) for step in range(1, steps + 1)]
    assert list(zip(loss.step.tolist(), loss.tokens.tolist(), loss.value.tolist(), strict=True)) == expected
    assert seqs == sorted(seqs)


def test_a_window_reads_only_the_segments_it_needs(editor, long_run, django_assert_max_num_queries):
    sealing.seal(long_run.pk, ALL)
    whole = history(editor, long_run, ["loss", "token_entropy"])
    for axis, lo, hi in (("step", 1100, 1200), ("tokens", 1_100_000, 1_200_000), ("time", 1.1, 1.2)):
        with django_assert_max_num_queries(6):
            part = history(editor, long_run, ["loss", "token_entropy"], Part(axis, lo, hi, lead=0))
        for key, few in part.series.items():
            x, all_x = few.x(axis, part.start), whole.series[key].x(axis, whole.start)
            inside = whole.series[key].take((all_x >= lo) & (all_x <= hi))
            assert np.isin(inside.step, few.step).all() and x[0] < lo and x[-1] > hi
        assert len(part.series["loss"]) == SEGMENT_POINTS
    early = history(editor, long_run, ["loss"], Part("step", 2100, 2150, lead=1500)).series["loss"]
    assert early.step[0] == 1


def test_foreign_runs_have_no_history(editor, stranger, long_run):
    sealing.seal(long_run.pk, ALL)
    assert len(history(stranger, long_run, ["loss"]).series["loss"]) == 0
    both = histories(editor, [long_run, fed(editor, 10)], ["loss", "nothing"])
    assert [len(found.series["loss"]) for found in both.values()] == [STEPS, 10]
    assert [len(found.series["nothing"]) for found in both.values()] == [0, 0]


def test_a_reader_never_sees_the_middle_of_a_sealing(editor, long_run, monkeypatch):
    """Sealed after the segments were read and before the rows are: what is read is read again."""
    from training_app.selectors import history as reading

    real, calls = reading._rows, []

    def sealed_meanwhile(*args):
        if not calls:
            sealing.seal(long_run.pk, ALL)
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(reading, "_rows", sealed_meanwhile)
    assert len(history(editor, long_run, ["loss"]).series["loss"]) == STEPS and len(calls) == 2


def test_a_client_that_missed_sealed_rows_is_told_to_read_the_series_again(editor, long_run):
    last = live.last_seq(editor, long_run.pk)
    sealing.seal(long_run.pk, ALL)
    assert live.last_seq(editor, long_run.pk) == last
    assert live.run_news(editor, long_run.pk, last - 5).reset == last
    assert live.run_news(editor, long_run.pk, 0).reset == last
    assert live.run_news(editor, long_run.pk, last).reset is None
    fed(editor, STEPS + 3, first=STEPS + 1, run=long_run)
    news = live.run_news(editor, long_run.pk, last)
    assert news.reset is None and news.rows[0]["seq"] == last + 1
    late = live.run_news(editor, long_run.pk, last - 5)
    assert late.reset == last and late.rows[0]["seq"] == last + 1


@pytest.mark.django_db(transaction=True)
def test_two_sealers_and_a_recorder_do_not_wait_for_each_other(editor):
    from concurrent.futures import ThreadPoolExecutor

    run, clock = make_run(editor, steps=STEPS), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()

    def seal_again_and_again(_: int) -> None:
        try:
            for _ in range(8):
                sealing.seal(run.pk, ALL)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(seal_again_and_again, i) for i in range(2)]
        feed(recorder, clock, 1, 150, STEPS)
        for future in done:
            future.result(timeout=30)
    recorder.flush()
    loss = history(editor, run, ["loss"]).series["loss"]
    assert loss.step.tolist() == list(range(1, 151))
    assert (
        len(points_of(run)) + sum(MetricSegment.objects.filter(key="loss").values_list("axis__count", flat=True)) == 150
    )
