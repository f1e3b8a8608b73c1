"""The same recipe on the same input makes the same artefact with no work done twice; a changed input never does."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from curriculum_app.core import already_made
from curriculum_app.core.already_made import fingerprint, key_of
from curriculum_app.core.configs import CurateConfig, ImportConfig
from curriculum_app.core.configs_order import GroupConfig, ScheduleConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import curate, group, import_, schedule
from curriculum_app.core.sequences import SequenceTable

LINES = [{"id": f"d{n}", "text": f"Text number {n} stands here for itself, alone."} for n in range(20)]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def ctx(tmp_path):
    return LocalContext(tmp_path / "data")


def imported(ctx, path, **settings):
    """The digest, and whether the files were read for it."""
    before = len(ctx.lines)
    stored = import_.run(ImportConfig(name="books", path=str(path), **settings), ctx).stored
    return stored.digest, not any("already exists" in line for line in ctx.lines[before:])


def test_the_same_file_is_not_read_twice_whatever_the_version_is_called_and_where_it_lies(ctx, tmp_path):
    path = write(tmp_path / "a.jsonl", LINES)
    digest, read = imported(ctx, path)
    assert read
    assert imported(ctx, path) == (digest, False)
    (tmp_path / "elsewhere").mkdir()
    assert imported(ctx, path.rename(tmp_path / "elsewhere" / "a.jsonl")) == (digest, False)


def test_a_changed_file_is_read_again_even_if_size_and_time_are_the_same(ctx, tmp_path):
    path = write(tmp_path / "a.jsonl", LINES)
    facts = path.stat()
    digest, _ = imported(ctx, path)
    path.write_text(path.read_text().replace("number 7", "number 8"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_size == facts.st_size
    other, read = imported(ctx, path)
    assert read and other != digest


@pytest.mark.parametrize("changed", [{"domain": "code"}, {"max_documents": 3}, {"mapping": {"text": "id"}}])
def test_other_settings_are_other_work(ctx, tmp_path, changed):
    path = write(tmp_path / "a.jsonl", LINES)
    digest, _ = imported(ctx, path)
    other, read = imported(ctx, path, **changed)
    assert read and other != digest


def test_another_name_of_the_file_is_another_input_because_ids_may_name_it(ctx, tmp_path):
    digest, _ = imported(ctx, write(tmp_path / "a.jsonl", LINES))
    other, read = imported(ctx, write(tmp_path / "b.jsonl", LINES))
    assert read and other != digest


def test_two_row_group_sizes_of_a_parquet_file_give_the_same_id(ctx, tmp_path):
    for number, size in enumerate((3, 1000)):
        pq.write_table(pa.Table.from_pylist(LINES), tmp_path / f"{number}.parquet", row_group_size=size)
    found = [imported(ctx, tmp_path / f"{n}.parquet", mapping={"text": "text", "id": "id"}) for n in range(2)]
    assert found[0][0] == found[1][0] and all(read for _, read in found)


def test_a_folder_is_known_by_all_its_files(ctx, tmp_path):
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "deep" / "two.txt").write_text("two")
    digest, _ = imported(ctx, folder)
    assert imported(ctx, folder) == (digest, False)
    (folder / "deep" / "three.txt").write_text("three")
    other, read = imported(ctx, folder)
    assert read and other != digest


def test_links_and_pipes_have_no_fingerprint(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    assert fingerprint([folder]) is not None
    (folder / "b.txt").symlink_to(folder / "a.txt")
    assert fingerprint([folder]) is None
    os.mkfifo(tmp_path / "pipe")
    assert fingerprint([tmp_path / "pipe"]) is None
    assert fingerprint([tmp_path / "nowhere"]) is None


def test_a_file_that_changes_while_it_is_read_is_not_remembered(ctx, tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", LINES)
    read = import_._read

    def changing(config, context, files):
        write(path, [*LINES, {"id": "late", "text": "Written while the import was on its way."}])
        return read(config, context, files)

    monkeypatch.setattr(import_, "_read", changing)
    imported(ctx, path)
    monkeypatch.undo()
    assert imported(ctx, path)[1]


def test_another_state_of_the_code_makes_it_again(ctx, tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", LINES)
    digest, _ = imported(ctx, path)
    monkeypatch.setattr(already_made, "code_fingerprint", lambda: "later")
    assert imported(ctx, path) == (digest, True)


def test_a_version_whose_files_are_gone_is_made_again(ctx, tmp_path):
    path = write(tmp_path / "a.jsonl", LINES)
    digest, _ = imported(ctx, path)
    ctx.store.directory("dataset", digest).rename(tmp_path / "away")
    assert imported(ctx, path) == (digest, True)
    assert ctx.store.has("dataset", digest)


def test_a_file_that_a_setting_names_counts_with_its_content(tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("one")
    settings = {"recipes": {"web": [{"key": "url", "config": {"path": str(listed)}}]}}
    before = key_of("curate", settings)
    assert key_of("curate", settings) == before
    listed.write_text("two")
    assert key_of("curate", settings) not in (None, before)
    listed.unlink()
    assert key_of("curate", settings) not in (None, before)


def run_curate(ctx, **changed):
    settings = {"name": "clean", "datasets": ["dataset-1"], "recipes": {"*": [{"key": "length"}]}, "workers": 1}
    before = len(ctx.lines)
    stored = curate.run(CurateConfig.model_validate(settings | changed), ctx).stored
    return stored.digest, not any("already exists" in line for line in ctx.lines[before:])


def test_curation_and_grouping_are_not_done_twice(ctx, tmp_path):
    path = write(tmp_path / "a.jsonl", LINES)
    ctx.artefacts["dataset-1"] = DatasetVersion.open(import_.run(ImportConfig(name="a", path=str(path)), ctx).stored)
    digest, done = run_curate(ctx)
    assert done
    assert run_curate(ctx, name="again", workers=2) == (digest, False)
    assert run_curate(ctx, final_filters=[])[1]
    ctx.artefacts["dataset-2"] = ctx.artefacts["dataset-1"]
    assert run_curate(ctx, datasets=["dataset-2"]) == (digest, False), "a parent is known by its content"
    config = GroupConfig.model_validate(
        {"name": "s", "dataset": "dataset-1", "vocab_size": 260, "sequence_length": 8, "held_out_tokens": 256}
    )
    first = group.run(config, ctx).stored
    assert group.run(config, ctx).stored == first
    assert sum("already exists" in line and "sequences" in line for line in ctx.lines) == 1
    ctx.artefacts["sequences-1"] = SequenceTable.open(first)
    order = {"name": "o", "sequences": "sequences-1", "policy": {"key": "shuffle"}, "budget_tokens": 8}
    made = [schedule.run(ScheduleConfig.model_validate(order | {"name": name}), ctx).stored for name in "ab"]
    assert made[0] == made[1] and sum("already exists" in line and "schedule" in line for line in ctx.lines) == 1
    schedule.run(ScheduleConfig.model_validate(order | {"seed": 1}), ctx)
    assert "already exists" not in ctx.lines[-1]
