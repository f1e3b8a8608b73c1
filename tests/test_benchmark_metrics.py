"""The benchmark of metric points runs small: its sides write, seal, read and are counted."""

import json
import sys

import pytest

from benchmarks import live, metric_peers, metrics
from benchmarks.report import at_least

pytestmark = pytest.mark.django_db


def test_a_goal_from_below():
    assert at_least(2.0, 1.0, "ratio").ok and not at_least(0.9, 1.0, "ratio").ok


def test_writing_and_charts_of_a_short_series(monkeypatch):
    monkeypatch.setattr(metric_peers, "ask", lambda *arguments: None)
    monkeypatch.setattr(metrics, "write_seconds", lambda calls, keys: calls * 1e-4)
    figures = metrics.writing(rounds=1, calls=10)
    assert figures["points_per_second"].value == pytest.approx(200_000)
    monkeypatch.setattr(metrics, "SPIKE", 1_500)
    monkeypatch.setattr(metrics, "MILLION", 12_000)
    drawn = metrics.charts(quick=True)
    assert drawn["spike_visible"].value == drawn["smoothing_of_a_prefix_is_equal"].value == 1


def test_points_are_written_until_they_are_stored():
    assert metrics.write_seconds(30, 5) > 0


def test_a_peer_that_is_not_installed_is_absent_and_one_that_talks_is_understood(monkeypatch, tmp_path):
    talking = tmp_path / "peer.py"
    talking.write_text(f"print({json.dumps({'seconds': 2.0})!r}); print('bye')")
    monkeypatch.setattr(metric_peers, "__file__", str(talking))
    monkeypatch.setenv("CHIMERA_BENCH_PYTHON", sys.executable)
    assert metric_peers.ask("any", 3) == {"seconds": 2.0}
    talking.write_text("import nothing_of_this_name")
    assert metric_peers.ask("any", 3) is None


def test_the_pace_of_a_run(monkeypatch):
    monkeypatch.setattr(live, "STEPS_PER_SECOND", 1000)
    _, run, recorder = metrics.new_recorder()
    assert list(live.write_at_pace(recorder, 5)) == [1, 2, 3, 4, 5]
    recorder.flush()
    run.refresh_from_db()
    assert run.step == 5
