"""Import in the browser, without JavaScript: choose, preview, map, save the mapping, import."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from chimera.jobs import runner
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from curriculum_app.models import DatasetVersion, SchemaMapping
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

pytestmark = pytest.mark.django_db

RECORDS = [
    {"id": 1, "title": "Rain", "body": {"text": "It falls."}, "stars": "3", "extra": "left"},
    {"id": 2, "title": "Snow", "body": {"text": "It lies."}, "stars": "many", "extra": "out"},
]
START, LINES = reverse("dataset-upload"), b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS)


def upload(client: Client, content: bytes = LINES, name: str = "../no tes.jsonl", **said: str) -> HttpResponse:
    file = SimpleUploadedFile(name, content)
    return client.post(START, {"file": file, "format": "auto", "idempotency_key": "k1", **said})


@pytest.fixture
def job(editor_client: Client) -> Job:
    """A preview that a worker has made."""
    upload(editor_client)
    job = Job.objects.get()
    assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    return job


def page_of(job: Job) -> str:
    return reverse("import-preview", args=[job.pk])


def filled(page: HttpResponse, rows: dict[str, dict[str, str]] | None = None, **said: str) -> dict[str, str]:
    """What a browser sends of this page; `rows` changes those of the named fields."""
    changes = dict(rows or {})
    data: dict[str, str] = {"idempotency_key": page.context["key"]}
    new = [name for name in changes if name not in {row.target for row in page.context["rows"]}]
    for number, row in enumerate(page.context["rows"]):
        values = {name: getattr(row, name) for name in ("target", "origin", "value", "cast", "default")}
        values["target"] = row.target or (new.pop(0) if new else "")
        values |= changes.get(values["target"], {})
        data |= {f"{name}-{number}": value for name, value in values.items()}
    form = page.context["form"]
    return data | {name: str(form[name].value() or "") for name in form.fields} | said


def html(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_an_upload_gives_one_preview_even_when_clicked_twice(editor_client: Client, settings: Any) -> None:
    first, second = upload(editor_client), upload(editor_client)
    job = Job.objects.get()
    assert first["Location"] == second["Location"] == page_of(job)
    path = Path(job.config["path"])
    assert (job.kind, job.name, path.read_bytes()) == ("preview", "Preview of no_tes.jsonl", LINES)
    parts = path.relative_to(settings.DATA_DIR / "uploads").parts
    assert parts == (sha256(LINES).hexdigest(), "no_tes.jsonl")


def test_a_path_is_read_by_a_worker_and_never_by_the_web_process(editor_client: Client) -> None:
    answer = editor_client.post(START, {"path": "/etc/passwd", "format": "jsonl"})
    page = html(editor_client.get(answer["Location"]))
    assert "root" not in page and "No worker is running" in page
    job = Job.objects.get()
    runner.run_job(job.pk)
    assert "text" in html(editor_client.get(page_of(job)))
    missing = Job.objects.get(pk=html_start(editor_client, "/nowhere/x.jsonl").pk)
    runner.run_job(missing.pk)
    assert "there is no such file on this worker" in html(editor_client.get(page_of(missing)))


def html_start(client: Client, path: str) -> Job:
    client.post(START, {"path": path, "format": "auto"})
    return Job.objects.order_by("-pk")[0]


@pytest.mark.parametrize("said", [{}, {"path": "/x.jsonl", "file": "also"}])
def test_one_of_file_and_path_is_needed(editor_client: Client, said: dict[str, Any]) -> None:
    if "file" in said:
        said = {**said, "file": SimpleUploadedFile("a.jsonl", b"x")}
    assert "one of the two" in html(editor_client.post(START, said))
    assert not Job.objects.exists()


def test_a_file_over_the_limit_is_refused_with_the_way_out(editor_client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    assert "larger than 10 B: name its path" in html(upload(editor_client))
    assert not Job.objects.exists()


def test_viewers_and_strangers_see_no_preview(viewer_client: Client, stranger: Actor, job: Job) -> None:
    assert viewer_client.get(START).status_code == 403
    assert viewer_client.get(page_of(job)).status_code == 403
    assert viewer_client.post(page_of(job), {"action": "import"}).status_code == 403
    assert signed_in(stranger).get(page_of(job)).status_code == 404


def test_the_page_shows_keys_guess_and_documents(editor_client: Client, job: Job) -> None:
    response = editor_client.get(page_of(job))
    page = html(response)
    rows = {row.target: row.origin for row in response.context["rows"] if row.origin}
    assert rows == {"text": "key:body.text", "id": "key:id", "title": "key:title"}
    for part in ("read as <strong>jsonl</strong>", "2 documents", "It falls.", "not mapped", "extra", "no_tes.jsonl"):
        assert part in page
    assert response.context["form"]["name"].value() == "no_tes"


def test_a_changed_mapping_shows_at_once_what_it_gives(editor_client: Client, job: Job) -> None:
    data = filled(
        editor_client.get(page_of(job)),
        {
            "text": {"origin": "template", "value": "{title}:\r\n{body.text}"},
            "stars": {"origin": "key:stars", "cast": "int"},
        },
    )
    part = html(editor_client.post(page_of(job), data, headers={"HX-Request": "true"}))
    assert "<html" not in part
    for words in ("Rain: It falls.", "1 document", "1 for the quarantine", "stars is no int"):
        assert words in part
    whole = html(editor_client.post(page_of(job), {**data, "action": "preview"}))
    assert "Rain: It falls." in whole and "{title}:\n{body.text}</textarea>" in whole


def test_what_is_wrong_with_a_mapping_is_said_by_field(editor_client: Client, job: Job) -> None:
    page = editor_client.get(page_of(job))
    wrong = filled(page, {"title": {"origin": "template", "value": "{"}, "url": {"origin": "const"}})
    part = html(editor_client.post(page_of(job), wrong, headers={"HX-Request": "true"}))
    assert "mapping.title" in part and "a single { at character 1" in part and "mapping.url" in part
    none = filled(page, {"text": {"origin": ""}})
    assert "must say which key holds the text" in html(editor_client.post(page_of(job), none))
    both = filled(page, {"more": {"target": "text", "origin": "key:title"}})
    assert "the field is named twice" in html(editor_client.post(page_of(job), both))


def test_the_button_starts_one_import_with_this_mapping(editor_client: Client, job: Job) -> None:
    rows = {
        "text": {"origin": "template", "value": "{title}: {body.text}"},
        "license": {"origin": "const", "value": "MIT"},
        "stars": {"origin": "key:stars", "default": "0"},
    }
    data = filled(editor_client.get(page_of(job)), rows, name="notes", domain="prose", source="me", action="import")
    first, second = editor_client.post(page_of(job), data), editor_client.post(page_of(job), data)
    made = Job.objects.get(kind="import")
    assert first["Location"] == second["Location"] == reverse("job-detail", args=[made.pk])
    assert made.config["path"] == job.config["path"]
    assert made.config["mapping"] == {
        "text": {"template": "{title}: {body.text}"},
        "id": "id",
        "title": "title",
        "license": {"const": "MIT"},
        "stars": {"from": "stars", "default": "0"},
    }
    assert runner.run_job(made.pk)
    version = DatasetVersion.objects.get()
    assert (version.name, version.documents, version.manifest["licenses"]) == ("notes", 2, {"MIT": 2})


def test_an_import_without_a_name_is_refused_at_its_field(editor_client: Client, job: Job) -> None:
    data = filled(editor_client.get(page_of(job)), name="", action="import")
    response = editor_client.post(page_of(job), data)
    assert "at least 1 character" in response.context["form"].errors["name"][0]
    assert not Job.objects.filter(kind="import").exists()


def test_a_mapping_is_saved_used_again_and_deleted(editor_client: Client, editor: Actor, job: Job) -> None:
    page = editor_client.get(page_of(job))
    data = filled(page, {"text": {"origin": "template", "value": "{title}"}}, license="MIT", name="kept")
    saved = html(editor_client.post(page_of(job), {**data, "save_as": "weather", "action": "save"}))
    row = SchemaMapping.objects.get()
    assert "is saved as weather" in saved and (row.saved_by, row.defaults["license"]) == (editor.name, "MIT")
    assert row.mapping == {"text": {"template": "{title}"}, "id": "id", "title": "title"}
    again = filled(page, {"id": {"origin": ""}}, action="use", saved=str(row.pk), name="kept")
    used = editor_client.post(page_of(job), again)
    assert {row.target: row.origin for row in used.context["rows"] if row.origin}["id"] == "key:id"
    assert (used.context["form"]["license"].value(), used.context["form"]["name"].value()) == ("MIT", "kept")
    editor_client.post(page_of(job), {**data, "save_as": "weather", "license": "CC0-1.0", "action": "save"})
    assert SchemaMapping.objects.get().defaults["license"] == "CC0-1.0"
    assert "weather" in html(editor_client.get(START))
    editor_client.post(reverse("mapping-delete", args=[row.pk]))
    assert not SchemaMapping.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "n" * 121])
def test_a_mapping_needs_a_name(editor_client: Client, job: Job, name: str) -> None:
    data = filled(editor_client.get(page_of(job)), action="save", save_as=name)
    assert "give it a name" in html(editor_client.post(page_of(job), data))
    assert not SchemaMapping.objects.exists()


def test_saved_mappings_belong_to_a_project_and_its_editors(
    viewer_client: Client, editor: Actor, stranger: Actor, editor_client: Client, job: Job
) -> None:
    row = SchemaMapping.objects.create(project=editor.project, name="ours", saved_by="edgar", mapping={"text": "t"})
    elsewhere = SchemaMapping.objects.create(project=stranger.project, name="theirs", saved_by="steve")
    assert viewer_client.post(reverse("mapping-delete", args=[row.pk])).status_code == 403
    assert signed_in(stranger).post(reverse("mapping-delete", args=[row.pk])).status_code == 404
    data = filled(editor_client.get(page_of(job)), action="use", saved=str(elsewhere.pk))
    assert editor_client.post(page_of(job), data).status_code == 404
    assert "theirs" not in html(editor_client.get(page_of(job)))


def test_the_page_that_waits_is_replaced_when_the_preview_is_there(editor_client: Client) -> None:
    upload(editor_client)
    job = Job.objects.get()
    asked = {"HX-Request": "true"}
    assert "hx-trigger" in html(editor_client.get(page_of(job), headers=asked))
    runner.run_job(job.pk)
    assert editor_client.get(page_of(job), headers=asked)["HX-Refresh"] == "true"


def test_only_previews_have_this_page(editor_client: Client, job: Job) -> None:
    data = filled(editor_client.get(page_of(job)), action="import", name="x")
    editor_client.post(page_of(job), data)
    assert editor_client.get(page_of(Job.objects.get(kind="import"))).status_code == 404


def test_a_file_with_a_character_no_database_holds_has_its_preview(editor_client: Client) -> None:
    upload(editor_client, b'{"text": "a\\u0000b", "half": "\\ud800"}\n')
    job = Job.objects.get()
    assert runner.run_job(job.pk)
    page = editor_client.get(page_of(job))
    table = page.context["table"]
    assert (table.documents, table.quarantined, table.lines[0].reason) == (0, 1, "text holds a NUL character")
