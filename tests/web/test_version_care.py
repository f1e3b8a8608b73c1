"""Verify, delete and lineage on the pages of dataset versions."""

import io
import json
import re
import shutil
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.urls import reverse

from chimera.format import grouped
from chimera.jobs import deletion, runner, services
from chimera.jobs.models import Job, State
from curriculum_app.models import DatasetVersion, MixturePlan
from curriculum_app.selectors.token_tables import token_differences
from curriculum_app.selectors.tokens import tokens_of
from curriculum_app.services import versions
from tests.conftest import signed_in
from tests.factories import make_dataset, make_documents, make_schedule, make_sequences, store
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.run_factory import make_run
from tests.web.test_columns_page import make_columns
from training_app.models import Checkpoint


@pytest.fixture
def raw(editor):
    return make_dataset(editor, "books", documents=make_documents(20))


@pytest.fixture
def clean(editor, raw):
    documents = make_documents(6)
    documents[1] = replace(documents[1], text="Document 1 says quite another thing about number 1.")
    return make_dataset(editor, "clean", stage="curated", documents=documents, parents=[raw])


def page(client, name, row, **query):
    tail = "&".join(f"{key}={value}" for key, value in query.items())
    response = client.get(reverse(name, args=[row.pk]) + (f"?{tail}" if tail else ""))
    assert response.status_code == 200
    return response.content.decode()


def run_verify(client, row):
    client.post(reverse("dataset-verify", args=[row.pk]))
    job = Job.objects.filter(kind="verify").latest("pk")
    runner.run_job(job.pk)
    return Job.objects.get(pk=job.pk)


def test_a_whole_version_is_said_to_be_whole(editor_client, raw):
    assert "Not verified yet" in page(editor_client, "dataset-detail", raw)
    job = run_verify(editor_client, raw)
    assert job.state == State.SUCCEEDED and job.summary["damaged"] == [] and job.done == job.total
    assert "Whole:" in page(editor_client, "dataset-detail", raw)


def test_damage_is_red_with_file_names_until_verified_again(editor_client, raw):
    path = raw.stored().path / "documents-00000.parquet"
    good = path.read_bytes()
    path.write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    job = run_verify(editor_client, raw)
    assert job.state == State.FAILED
    assert [(item["file"], item["message"]) for item in job.problems] == [("documents-00000.parquet", "was changed")]
    shown = page(editor_client, "dataset-detail", raw)
    assert 'notice is-bad" role="alert"' in shown and "1 file of this version is damaged" in shown
    path.write_bytes(good)
    assert run_verify(editor_client, raw).state == State.SUCCEEDED
    assert "damaged" not in page(editor_client, "dataset-detail", raw)


def test_files_that_were_changed_together_with_their_hashes_are_found_by_the_records(editor_client, raw, clean):
    ours, theirs = raw.stored().path, clean.stored().path
    shutil.copy(theirs / "documents-00000.parquet", ours / "documents-00000.parquet")
    manifest = json.loads((ours / "manifest.json").read_text())
    manifest["files"]["documents-00000.parquet"] = clean.manifest["files"]["documents-00000.parquet"]
    (ours / "manifest.json").write_text(json.dumps(manifest))
    job = run_verify(editor_client, raw)
    assert job.problems[0]["message"] == "the records in the files are not those of this version's id"


def test_two_clicks_verify_once_and_progress_is_shown(editor_client, viewer_client, raw):
    for _ in range(2):
        editor_client.post(reverse("dataset-verify", args=[raw.pk]))
    assert Job.objects.filter(kind="verify").count() == 1
    part = page(viewer_client, "dataset-verify", raw)
    assert "every 2s" in part and "is queued" in part
    assert viewer_client.post(reverse("dataset-verify", args=[raw.pk])).status_code == 403


def test_the_command_line_exits_with_1_when_files_are_damaged(editor, raw, tmp_path, monkeypatch):
    (raw.stored().path / "documents-00000.parquet").unlink()
    config = tmp_path / "config.json"
    config.write_text(f'{{"dataset": "{raw.uid}"}}')
    monkeypatch.setattr("time.sleep", lambda seconds: runner.run_next("cpu"))
    out = io.StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("chimera", "run", "verify", "--config", str(config), "--wait", "--json", "--user", editor.name,
                     stdout=out, stderr=io.StringIO())  # fmt: skip
    assert stop.value.code == 1 and "documents-00000.parquet" in out.getvalue()


def test_the_dialog_names_what_depends_on_it_and_deletion_leaves_a_page(editor, editor_client, raw, clean):
    shown = page(editor_client, "dataset-delete", raw)
    assert "clean:v1" in shown and "Delete books:v1" in shown
    response = editor_client.post(reverse("dataset-delete", args=[raw.pk]), follow=True).content.decode()
    assert f"Deleted by <strong>{editor.name}</strong>" in response
    assert "Export" not in response and reverse("dataset-documents", args=[raw.pk]) not in response
    listed = editor_client.get(reverse("data")).content.decode()
    assert f'href="{reverse("dataset-detail", args=[raw.pk])}">books:v1</a></th>' not in listed
    assert f"by {editor.name}" in editor_client.get(reverse("data") + "?stage=deleted").content.decode()
    assert editor_client.get(reverse("dataset-export", args=[raw.pk]) + "?format=jsonl").status_code == 404
    assert "clean:v1" in page(editor_client, "dataset-documents", clean)


def test_viewers_and_strangers_delete_nothing(viewer_client, stranger, raw):
    address = reverse("dataset-delete", args=[raw.pk])
    assert (viewer_client.get(address).status_code, viewer_client.post(address).status_code) == (403, 403)
    assert signed_in(stranger).post(address).status_code == 404
    assert not DatasetVersion.objects.get(pk=raw.pk).deleted


def test_the_lineage_is_drawn_and_told_as_a_table(editor, editor_client, raw, clean):
    sequences = make_sequences(editor, clean)
    make_schedule(editor, sequences=sequences)
    make_dataset(editor, "alone")
    whole = editor_client.get(reverse("lineage")).content.decode()
    assert whole.count('class="lineage-node') == 5 and whole.count('class="lineage-edge"') == 3
    assert "20 → 6" in whole and "files" in whole
    around = editor_client.get(reverse("lineage") + f"?version={clean.pk}").content.decode()
    assert around.count('class="lineage-node') == 4 and "alone" not in around and 'aria-current="page"' in around
    assert page(editor_client, "dataset-detail", raw).count('class="lineage-node') == 4
    deletion.delete(editor, raw)
    assert "lineage-deleted" in editor_client.get(reverse("lineage")).content.decode()


def test_an_empty_project_says_what_will_stand_here(editor_client):
    assert "Nothing was made yet" in editor_client.get(reverse("lineage")).content.decode()


def test_lineage_asks_as_often_for_many_versions(editor, editor_client, raw, django_assert_max_num_queries):
    for number in range(12):
        make_dataset(editor, f"extra{number}", parents=[raw])
    with django_assert_max_num_queries(12):
        editor_client.get(reverse("lineage"))


def test_large_versions_are_compared_by_a_job(editor_client, viewer_client, raw, clean, monkeypatch):
    monkeypatch.setattr(versions, "DIRECTLY", 10)
    address = reverse("dataset-difference", args=[raw.pk]) + f"?other={clean.pk}"
    assert "Compare them" in editor_client.get(address).content.decode()
    assert "An editor of this project can start it" in viewer_client.get(address).content.decode()
    assert viewer_client.post(address).status_code == 403
    for _ in range(2):
        editor_client.post(address)
    job = Job.objects.get(kind="compare")
    part = editor_client.get(address, headers={"HX-Request": "true"})
    assert "is queued" in part.content.decode() and "<html" not in part.content.decode()
    runner.run_job(job.pk)
    assert Job.objects.get(pk=job.pk).summary == {"added": 0, "removed": 14, "changed": 1}
    assert editor_client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "removed 14" in viewer_client.get(address).content.decode()


def test_a_changed_document_is_read_side_by_side(viewer_client, raw, clean):
    shown = page(viewer_client, "dataset-changed-document", raw, other=clean.pk, id="doc-1", domain="code")
    assert [part.strip() for part in re.findall("<del>(.*?)</del>", shown)] == ["something of its own"]
    assert re.findall("<ins>(.*?)</ins>", shown) == ["quite another thing"]
    address = reverse("dataset-changed-document", args=[raw.pk]) + f"?other={clean.pk}&id=doc-15"
    assert viewer_client.get(address).status_code == 404


def test_tokens_stand_beside_the_difference_once_they_are_counted(editor, editor_client, viewer_client, raw, clean):
    assert "The project has no tokenizer yet" in page(viewer_client, "dataset-difference", raw, other=clean.pk)
    sequences = make_sequences(editor, clean)
    form = f"{reverse('job-new', args=['count-tokens'])}?dataset="
    shown = page(editor_client, "dataset-difference", raw, other=clean.pk)
    assert form + raw.uid in shown and form + clean.uid in shown
    assert form not in page(viewer_client, "dataset-difference", raw, other=clean.pk)
    for version, missing in ((raw, [clean]), (clean, [])):
        job, _ = services.start(editor, "count-tokens", {"dataset": version.uid})
        assert runner.run_job(job.pk)
        (table,) = token_differences(editor.project, raw, clean).tables
        assert table.tokenizer.uid == sequences.uid and table.uncounted == missing
    before, after = ({item.domain: item.kept for item in tokens_of(side)[0].domains} for side in (raw, clean))
    assert table.rows == [(name, before[name], after[name]) for name in ("code", "prose")]
    assert table.total == (sum(before.values()), sum(after.values()))
    shown = page(viewer_client, "dataset-difference", raw, other=clean.pk)
    assert sequences.label in shown and "not counted" not in shown and grouped(table.total[0]) in shown


def test_the_dialog_names_every_kind_of_thing_that_was_made_from_it(editor, editor_client, raw, tmp_path):
    fills = [{"name": "all", "share": "1", "fills": [f"{raw.uid}|code"], "tokenizer": ""}]
    plans = {"blend": fills, "elsewhere": [fills[0] | {"fills": [f"{raw.uid}9|code"]}]}
    for name, rows in plans.items():
        MixturePlan.objects.create(project=editor.project, name=name, version=1, budget_tokens=9, rows=rows)
    make_sequences(editor, raw)
    make_columns(editor, raw, tmp_path, "length")
    shown = page(editor_client, "dataset-delete", raw)
    assert "<dt>mixtures</dt><dd>blend:v1</dd>" in shown and "elsewhere" not in shown
    assert "<dt>columns</dt><dd>columns:v1</dd>" in shown and "<dt>sequence sets</dt>" in shown


def test_a_difference_goes_with_the_files_of_either_version(editor, viewer_client, raw, clean):
    other = make_dataset(editor, "other", documents=make_documents(9))
    for right in (clean, other):
        page(viewer_client, "dataset-difference", raw, other=right.pk)
    assert len(list(store().each("difference"))) == 2
    deletion.delete(editor, clean)
    (kept,) = store().each("difference")
    assert kept.manifest["after"] == other.digest
    DatasetVersion.objects.filter(pk=raw.pk).update(deleted_at=clean.created_at)
    assert deletion.collect() == [("dataset", raw.digest), ("difference", kept.digest)]
    assert not list(store().each("difference"))


def test_lineage_reaches_runs_and_their_checkpoints(editor, editor_client, raw, django_assert_max_num_queries):
    address = reverse("lineage")
    assert "Runs and checkpoints" not in editor_client.get(address).content.decode()
    schedule, other = make_schedule(editor, sequences=make_sequences(editor, raw)), make_schedule(editor)
    for number in range(60):
        run = make_run(editor, f"run number {number}")
        type(run).objects.filter(pk=run.pk).update(schedule=schedule)
    Checkpoint.objects.create(
        project=editor.project, name="c", version=1, digest="a" * 64, bytes=1, manifest={}, run=run, step=600
    )
    elsewhere = make_run(editor, "run elsewhere")
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(schedule=other)
    with django_assert_max_num_queries(15):
        shown = editor_client.get(f"{address}?version={raw.pk}").content.decode()
    assert "the newest 50 of 60 runs" in shown and "step 600</a>" in shown and shown.count("none yet") == 49
    assert "run number 59" in shown and "run number 9<" not in shown and "run elsewhere" not in shown
    assert "run elsewhere" in editor_client.get(address).content.decode()
    assert "run number 59" in page(editor_client, "dataset-detail", raw)


def test_a_long_setting_of_a_recipe_may_wrap(viewer_client, clean):
    words = ["the", "be", "to", "of", "and", "that", "have", "with"]
    steps = [{"key": "gopher_quality", "config": {"stop_words": words, "min": 3}}]
    clean.manifest["recipe"] = {"op": "curate", "params": {"recipes": {"*": steps}}}
    clean.save()
    shown = page(viewer_client, "dataset-detail", clean)
    assert "<span>stop_words <strong>the, be, to, of, and, that, have, with</strong></span>" in shown
    assert '<span class="nowrap">min <strong>3</strong></span>' in shown
