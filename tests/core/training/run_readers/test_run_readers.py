"""Every reader on small files made by hand in the documented format, and on damaged ones."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest

from chimera.errors import InputError, Problem
from tests.core.training.run_readers.event_files import event, field, record, scalar, tensor, write
from training_app.core.run_readers.base import RUN_READERS, Found, FoundRun
from training_app.core.tfrecords import masked_crcs, records

Series = dict[str, list[tuple[int, float, float]]]


def read(path: Path, reader: str = "auto") -> dict[str, FoundRun]:
    found = Found(max_points=1000)
    RUN_READERS.build(reader).read(path, found)
    return {run.name: run for run in found.runs}


def series(run: FoundRun) -> Series:
    points, names = run.points, list(run.points.keys)
    out: Series = {}
    for key, *rest in zip(points.key, points.step, points.time, points.value, strict=True):
        out.setdefault(names[key], []).append((rest[0], rest[1], rest[2]))
    return out


def problem(path: Path, reader: str = "auto") -> Problem:
    with pytest.raises(InputError) as error:
        read(path, reader)
    return error.value.problems[0]


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# -- TensorBoard -------------------------------------------------------------------------------------------------------


def test_checksums_are_those_of_the_standard() -> None:
    """RFC 3720, B.4: the check value of CRC-32C, 32 zeros, 32 ones; masked as TFRecord says."""
    crcs = {b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, b"": 0}
    masked = [((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF for crc in crcs.values()]
    assert masked_crcs(list(crcs)) == masked
    long = bytes(range(256)) * 40
    assert masked_crcs([long, long[:100]]) == [masked_crcs([long])[0], masked_crcs([long[:100]])[0]]


def test_event_files_give_a_run_for_each_folder(tmp_path: Path) -> None:
    write(
        tmp_path / "a" / "events.out.tfevents.1.host",
        event(0, rest=field(3, "brain.Event:2")),
        event(1, scalar("loss", 2.5), scalar("lr", 0.5), time=10.5),
        event(2, scalar("loss", math.nan), time=11.5),
    )
    write(tmp_path / "a" / "events.out.tfevents.2.host", event(2, scalar("loss", 1.5), time=12.5))
    write(tmp_path / "b" / "c" / "events.out.tfevents.1.host", event(1, scalar("loss", 1.0)))
    runs = read(tmp_path)
    assert list(runs) == ["a", "b/c"] and runs["a"].source == "tensorboard"
    assert series(runs["a"])["lr"] == [(1, 10.5, 0.5)]
    loss = series(runs["a"])["loss"]
    assert loss[0] == (1, 10.5, 2.5) and math.isnan(loss[1][2]) and loss[2] == (2, 12.5, 1.5)


def test_scalars_as_tensors_of_every_kind_are_read_and_others_left_out(tmp_path: Path) -> None:
    shape = field(2, b"")
    write(
        tmp_path / "x.tfevents",
        event(1, tensor("content", field(1, 1) + shape + field(4, struct.pack("<f", 0.5)), "scalars")),
        event(2, tensor("content", field(1, 1) + shape + field(4, struct.pack("<f", 0.25)))),
        event(1, tensor("float", field(1, 1) + field(5, struct.pack("<f", 1.5)), "scalars")),
        event(1, tensor("double", field(1, 2) + field(6, struct.pack("<d", 2.5)), "scalars")),
        event(1, tensor("int", field(1, 9) + field(10, b"\x07"), "scalars")),
        event(1, tensor("half", field(1, 19) + field(13, struct.pack("<H", 0x3C00)[:0] + b"\x80\x78"), "scalars")),
        event(1, tensor("two", field(1, 1) + field(5, struct.pack("<ff", 1, 2)), "scalars")),
        event(1, tensor("two ints", field(1, 9) + field(10, b"\x07\x08"), "scalars")),
        event(1, tensor("image", field(1, 7) + field(8, b"png"), "images")),
        event(1, field(1, "histogram") + field(5, b"")),
    )
    (run,) = read(tmp_path).values()
    found = {key: [(step, value) for step, _, value in points] for key, points in series(run).items()}
    assert found == {
        "content": [(1, 0.5), (2, 0.25)], "float": [(1, 1.5)], "double": [(1, 2.5)], "int": [(1, 7.0)],
        "half": [(1, 1.0)],
    }  # fmt: skip


def test_settings_come_from_hyperparameters_and_the_texts_of_transformers(tmp_path: Path) -> None:
    def pair(name: str, value: bytes) -> bytes:
        return field(1, field(1, name) + field(2, value))

    start = pair("lr", field(2, 0.1)) + pair("name", field(3, "x")) + pair("tied", field(4, 1))
    write(
        tmp_path / "x.tfevents",
        event(0, tensor("_hparams_/session_start_info", b"", "hparams", field(3, start))),
        event(0, tensor("args/text_summary", field(1, 7) + field(8, '{"seed": 5}'), "text")),
        event(1, scalar("loss", 1.0)),
    )
    (run,) = read(tmp_path / "x.tfevents").values()
    assert run.settings == {"lr": 0.1, "name": "x", "tied": True, "arguments": {"seed": 5}}


def test_a_writer_that_began_again_voids_what_came_after(tmp_path: Path) -> None:
    write(
        tmp_path / "x.tfevents",
        *(event(step, scalar("loss", 1.0)) for step in (1, 2, 3, 4)),
        event(3, rest=field(7, field(1, 1))),
        event(3, scalar("loss", 2.0)),
    )
    (run,) = read(tmp_path).values()
    assert [(step, value) for step, _, value in series(run)["loss"]] == [(1, 1.0), (2, 1.0), (3, 2.0)]


def test_a_record_that_is_cut_off_is_the_end_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "x.tfevents", *(event(step, scalar("loss", 1.0)) for step in (1, 2, 3)))
    whole = file.read_bytes()
    for cut in (1, 5, 20):
        file.write_bytes(whole[:-cut])
        assert len(list(records(file))) == 2
    file.write_bytes(whole[: len(whole) // 3 + 15] + b"?" + whole[len(whole) // 3 + 16 :])
    said = problem(file)
    assert (said.file, said.line, said.field) == (str(file), 2, "record") and "checksum" in said.message
    file.write_bytes(record(b"\xff\xff\xff"))
    assert problem(file).line == 1 and "is no event" in problem(file).message
    file.write_bytes(b"not a record at all")
    assert "checksum" in problem(file).message


# -- MLflow ------------------------------------------------------------------------------------------------------------


def mlruns(root: Path) -> Path:
    run = root / "mlruns" / "0" / "abc"
    text(root / "mlruns" / "0" / "meta.yaml", "name: Default")
    text(run / "meta.yaml", "run_name: brave-cat", "lifecycle_stage: active")
    text(run / "metrics" / "train" / "loss", "1000500 2.5 1", "1001500 nan 2")
    text(run / "metrics" / "old", "1000500 7.0")
    (run / "params").mkdir()
    (run / "params" / "seed").write_text("7")
    text(run / "tags" / "mlflow.user", "me")
    (run / "tags" / "team").write_text("blue")
    gone = root / "mlruns" / "0" / "def"
    text(gone / "meta.yaml", "run_name: gone", "lifecycle_stage: deleted")
    text(gone / "metrics" / "loss", "1 1 1")
    return root / "mlruns"


def test_the_file_store_of_mlflow(tmp_path: Path) -> None:
    folder = mlruns(tmp_path)
    (run,) = read(folder).values()
    assert (run.name, run.seed, run.settings) == ("brave-cat", 7, {"seed": "7", "tags": {"team": "blue"}})
    loss = series(run)["train/loss"]
    assert loss[0] == (1, 1000.5, 2.5) and math.isnan(loss[1][2]) and series(run)["old"] == [(0, 1000.5, 7.0)]
    assert list(read(folder / "0" / "abc")) == ["brave-cat"], "one run can be named too"


@pytest.mark.parametrize("line", ["1000", "x 1 1", "1 x 1", "1 2 3 4 5"])
def test_a_bad_line_of_a_metric_is_named(tmp_path: Path, line: str) -> None:
    file = text(mlruns(tmp_path) / "0" / "abc" / "metrics" / "bad", "1000 1 1", line)
    said = problem(tmp_path / "mlruns")
    assert (said.file, said.line, said.field) == (str(file), 2, "bad")


def test_a_damaged_description_is_named_with_its_line(tmp_path: Path) -> None:
    file = text(mlruns(tmp_path) / "0" / "abc" / "meta.yaml", "a: 1", "b: [")
    assert (problem(tmp_path / "mlruns").file, problem(tmp_path / "mlruns").line) == (str(file), 3)


def test_the_database_of_mlflow(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.executescript(
            """CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT, start_time INT);
            CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, run_uuid TEXT, step INT, is_nan INT);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
            INSERT INTO runs VALUES ('a', 'one', 'active', 1), ('b', NULL, 'active', 2), ('c', 'x', 'deleted', 3);
            INSERT INTO metrics VALUES ('loss', 2.5, 1000500, 'a', 1, 0), ('loss', 0, 1001000, 'a', 2, 1),
                ('loss', 1.7976931348623157e308, 1001500, 'a', 3, 0), ('loss', 1, 1, 'b', 1, 0);
            INSERT INTO params VALUES ('lr', '0.1', 'a');
            INSERT INTO tags VALUES ('mlflow.runName', 'two', 'b');"""
        )
    runs = read(file)
    assert list(runs) == ["one", "two"] and runs["one"].settings == {"lr": "0.1"}
    (first, second, third) = series(runs["one"])["loss"]
    assert first == (1, 1000.5, 2.5) and math.isnan(second[2]) and third == (3, 1001.5, math.inf)
    assert list(read(tmp_path)) == ["one", "two"]
    file.write_bytes(b"SQLite format 3\0" + b"?" * 200)
    assert "is no database of MLflow" in problem(file, "mlflow").message


# -- CSV and JSON ------------------------------------------------------------------------------------------------------


def test_a_chart_of_several_runs_as_csv(tmp_path: Path) -> None:
    file = text(
        tmp_path / "chart.csv",
        '"Step","run-1 - loss","run-1 - loss__MIN","run-1 - loss__MAX","my - run - loss"',
        '"1","2.5","2","3",""',
        '"2","NaN","2","3","1.5"',
    )
    runs = read(file)
    assert list(runs) == ["run-1", "my - run"]
    assert [(step, value) for step, _, value in series(runs["my - run"])["loss"]] == [(2, 1.5)]
    assert series(runs["run-1"])["loss"][0][2] == 2.5 and math.isnan(series(runs["run-1"])["loss"][0][1])


def test_a_history_as_csv(tmp_path: Path) -> None:
    text(tmp_path / "mine.csv", "_step,_runtime,_timestamp,loss,who", "0,1.5,1000.5,2.5,me", "1,2.5,1001.5,,you")
    (run,) = read(tmp_path).values()
    assert run.name == "mine" and series(run) == {"loss": [(0, 1000.5, 2.5)]}


@pytest.mark.parametrize(
    ("lines", "line", "name"),
    [
        (["_step,loss", "1,2", "2,low"], 3, "loss"),
        (["_step,loss", "1.5,2"], 2, "_step"),
        (["_step,loss", "x,2"], 2, "_step"),
        (["time,loss", "1,2"], 1, "_step"),
    ],
)
def test_a_bad_cell_is_named_with_file_line_and_column(tmp_path: Path, lines: list[str], line: int, name: str) -> None:
    file = text(tmp_path / "x.csv", *lines)
    said = problem(file, "csv_history")
    assert (said.file, said.line, said.field) == (str(file), line, name)


def test_a_history_of_wandb_as_json_lines(tmp_path: Path) -> None:
    file = text(
        tmp_path / "run-7" / "wandb-history.jsonl",
        json.dumps({"_step": 0, "_timestamp": 1000.5, "_runtime": 1, "loss": 2.5, "eval": {"acc": 0.5}, "t": "x"}),
        json.dumps({"_step": 1, "loss": "NaN", "h": {"_type": "histogram", "bins": [1]}, "ok": True}),
    )
    (run,) = read(file).values()
    assert run.name == "run-7" and list(run.points.keys) == ["loss", "eval/acc"]
    assert series(run)["loss"][0] == (0, 1000.5, 2.5) and math.isnan(series(run)["loss"][1][2])


def test_the_state_of_a_transformers_trainer(tmp_path: Path) -> None:
    state: dict[str, Any] = {"global_step": 2, "max_steps": 2, "best_metric": None, "stateful_callbacks": {}}
    state["log_history"] = [{"loss": 2.5, "epoch": 0.5, "step": 1}, {"eval_loss": 2.0, "step": 2}]
    text(tmp_path / "checkpoint-2" / "trainer_state.json", json.dumps(state))
    (run,) = read(tmp_path / "checkpoint-2").values()
    assert run.name == "checkpoint-2" and run.settings == {"global_step": 2, "max_steps": 2, "best_metric": None}
    assert {key: points[0][0] for key, points in series(run).items()} == {"loss": 1, "epoch": 1, "eval_loss": 2}


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (['{"_step": 1}', '{"_step": 2'], 2, "is not JSON"),
        (['{"_step": 1}', "[1]"], 2, "is no object"),
        (['{"_step": 1}', '{"loss": 1}'], 2, "has no step"),
        (['{"_step": -1}'], 1, "is no step"),
    ],
)
def test_a_bad_line_of_a_history_is_named(tmp_path: Path, lines: list[str], line: int, said: str) -> None:
    file = text(tmp_path / "x.jsonl", *lines)
    found = problem(file, "json_history")
    assert (found.file, found.line) == (str(file), line) and said in found.message


def test_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    text(tmp_path / "notes.txt", "hello")
    assert "no run of a kind" in problem(tmp_path).message and "mlflow.db" in problem(tmp_path).hint


def test_points_and_runs_have_bounds(tmp_path: Path) -> None:
    file = text(tmp_path / "x.csv", "_step,loss", *(f"{step},1" for step in range(1001)))
    assert problem(file).field == "max_points"
    header = "Step," + ",".join(f"run {n} - loss" for n in range(1001))
    assert "more than 1,000 runs" in problem(text(tmp_path / "y.csv", header)).message
