"""An order taken away gives other trainers the rows that a run here is shown."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from chimera.artefacts import ArtefactStore
from curriculum_app.core import order_export
from curriculum_app.core.schedule import Schedule, rows_of, save_schedule
from tests.core.curriculum.sequence_factory import build_schedule, build_sequences

PAGE = Path(__file__).resolve().parents[3] / "templates" / "curriculum" / "order.html"


@pytest.fixture
def made(tmp_path: Path):
    store = ArtefactStore(tmp_path / "store")
    table = build_sequences(store, num_documents=60)
    return store, table, build_schedule(store, table, num_sequences=40)


def lines(schedule, table):
    text = b"".join(order_export.index_lines(schedule, table)).decode()
    return [line.split("\t") for line in text.splitlines()]


def test_a_line_a_row_with_the_documents_in_it(made):
    _, table, schedule = made
    found = lines(schedule, table)
    assert [int(line[0]) for line in found] == schedule.rows["sequence"].tolist()
    for line, row in zip(found, schedule.rows, strict=True):
        documents = [piece.document["id"] for piece in table.documents_of(int(row["sequence"]))]
        assert json.loads(line[3]) == documents


def test_a_part_of_a_sequence_names_only_its_own_documents(made):
    store, table, whole = made
    sequence = next(n for n in range(table.num_sequences) if len(table.documents_of(n)) > 1)
    first = table.documents_of(sequence)[0]
    rows = np.repeat(rows_of(table, np.array([sequence])), 2)
    rows["start"], rows["length"] = [0, first.length], [first.length, table.lengths[sequence] - first.length]
    schedule = Schedule.open(save_schedule(store, table, rows, {**whole.manifest, "seed": 9}))
    names = [json.loads(line[3]) for line in lines(schedule, table)]
    assert names[0] == [first.document["id"]]
    assert names[1] == [piece.document["id"] for piece in table.documents_of(sequence)[1:]]


def test_the_manifest_says_what_the_files_hold(made):
    _, table, schedule = made
    said = order_export.manifest(schedule, table)
    assert (said["rows"], said["order_digest"]) == (40, schedule.order_digest)
    assert said["files"]["tokens.npy"]["shape"] == [table.num_tokens]
    assert said["sequences"]["digest"] == table.digest


def test_the_code_of_the_page_reads_the_files(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The blocks for datasets and for numpy, run as they stand, give the tokens of every row in order."""
    _, table, schedule = made
    (tmp_path / "index.txt").write_bytes(b"".join(order_export.index_lines(schedule, table)))
    np.save(tmp_path / "rows.npy", schedule.rows)
    for name in ("tokens.npy", "offsets.npy"):
        (tmp_path / name).write_bytes((table.path / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r'aria-label="Python">(.*?)</pre>', PAGE.read_text(), re.S)
    space: dict = {}
    exec(html.unescape(blocks[0]), space)
    wanted = [table.tokens_of(int(row["sequence"])).tolist() for row in schedule.rows]
    assert space["ordered"]["input_ids"][:] == wanted
    exec(html.unescape(blocks[1]) + "\n    seen.append(batch_row.tolist())\n", seen := {**space, "seen": []})
    assert seen["seen"] == wanted
