"""The database restarts, or the clock is set back, while a run writes: no point is lost and none is double."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from chimera.context import CheckpointNote, LeaseLost
from chimera.jobs import patience
from chimera.jobs.context import DatabaseContext
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from tests.web.run_factory import Clock, checkpoint_directory, make_run, next_attempt, recorder_of
from training_app.models import MetricRow, RunEvent, SavedState, TrainingRun
from training_app.selectors.history import history
from training_app.services import sealing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waits.append)
    return waits


def cut_off() -> None:
    """End this thread's connection on the server's side, as a restart does."""
    connection.ensure_connection()
    assert connection.connection is not None
    pid = connection.connection.info.backend_pid

    def terminate() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(terminate).result(timeout=10)


def steps(actor: Actor, run: TrainingRun) -> list[int]:
    found: list[int] = history(actor, run, ["loss"]).series["loss"].step.tolist()
    return found


def test_points_wait_in_the_buffer_until_the_database_is_back(editor, monkeypatch):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    real = recorder.lease.rows
    for step in range(1, 31):
        clock.tick(0.3)
        if step == 5:
            cut_off()
        if step == 12:
            monkeypatch.setattr(recorder.lease, "rows", lambda: raising())
        if step == 20:
            monkeypatch.setattr(recorder.lease, "rows", real)
        recorder.write(step, step * 1000, {"loss": 1.0 / step})
    assert steps(editor, run) == list(range(1, 31))
    rows = MetricRow.objects.filter(run=run).order_by("seq")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert rows[10].points["step"] == list(range(12, 21)), "what was written while it was away came in one row"


def raising() -> None:
    raise OperationalError("the database system is shutting down")


def test_a_commit_that_was_not_confirmed_is_not_repeated(editor, monkeypatch):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    real = recorder._store

    def committed_but_cut_off(job: Job, table: bool = True) -> None:
        real(job, table)
        recorder.event("alert", "spike", 1)
        transaction.on_commit(lambda: raising())  # after the commit, before the recorder hears of it
        monkeypatch.setattr(recorder, "_store", real)

    monkeypatch.setattr(recorder, "_store", committed_but_cut_off)
    recorder.write(1, 1000, {"loss": 4.0})
    clock.tick(1)
    recorder.write(2, 2000, {"loss": 3.0})
    recorder.flush()
    assert steps(editor, run) == [1, 2]
    assert [row.seq for row in MetricRow.objects.filter(run=run).order_by("seq")] == [1, 2]


@pytest.mark.parametrize("what", ["flush", "checkpoint", "event", "resume"])
def test_what_must_be_durable_is_tried_again(editor, tmp_path, what, no_waiting):
    run = make_run(editor)
    recorder = recorder_of(run)
    recorder.resume()
    recorder.write(1, 1000, {"loss": 4.0})
    work: dict[str, Callable[[], object]] = {
        "flush": recorder.flush,
        "checkpoint": lambda: recorder.checkpoint(CheckpointNote(checkpoint_directory(tmp_path, 1), 1, 1000)),
        "event": lambda: recorder.event("alert", "spike", 1),
        "resume": recorder.resume,
    }
    recorder.flush()
    recorder.write(2, 2000, {"loss": 3.0})
    cut_off()
    work[what]()
    assert no_waiting == [patience.FIRST_WAIT]
    recorder.flush()
    assert steps(editor, run) == ([] if what == "resume" else [1, 2])
    assert SavedState.objects.count() == (what == "checkpoint")
    assert RunEvent.objects.filter(kind="alert").count() == (what == "event")


def test_patience_ends(editor, monkeypatch, no_waiting):
    run = make_run(editor)
    recorder = recorder_of(run)
    recorder.write(1, 1000, {"loss": 4.0})
    monkeypatch.setattr(recorder.lease, "rows", lambda: raising())
    now = iter(range(0, 1000, 7))
    monkeypatch.setattr(patience.time, "monotonic", lambda: next(now))
    recorder.write(2, 2000, {"loss": 3.0})
    with pytest.raises(OperationalError):
        recorder.flush()
    assert 2 <= len(no_waiting) <= 10 and max(no_waiting) <= patience.LONGEST_WAIT


def test_a_worker_that_lost_its_job_while_the_database_was_away_writes_nothing(editor):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    recorder.write(1, 1000, {"loss": 4.0})
    next_attempt(run)
    cut_off()
    with pytest.raises(LeaseLost):
        for step in (2, 3):
            clock.tick(1)
            recorder.write(step, 2000, {"loss": 3.0})
    assert steps(editor, run) == [1]


def test_a_job_goes_on_with_the_wish_it_read_last(editor, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    run = make_run(editor)
    recorder = recorder_of(run)
    ctx = DatabaseContext(Job.objects.get(pk=run.job_id), recorder.lease, recorder)
    ctx._control_pace.seconds = ctx._progress_pace.seconds = ctx._log_pace.seconds = 0.0
    assert ctx.control() == "none"
    cut_off()
    ctx.progress(5, 10, "steps")
    cut_off()
    ctx.log("half way")
    cut_off()
    assert ctx.control() == "none"
    ctx.close()
    job = Job.objects.get(pk=run.job_id)
    assert job.done == 5 and job.logs.get().text == "half way" and job.state == State.RUNNING


def test_a_clock_that_is_set_back_stops_nothing_and_stays_as_recorded(editor):
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    for step in range(1, 21):
        clock.tick(-3600.0 if step == 8 else 0.25)
        recorder.write(step, step * 1000, {"loss": float(step)})
    for sealed in (False, True):
        found = history(editor, run, ["loss"])
        assert found.series["loss"].step.tolist() == list(range(1, 21)), sealed
        assert found.series["loss"].time[7] - found.series["loss"].time[6] == -3600.0
        run.refresh_from_db()
        assert run.step == 20 and run.pace == pytest.approx(4000.0)
        sealing.seal(run.pk, sealing.AGE * 0)
