"""The recorder over the database: no point lost, none doubled, none written by a worker that lost its job."""

import math
import random
from pathlib import Path

import pytest

from chimera.context import CheckpointNote, LeaseLost
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from tests.web.run_factory import Clock, checkpoint_directory, made_up_values, make_run, next_attempt, recorder_of
from training_app.core.series import RowPart, assemble
from training_app.models import MetricRow, RunEvent, SavedState, TrainingRun

pytestmark = pytest.mark.django_db


def points_of(run: TrainingRun, key: str = "loss") -> list[tuple[int, int, float]]:
    rows = [
        RowPart(row.points["step"], row.points["tokens"], row.points["time"], row.points["values"].get(key, []))
        for row in MetricRow.objects.filter(run=run).order_by("seq")
    ]
    series = assemble(rows)
    return list(zip(series.step.tolist(), series.tokens.tolist(), series.value.tolist(), strict=True))


def note(root: Path, step: int) -> CheckpointNote:
    return CheckpointNote(checkpoint_directory(root, step), step, step * 1000)


def test_points_of_a_flush_interval_share_one_row(project):
    run, clock = make_run(project), Clock()
    recorder = recorder_of(run, clock)
    for step in range(1, 8):
        clock.tick(0.09)
        recorder.write(step, step * 1000, {"loss": 7.0 - step})
    recorder.flush()
    rows = list(MetricRow.objects.filter(run=run))
    assert [row.points["step"] for row in rows] == [[1], [2, 3, 4], [5, 6, 7]]
    assert [row.seq for row in rows] == [1, 2, 3]
    assert points_of(run) == [(step, step * 1000, 7.0 - step) for step in range(1, 8)]


def test_values_that_are_no_numbers_are_kept_as_words(project):
    run = make_run(project)
    recorder = recorder_of(run)
    recorder.write(1, 1000, {"loss": math.nan, "grad_norm": math.inf})
    recorder.flush()
    values = MetricRow.objects.get(run=run).points["values"]
    assert values == {"loss": [[0, "NaN"]], "grad_norm": [[0, "Infinity"]]}
    assert math.isnan(points_of(run)[0][2])


def test_token_counts_beyond_float_precision_are_exact(project):
    run = make_run(project)
    recorder = recorder_of(run)
    recorder.write(1, 2**53 + 1, {"loss": 1.0})
    recorder.flush()
    assert MetricRow.objects.get(run=run).points["tokens"] == [2**53 + 1]


def test_the_table_row_follows_at_most_once_a_second_and_at_a_flush(project):
    run, clock = make_run(project), Clock()
    recorder = recorder_of(run, clock)
    recorder.write(1, 1000, {"loss": 5.0})
    clock.tick(0.3)
    recorder.write(2, 2000, {"loss": 4.0})
    run.refresh_from_db()
    assert (run.step, run.latest) == (1, {"loss": 5.0})
    recorder.flush()
    run.refresh_from_db()
    assert (run.step, run.tokens, run.latest, run.best) == (2, 2000, {"loss": 4.0}, {"loss": 4.0})
    assert run.sparkline == [5.0, 4.0]


def test_a_worker_that_lost_its_job_writes_nothing_more(project):
    run = make_run(project)
    old = recorder_of(run)
    old.write(1, 1000, {"loss": 5.0})
    next_attempt(run)
    old.clock.tick(1)  # type: ignore[attr-defined]
    with pytest.raises(LeaseLost):
        old.write(2, 2000, {"loss": 4.0})
    for write in (old.flush, lambda: old.event("alert", "x"), lambda: old.checkpoint(note(Path("/x"), 1))):
        fresh = recorder_of(run)
        assert fresh.attempt == 2
        with pytest.raises(LeaseLost):
            write()
    assert [point[0] for point in points_of(run)] == [1]
    assert not SavedState.objects.exists() and not RunEvent.objects.exists()


def test_a_finished_job_takes_no_more_points(project):
    run = make_run(project)
    recorder = recorder_of(run)
    Job.objects.filter(pk=run.job_id).update(state=State.SUCCEEDED)
    with pytest.raises(LeaseLost):
        recorder.write(1, 1000, {"loss": 5.0})


def test_resume_cuts_what_is_later_than_the_saved_state_and_says_so(project, tmp_path):
    run, clock = make_run(project), Clock()
    first = recorder_of(run, clock)
    assert first.resume() is None
    for step in range(1, 11):
        clock.tick(0.09)
        first.write(step, step * 1000, {"loss": 10.0 - step})
        if step == 6:
            first.checkpoint(note(tmp_path, 6))
    first.flush()
    first.event("alert", "gradient norm spike", 9)
    before = MetricRow.objects.filter(run=run).latest("seq").seq
    next_attempt(run)
    second = recorder_of(run, clock)
    assert second.resume() == note(tmp_path, 6)
    assert [point[0] for point in points_of(run)] == [1, 2, 3, 4, 5, 6]
    marker = MetricRow.objects.filter(run=run).latest("seq")
    assert (marker.seq, marker.points["cut"], marker.attempt) == (before + 1, 6, 2)
    assert not RunEvent.objects.filter(kind="alert").exists()
    run.refresh_from_db()
    assert (run.step, run.latest["loss"]) == (6, 4.0)


def test_stepping_back_cuts_to_the_earlier_point_and_notes_it(project, tmp_path):
    run = make_run(project)
    first = recorder_of(run)
    for step in range(1, 11):
        first.write(step, step * 1000, {"loss": 10.0 - step})
        if step in (3, 6):
            first.checkpoint(note(tmp_path, step))
    first.flush()
    next_attempt(run)
    second = recorder_of(run)
    assert second.resume() == note(tmp_path, 6)
    second.step_back(note(tmp_path, 3))
    for step in range(4, 8):
        second.write(step, step * 1000, {"loss": 10.0 - step})
    second.flush()
    assert [point[0] for point in points_of(run)] == list(range(1, 8)), "nothing lost, nothing doubled"
    assert SavedState.objects.get(run=run).step == 3


def test_where_scratch_was_cleared_a_saved_state_is_forgotten_and_the_run_starts_again(project, tmp_path):
    run = make_run(project)
    first = recorder_of(run)
    first.write(1, 1000, {"loss": 5.0})
    first.checkpoint(CheckpointNote(tmp_path / "gone" / "step-1", 1, 1000))
    next_attempt(run)
    second = recorder_of(run)
    assert second.resume() is None
    assert points_of(run) == [] and not SavedState.objects.exists()
    assert RunEvent.objects.latest("pk").message == "started again from the first step (attempt 2)"


def test_a_resume_point_that_alone_is_missing_is_told_so_that_the_one_before_it_is_tried(project, tmp_path):
    run = make_run(project)
    first = recorder_of(run)
    first.write(1, 1000, {"loss": 5.0})
    first.checkpoint(CheckpointNote(tmp_path / "step-1", 1, 1000))
    next_attempt(run)
    assert recorder_of(run).resume() == CheckpointNote(tmp_path / "step-1", 1, 1000)


def test_an_attempt_that_fails_before_its_first_step_leaves_the_table_row_alone(project):
    run = make_run(project)
    first = recorder_of(run)
    first.write(1, 1000, {"loss": 5.0})
    first.flush()
    next_attempt(run)
    recorder_of(run).flush()
    run.refresh_from_db()
    assert run.latest == {"loss": 5.0}


@pytest.mark.parametrize("seed", range(8))
def test_no_point_is_missing_or_doubled_after_kills(project, tmp_path, seed):
    """A run that is killed at random places ends with exactly the points of one that never was."""
    steps = 40
    run = make_run(project, steps=steps)
    seqs = train_with_kills(run, random.Random(seed), tmp_path, steps)
    assert points_of(run) == [(step, step * 1000, made_up_values(step, steps)["loss"]) for step in range(1, steps + 1)]
    assert seqs == sorted(seqs)
    run.refresh_from_db()
    assert run.best["loss"] == min(value for _, _, value in points_of(run))
    assert run.step == steps


def train_with_kills(run: TrainingRun, rng: random.Random, folder: Path, steps: int) -> list[int]:
    """Newest seq after each of four attempts; the first three die with points still in their buffer."""
    seqs, clock = [], Clock()
    for attempt in range(4):
        recorder = recorder_of(run, clock)
        saved = recorder.resume()
        first = saved.step + 1 if saved else 1
        last = rng.randint(first, steps) if attempt < 3 and first <= steps else steps
        for step in range(first, last + 1):
            clock.tick(rng.choice([0.01, 0.09, 0.5]))
            recorder.write(step, step * 1000, made_up_values(step, steps))
            if rng.random() < 0.1:
                recorder.checkpoint(note(folder, step))
        if attempt < 3:
            next_attempt(run)
        else:
            recorder.flush()
        newest = MetricRow.objects.filter(run=run).order_by("-seq").first()
        seqs.append(newest.seq if newest else 0)
    return seqs


def test_a_series_is_listed_from_its_first_point_on(editor: Actor) -> None:
    """Charts ask for series by the keys of the run's row: a row of points must never be ahead of it."""
    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    clock.tick(0.3)
    recorder.write(1, 100, {"loss": 7.0})
    run.refresh_from_db()
    assert list(run.latest) == ["loss"]
    clock.tick(0.3)
    recorder.write(2, 200, {"loss": 6.0, "held_out/macro": 3.0})
    run.refresh_from_db()
    assert set(run.latest) == {"loss", "held_out/macro"}


def test_a_recorder_that_catches_up_goes_on_after_what_is_stored(project):
    """A foreign trainer keeps its own place: nothing is cut, and points carry the time they were measured at."""
    run, clock = make_run(project), Clock()
    first = recorder_of(run, clock)
    first.write(1, 100, {"loss": 7.0}, at=1_600_000_000.0)
    first.flush()
    second = recorder_of(run, clock)
    second.catch_up()
    second.write(2, 200, {"loss": 8.0}, at=1_600_000_060.0)
    second.flush()
    run.refresh_from_db()
    assert points_of(run) == [(1, 100, 7.0), (2, 200, 8.0)]
    assert run.best["loss"] == 7.0 and run.sparkline == [7.0, 8.0] and run.pace == pytest.approx(100 / 60)
