"""The benchmark command: lists, refuses, reports."""

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import engine
from benchmarks.report import Figure, as_json, at_most


def test_every_benchmark_is_found_and_listed(capsys):
    assert command.discover()["engine"] is engine
    assert command.main([]) == 0
    assert "engine" in capsys.readouterr().out


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["nonsense"])
    assert "engine" in capsys.readouterr().err


def test_the_last_line_is_one_json_object_with_the_contract_fields(capsys, monkeypatch):
    monkeypatch.setattr(engine, "measure", lambda quick: {"x": at_most(2.0, 1.0, "ratio", peer=3.0)})
    assert command.main(["engine", "--json"]) == 1
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["name"] == "engine" and report["machine"]["cpus"] > 0
    assert report["figures"]["x"] == {"value": 2.0, "unit": "ratio", "goal": "<= 1", "ok": False, "peer": 3.0}


def test_a_goal_is_met_at_its_limit():
    assert at_most(1.0, 1.0, "ratio").ok and not at_most(1.01, 1.0, "ratio").ok
    assert json.loads(as_json("n", {"f": Figure(1.0, "s")}))["figures"]["f"]["ok"] is True


@pytest.mark.torch
def test_all_sides_run_and_each_round_gives_one_time_per_side(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "LENGTH", 16)
    monkeypatch.setattr(engine, "VOCABULARY", 64)
    table, schedule = engine.made_up_text(engine.ArtefactStore(tmp_path), (2 * 2 + engine.WARM_UP + 1) * engine.BATCH)
    times = engine.race(tmp_path, table, schedule, rounds=2, steps=2)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(
        ("ours", "no_probes", "all_probes", "trainer", "bare"), 2
    )
    assert all((seconds > 0).all() for side in times.values() for seconds in side)
    assert engine.total(times["ours"]) == pytest.approx(sum(float(each[0]) for each in times["ours"]))
