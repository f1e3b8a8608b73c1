"""Deletion is a tombstone; files go when nothing needs them, and never from under a job that has just sealed them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from chimera.artefact_notes import last_verification, note_verified
from chimera.errors import InputError
from chimera.jobs import adoption, deletion, refs, runner, selectors, services
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from chimera.projects.services import create_token
from curriculum_app.models import DatasetVersion
from curriculum_app.services.tags import tag_put
from tests.conftest import member, signed_in
from tests.factories import make_dataset, make_sequences, store
from tests.jobs.conftest import quiet  # noqa: F401
from tests.web.test_command import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(editor: Actor) -> DatasetVersion:
    return make_dataset(editor, "books")


def again(row: DatasetVersion) -> DatasetVersion:
    return DatasetVersion.objects.get(pk=row.pk)


def imported(actor: Actor, tmp_path: Path, name: str = "notes") -> Job:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps({"text": "A note that is long enough to be kept."}) + "\n")
    job, _ = services.start(actor, "import", {"name": name, "path": str(path)})
    runner.run_job(job.pk)
    return Job.objects.get(pk=job.pk)


def row_of(job: Job) -> DatasetVersion:
    assert job.state == State.SUCCEEDED, job.error_text
    return DatasetVersion.objects.get(pk=int(job.artifacts["dataset"].rpartition("-")[2]))


def test_the_row_stays_the_files_go_and_no_config_may_name_it(editor: Actor, books: DatasetVersion) -> None:
    directory, manifest = books.stored().path, books.manifest
    note_verified(store(), books.stored(), [])
    sequences = make_sequences(editor, books)
    deletion.delete(editor, books)
    row = again(books)
    assert row.deleted and (row.deleted_by, row.manifest) == (editor.name, manifest)
    assert not directory.exists() and list(store().root.glob("*/tmp-*")) == []
    assert last_verification(store(), "dataset", books.digest) is None
    assert not refs.choices(editor.project, "dataset").filter(pk=row.pk).exists()
    assert selectors.artefact_get(editor, row.uid) == row
    with pytest.raises(InputError, match="does not exist in project"):
        services.start(editor, "group", {"name": "s", "dataset": row.uid})
    assert sequences.stored().path.is_dir()
    with pytest.raises(InputError, match="deleted already"):
        deletion.delete(editor, row)


def test_only_editors_delete_and_only_what_can_be_deleted(editor: Actor, viewer: Actor, books: DatasetVersion) -> None:
    with pytest.raises(PermissionDenied):
        deletion.delete(viewer, books)
    with pytest.raises(InputError, match=r"cannot be deleted.*dataset"):
        deletion.delete(editor, make_sequences(editor, books))
    assert not again(books).deleted


def test_a_tag_and_a_job_that_has_not_ended_keep_it(editor: Actor, books: DatasetVersion) -> None:
    tag_put(editor, books, "best")
    job, _ = services.start(editor, "group", {"name": "s", "dataset": books.uid})
    with pytest.raises(InputError) as caught:
        deletion.delete(editor, books)
    told = [problem.message for problem in caught.value.problems]
    assert told == [f"{job.uid} (group) needs {books.uid}", f"{books.uid} has the tag best"]
    assert books.stored().path.is_dir()


def test_a_composite_that_goes_on_with_it_keeps_it(editor: Actor, books: DatasetVersion) -> None:
    common: dict[str, Any] = {"project": editor.project, "config": {}, "fingerprint": "x"}
    parent = Job.objects.create(kind="starter", composite=True, state=State.RUNNING, **common)
    Job.objects.create(
        kind="import", parent=parent, slot="a", state=State.SUCCEEDED, artifacts={"dataset": books.uid}, **common
    )
    with pytest.raises(InputError, match=rf"{parent.uid} \(starter\) needs"):
        deletion.delete(editor, books)
    Job.objects.filter(pk=parent.pk).update(state=State.FAILED)
    deletion.delete(editor, books)


def test_files_stay_while_another_project_has_the_content(editor: Actor, stranger: Actor, tmp_path: Path) -> None:
    mine, theirs = row_of(imported(editor, tmp_path)), row_of(imported(stranger, tmp_path))
    assert mine.digest == theirs.digest and mine.pk != theirs.pk
    deletion.delete(editor, mine)
    assert theirs.stored().path.is_dir() and again(mine).deleted and not again(theirs).deleted
    assert deletion.collect() == []
    deletion.delete(stranger, theirs)
    assert not store().has("dataset", mine.digest)


def test_the_same_content_again_revives_the_row(editor: Actor, tmp_path: Path) -> None:
    row = row_of(imported(editor, tmp_path))
    deletion.delete(editor, row)
    job = imported(editor, tmp_path)
    revived = row_of(job)
    assert (revived.pk, revived.version, revived.deleted, revived.job_id) == (row.pk, row.version, False, job.pk)
    assert revived.stored().path.is_dir() and DatasetVersion.objects.count() == 1


def test_collected_between_seal_and_row_the_job_makes_it_again(
    editor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other order, row before collection, keeps the files: the digest then has a living row."""
    row = row_of(imported(editor, tmp_path))
    DatasetVersion.objects.filter(pk=row.pk).update(deleted_at=row.created_at, deleted_by="x")
    adopt = adoption.Project.objects.select_for_update  # the lock under which adoption looks
    calls: list[int] = []

    def collected_first(*args: Any) -> Any:
        if not calls:
            calls.append(1)
            assert deletion.collect() == [("dataset", row.digest)]
        return adopt(*args)

    monkeypatch.setattr(adoption.Project.objects, "select_for_update", collected_first)
    job = imported(editor, tmp_path)
    monkeypatch.undo()
    assert job.state == State.QUEUED and "removed with a deleted version" in job.error_text
    Job.objects.filter(pk=job.pk).update(not_before=None)
    runner.run_job(job.pk)
    revived = row_of(Job.objects.get(pk=job.pk))
    assert revived.pk == row.pk and not revived.deleted and revived.stored().path.is_dir()


def test_collect_ends_what_a_killed_process_began(editor: Actor, books: DatasetVersion) -> None:
    DatasetVersion.objects.filter(pk=books.pk).update(deleted_at=books.created_at, deleted_by="x")
    other = make_dataset(editor, "other")
    taken = store().take_away("dataset", other.digest)
    assert taken is not None
    assert deletion.collect() == [("dataset", books.digest)]
    assert not taken.exists() and deletion.collect() == []


def test_the_api_and_the_command_line_delete_with_the_same_words(editor: Actor, books: DatasetVersion) -> None:
    tag_put(editor, books, "best")
    _, token = create_token(editor, "test")
    send = {"headers": {"Authorization": f"Bearer {token}"}}
    refused = signed_in(editor).delete(f"/api/artefacts/{books.uid}", **send)
    code, line, _ = call("delete", books.uid, "--user", editor.name, "--json")
    assert (refused.status_code, code) == (422, 2)
    assert refused.json()["problems"] == line["problems"]
    books.tags.all().delete()
    code, line, _ = call("delete", books.uid, "--user", editor.name, "--json")
    assert code == 0 and line["deleted_by"] == editor.name and line["deleted_at"]
    shown = signed_in(editor).get(f"/api/artefacts/{books.uid}", **send)
    assert shown.status_code == 200 and shown.json()["deleted_by"] == editor.name
    other = make_dataset(editor, "other")
    assert signed_in(editor).delete(f"/api/artefacts/{other.uid}", **send).status_code == 200
    assert again(other).deleted
    reader = member(editor.project, "rita", editor.role.VIEWER)
    _, reading = create_token(reader, "test")
    third = make_dataset(editor, "third")
    answer = signed_in(reader).delete(f"/api/artefacts/{third.uid}", headers={"Authorization": f"Bearer {reading}"})
    assert answer.status_code == 403
    shutil.rmtree(third.stored().path)
    assert call("collect", "--json")[1] == {"removed": []}
