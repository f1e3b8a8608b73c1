"""Files from a browser: kept once, under harmless names, in the place of a path."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chimera.jobs.models import Job
from chimera.uploads import safe_name, upload_store

pytestmark = pytest.mark.django_db
ITEM = json.dumps({"id": "1", "question": "Which planet is the third from the sun, as counted?", "answer": 0}).encode()


def test_the_same_bytes_are_stored_once(editor):
    first = upload_store(editor, SimpleUploadedFile("a.jsonl", b"same"))
    second = upload_store(editor, SimpleUploadedFile("a.jsonl", b"same"))
    assert first == second
    assert first.read_bytes() == b"same"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.csv", "y.csv"),
        (".jsonl.gz", "jsonl.gz"),
        ("a b.csv", "a_b.csv"),
        ("", "upload"),
    ],
)
def test_file_names_cannot_leave_their_directory(given, kept):
    assert safe_name(given) == kept


def test_a_file_sent_with_the_form_takes_the_place_of_a_path(editor_client):
    where = reverse("job-new", args=["register-benchmark"])
    assert 'name="path:file"' in editor_client.get(where).content.decode()
    plain = {"name": "Mine", "path": "", "format": "auto", "keys": "question", "max_bad_fraction": "0"}
    assert editor_client.post(where, {**plain, "path:file": SimpleUploadedFile("mine.jsonl", ITEM)}).status_code == 302
    path = Path(Job.objects.get().config["path"])
    assert path.name == "mine.jsonl" and path.read_bytes() == ITEM
    assert "path" in editor_client.post(where, plain).context["form"].errors
    typed = {**plain, "path": "/data/mine.jsonl", "path:file": ""}  # as a browser sends it without a file
    assert editor_client.post(where, typed).status_code == 302


def test_a_file_for_a_field_that_takes_none_is_left_alone(editor_client):
    where, stray = reverse("job-new", args=["register-benchmark"]), SimpleUploadedFile("x.jsonl", b"x")
    assert editor_client.post(where, {"name": "Mine", "path": "", "name:file": stray}).status_code == 422
    assert not Job.objects.exists()


def test_a_viewer_can_send_none(viewer_client):
    sent = {"name": "Mine", "path:file": SimpleUploadedFile("mine.jsonl", ITEM)}
    assert viewer_client.post(reverse("job-new", args=["register-benchmark"]), sent).status_code == 403
