"""Media of documents in the browser: shown in place, sent only to members, never loaded from other hosts."""

import json
from pathlib import Path

import pytest
from django.urls import reverse

from chimera.jobs import services
from chimera.jobs.runner import run_next
from curriculum_app.core.documents import Document, Media
from curriculum_app.models import DatasetVersion
from tests.conftest import signed_in
from tests.core.curriculum.test_media_folders import GIF, PNG, WAV
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(editor, tmp_path: Path) -> DatasetVersion:
    """One image and one sound, imported by a job as a user would."""
    for kind, name, data in (("image", "dot.png", PNG), ("audio", "hum.wav", WAV)):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / name).write_bytes(data)
        (folder / "metadata.jsonl").write_text(json.dumps({"file_name": name, "text": f"What {name} is."}) + "\n")
        job, _ = services.start(editor, "import", {"name": kind, "path": str(folder)})
        assert run_next("cpu")
        job.refresh_from_db()
        assert job.state == "succeeded", job.error_text
    return DatasetVersion.objects.get(name="image")


def media_of(version: DatasetVersion) -> str:
    from curriculum_app.core.dataset_version import DatasetVersion as Opened

    (document,) = Opened.open(version.stored()).iter_documents()
    return reverse("dataset-media", args=[version.pk, document.media[0].sha256])


def page(client, name: str, version: DatasetVersion, query: str = "") -> str:
    response = client.get(reverse(name, args=[version.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_an_image_is_counted_listed_shown_and_sent(editor_client, imported):
    address = media_of(imported)
    overview = page(editor_client, "dataset-detail", imported)
    assert "Modalities" in overview and "?modality=image_text" in overview and "No bundled model" not in overview
    listed = page(editor_client, "dataset-documents", imported, "?modality=image_text")
    assert f'src="{address}" loading="lazy"' in listed and "1–1 of 1" in listed
    assert "No documents here" in page(editor_client, "dataset-documents", imported, "?modality=video_text")
    assert f'<img src="{address}"' in page(editor_client, "dataset-document", imported, "?id=dot.png")
    response = editor_client.get(address)
    assert (response.status_code, response.content) == (200, PNG)
    assert response["Content-Type"] == "image/png" and response["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response["Cache-Control"] and "private" in response["Cache-Control"]


def test_a_sound_is_played_and_the_page_says_that_no_model_hears_it(editor_client, imported):
    version = DatasetVersion.objects.get(name="audio")
    assert "No bundled model trains on sounds or films" in page(editor_client, "dataset-detail", version)
    assert f'<audio class="media" controls preload="none" src="{media_of(version)}"' in page(
        editor_client, "dataset-document", version, "?id=hum.wav"
    )


@pytest.mark.parametrize(
    "asked, status, content",
    [
        ("bytes=0-3", 206, PNG[:4]),
        ("bytes=60-", 206, PNG[60:]),
        ("bytes=-5", 206, PNG[-5:]),
        ("bytes=10-9999", 206, PNG[10:]),
        ("bytes=9999-", 416, b""),
        ("bytes=5-2", 416, b""),
        ("bytes=-", 200, PNG),
        ("lines=1-2", 200, PNG),
    ],
)
def test_a_player_may_ask_for_a_part(editor_client, imported, asked, status, content):
    response = editor_client.get(media_of(imported), headers={"Range": asked})
    assert (response.status_code, response.content) == (status, content)


def test_media_are_for_members_only_and_only_what_the_version_holds(client, editor_client, stranger, imported):
    address = media_of(imported)
    assert client.get(address).status_code == 302
    assert signed_in(stranger).get(address).status_code == 404
    other = reverse("dataset-media", args=[imported.pk, "0" * 64])
    assert editor_client.get(other).status_code == 404
    assert editor_client.post(address).status_code == 405
    imported.digest = "0" * 64
    imported.save()
    assert editor_client.get(address).status_code == 404


def test_images_stand_in_the_text_and_those_of_other_hosts_are_not_loaded(editor, editor_client):
    media = (
        Media("image", url="https://evil.example/p.png", alt='a "<b>" plot', offset=6),
        Media("image", offset=12),
    )
    version = make_dataset(editor, "pages", documents=[Document("a", "First. Then. Last.", "web", media=media)])
    shown = page(editor_client, "dataset-document", version, "?id=a")
    assert "<img" not in shown.partition("<pre")[2].partition("</pre>")[0]
    assert "First.<span" in shown and "image: a &quot;&lt;b&gt;&quot; plot" in shown
    assert "https://evil.example/p.png (not loaded" in shown and "(only its place is known)" in shown
    assert "interleaved" in page(editor_client, "dataset-documents", version)


def test_a_version_of_texts_has_no_table_of_modalities(editor, editor_client):
    version = make_dataset(editor, "texts")
    assert "Modalities" not in page(editor_client, "dataset-detail", version)
    assert GIF not in page(editor_client, "dataset-documents", version).encode()
