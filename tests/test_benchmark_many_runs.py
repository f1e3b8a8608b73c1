"""The benchmark of pages with many runs: its sides hold the same curves, and a silent peer is absent."""

import subprocess
import sys

import pytest
from django.test import Client

from benchmarks import many_runs, page_peers

pytestmark = pytest.mark.django_db


def test_the_runs_that_are_compared_have_the_curves_of_the_peers():
    runs = many_runs.fill(2, 8)
    client = Client()
    client.cookies["sessionid"] = many_runs.session(runs[0])
    assert client.get(many_runs.comparison(runs)).status_code == 200
    choice = many_runs.comparison(runs).partition("?")[2]
    drawn = client.get(f"/runs/compare/series/?{choice}&key=loss").json()["series"]
    assert [line["raw"][7] for line in drawn] == pytest.approx([page_peers.value_of(run, 0, 7) for run in (0, 1)], 1e-6)


def test_a_peer_that_says_no_address_is_absent(monkeypatch):
    def start(program):
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    assert many_runs.address_of(start("print('starting'); print('{\"url\": \"http://here\"}')")) == "http://here"
    assert many_runs.address_of(start("print('no module named mlflow')")) == ""


class Pages:
    """`visit` and `attempt` without a browser."""

    def __init__(self, monkeypatch, trackio: float | None) -> None:
        monkeypatch.setattr(many_runs, "visit", lambda *arguments: 300.0)
        monkeypatch.setattr(many_runs, "attempt", lambda chromium, address, plots: trackio)


@pytest.mark.parametrize(("trackio", "ok", "value"), [(1000.0, True, 0.3), (400.0, False, 0.75), (None, True, 0.0)])
def test_ratios_are_judged_and_absent_peers_named(monkeypatch, trackio, ok, value):
    Pages(monkeypatch, trackio)
    figures = many_runs.beside(None, "/", "", 200, {"trackio": "/"}, 3, quick=False)
    assert (figures["to_trackio"].ok, figures["to_trackio"].value) == (ok, value)
    assert "absent" in figures["to_mlflow"].unit
