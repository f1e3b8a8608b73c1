"""Folders of images, sounds and films with texts: what is read, what is stored, what goes to quarantine."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core import media_store
from curriculum_app.core.configs import CurateConfig, ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document, Media
from curriculum_app.core.jobs import curate, import_
from curriculum_app.core.media_store import MediaWriter, carry_media, read_media, shards_of
from curriculum_app.core.media_types import Blob, WrongType, blob_of
from curriculum_app.core.modalities import MODALITIES

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path / "work")


def tree(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def run(ctx: LocalContext, path: Path, **settings: object) -> DatasetVersion:
    config = ImportConfig.model_validate({"name": "x", "path": str(path), **settings})
    return DatasetVersion.open(import_.run(config, ctx).stored)


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_metadata_file_pairs_images_with_texts_and_stores_their_bytes(ctx: LocalContext, tmp_path: Path) -> None:
    rows = lines({"file_name": "a.png", "text": "A dot."}, {"file_name": "sub/b.gif", "text": "Another."})
    folder = tree(tmp_path / "in", {"metadata.jsonl": rows, "a.png": PNG, "sub/b.gif": GIF})
    version = run(ctx, folder)
    digest = sha256(PNG).hexdigest()
    first, second = version.iter_documents()
    assert (first.id, first.text, first.title, first.modality) == ("a.png", "A dot.", "a.png", "image_text")
    assert first.media == (Media("image", digest, mime="image/png", num_bytes=len(PNG)),)
    assert second.id == "sub/b.gif" and second.media[0].mime == "image/gif"
    assert version.media(digest) == Blob("image/png", PNG) and version.media("0" * 64) is None
    assert {"media-00000.parquet", "media-index.parquet"} <= set(version.manifest["files"])
    assert version.manifest["modalities"] == {
        "image_text": {"documents": 2, "bytes": 14, "media": 2, "media_bytes": len(PNG) + len(GIF)}
    }


def test_a_caption_of_the_same_name_serves_where_no_row_names_the_file(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "in",
        {
            "train/metadata.csv": "file_name,text\na.wav,One\n",
            "train/a.wav": WAV,
            "b.wav": WAV + b"2",
            "b.txt": "Two",
            "c.wav": WAV + b"3",
            "c.json": '{"text": "Three", "speaker": 7}',
        },
    )
    version = run(ctx, folder, mapping={"text": "text", "speaker": "speaker"})
    found = [(d.id, d.text, d.modality, d.meta) for d in version.iter_documents()]
    assert found == [
        ("train/a.wav", "One", "audio_text", {}),
        ("b.wav", "Two", "audio_text", {}),
        ("c.wav", "Three", "audio_text", {"speaker": 7}),
    ]


def test_films_are_stored_too(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.mp4": MP4, "a.txt": "A film."})
    version = run(ctx, folder, format="video_text")
    assert [d.modality for d in version.iter_documents()] == ["video_text"]


def test_several_captions_of_one_image_are_documents_that_share_its_bytes(ctx: LocalContext, tmp_path: Path) -> None:
    rows = lines(*({"file_name": "a.png", "text": f"Caption {n}."} for n in range(3)))
    version = run(ctx, tree(tmp_path / "in", {"metadata.jsonl": rows, "a.png": PNG, "b.png": PNG, "b.txt": "Same."}))
    assert [d.id for d in version.iter_documents()] == ["a.png", "a.png#2", "a.png#3", "b.png"]
    assert len({d.media for d in version.iter_documents()}) == 1
    (shard,) = shards_of(version.stored.path)
    assert pq.read_metadata(shard).num_rows == 1


def test_wrong_names_and_empty_or_long_files_go_to_quarantine_by_name(ctx: LocalContext, tmp_path: Path) -> None:
    names = ("a.png", "wrong.png", "empty.png", "long.png", "none.png", "../out.png", "/etc/a.png", "page.html", "")
    rows = lines(*({"file_name": name, "text": "t"} for name in names), {"text": "t"})
    files = {
        "a.png": PNG,
        "wrong.png": b"\xff\xd8\xff\xe0 a photograph",
        "empty.png": b"",
        "long.png": PNG + b"z" * 2000,
    }
    extra = {"lone.gif": GIF, "pickle.png": b"\x80\x04\x95", "pickle.txt": "p", "bad.gif": GIF, "bad.json": "[1]"}
    folder = tree(tmp_path / "in", {"metadata.jsonl": rows, **files, **extra})
    (folder / "stolen.png").symlink_to("/etc/passwd")
    version = run(ctx, folder, max_bad_fraction=1, max_record_bytes=1500)
    assert [d.id for d in version.iter_documents()] == ["a.png"]
    found = [(r.file, r.line, r.reason) for r in version.quarantine()]
    wrong = "the media file is not what its name says"
    assert found == [
        ("metadata.jsonl", 2, wrong),
        ("metadata.jsonl", 3, "the media file is empty (0 bytes)"),
        ("metadata.jsonl", 4, "longer than 1500 bytes"),
        ("metadata.jsonl", 5, "the media file is not there"),
        ("metadata.jsonl", 6, "file_name leads out of the folder"),
        ("metadata.jsonl", 7, "file_name leads out of the folder"),
        ("metadata.jsonl", 8, "file_name is no image file"),
        ("metadata.jsonl", 9, "no key 'file_name'"),
        ("metadata.jsonl", 10, "no key 'file_name'"),
        ("bad.json", 1, "not a JSON object"),
        ("lone.gif", 1, "no text belongs to it: neither a metadata file nor a .txt or .json of its name"),
        ("pickle.png", 1, wrong),
        ("stolen.png", 1, "a link that leads out of the folder, which is not followed"),
    ]
    assert version.quarantine()[0].excerpt == "wrong.png: its bytes look like image/jpeg"


@pytest.mark.parametrize(
    "name, data, mime",
    [
        ("a.PNG", PNG, "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xdb", "image/jpeg"),
        ("a.webp", b"RIFF\1\0\0\0WEBPVP8 ", "image/webp"),
        ("a.mp3", b"ID3\x04", "audio/mpeg"),
        ("a.mp3", b"\xff\xfb\x90", "audio/mpeg"),
        ("a.ogg", b"OggS\0", "audio/ogg"),
        ("a.ogv", b"OggS\0", "video/ogg"),
        ("a.m4a", MP4, "audio/mp4"),
        ("a.webm", b"\x1aE\xdf\xa3", "video/webm"),
        ("a.flac", b"fLaC", "audio/flac"),
    ],
)
def test_the_type_is_what_name_and_bytes_agree_on(name: str, data: bytes, mime: str) -> None:
    assert blob_of(name, data).mime == mime
    with pytest.raises(WrongType, match="no image, sound or film"):
        blob_of(name, b"<svg onload=alert(1)>")


def test_auto_asks_when_a_folder_holds_several_kinds(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.png": PNG, "a.txt": "t", "b.wav": WAV, "b.txt": "t"})
    with pytest.raises(InputError) as caught:
        run(ctx, folder)
    (problem,) = caught.value.problems
    assert problem.field == "format" and "audio_text or image_text" in problem.hint
    assert run(ctx, folder, format="audio_text").num_documents == 1


def test_images_without_texts_do_not_make_a_folder_of_texts_an_image_folder(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"notes.txt": "words", "logo.png": PNG})
    assert [d.id for d in run(ctx, folder).iter_documents()] == ["notes.txt"]


@pytest.mark.parametrize("kind", ["image_text", "audio_text", "video_text"])
def test_a_file_is_no_folder(ctx: LocalContext, tmp_path: Path, kind: str) -> None:
    tree(tmp_path, {"metadata.jsonl": "{}\n"})
    with pytest.raises(InputError, match="not a folder of"):
        run(ctx, tmp_path / "metadata.jsonl", format=kind)


def test_the_same_folder_gives_the_same_version_and_other_bytes_another(ctx: LocalContext, tmp_path: Path) -> None:
    folders = [
        tree(tmp_path / name, {"a.png": data, "a.txt": "t"})
        for name, data in (("1", PNG), ("2", PNG), ("3", PNG + b"x"))
    ]
    one, two, three = (run(ctx, folder).digest for folder in folders)
    assert one == two != three


def test_shards_are_rotated_and_every_item_is_found(tmp_path: Path) -> None:
    blobs = [Blob("image/png", PNG + bytes([n % 251]) * (n + 1)) for n in range(300)]
    with MediaWriter(tmp_path, shard_bytes=20_000) as writer:
        named = [writer.add(blob) for blob in [*blobs, *blobs[:5]]]
    assert len(shards_of(tmp_path)) > 2 and named[:5] == named[300:]
    assert sum(pq.read_metadata(shard).num_rows for shard in shards_of(tmp_path)) == 300
    assert [read_media(tmp_path, media.sha256) for media in named[:300]] == blobs


@pytest.mark.parametrize("links", [True, False])
def test_a_version_made_from_others_has_the_media_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(media_store.os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    folders = [tmp_path / name for name in ("one", "two", "text", "child", "grandchild")]
    for folder in folders:
        folder.mkdir()
    for folder, numbers in zip(folders, (range(9), range(6, 15)), strict=False):
        with MediaWriter(folder, shard_bytes=400) as writer:
            for number in numbers:
                writer.add(Blob("image/png", PNG + bytes([number])))
    carry_media(folders[:3], folders[3])
    carry_media([folders[3], folders[0]], folders[4])
    for number in range(15):
        digest = sha256(PNG + bytes([number])).hexdigest()
        assert all(read_media(folder, digest) == Blob("image/png", PNG + bytes([number])) for folder in folders[3:])
    if links:
        assert shards_of(folders[3])[0].stat().st_ino == shards_of(folders[0])[0].stat().st_ino
        assert len(shards_of(folders[4])) == len(shards_of(folders[3])), "a shard that both parents have comes once"
    carry_media([folders[2]], tmp_path)
    assert shards_of(tmp_path) == []


def test_curation_keeps_the_media_and_verify_covers_them(ctx: LocalContext, tmp_path: Path) -> None:
    rows = lines({"file_name": "a.png", "text": "kept " * 60}, {"file_name": "b.gif", "text": "short"})
    raw = run(ctx, tree(tmp_path / "in", {"metadata.jsonl": rows, "a.png": PNG, "b.gif": GIF}))
    ctx.artefacts["dataset-1"] = raw
    settings = {"name": "clean", "datasets": ["dataset-1"], "recipes": {"*": [{"key": "min_length"}]}, "workers": 1}
    config = CurateConfig.model_validate(settings)
    clean = DatasetVersion.open(curate.run(config, ctx).stored)
    assert [d.id for d in clean.iter_documents()] == ["a.png"]
    for item in (clean.find("a.png"), clean.dropped()[0].document):
        assert isinstance(item, Document) and clean.media(item.media[0].sha256) is not None
    assert ctx.store.verify(clean.stored) == {}
    shard = shards_of(clean.stored.path)[0]
    shard.unlink()
    shard.write_bytes(b"rust")
    assert ctx.store.verify(clean.stored) == {"media-00000.parquet": "was changed"}
    assert ctx.store.verify(raw.stored) == {}, "the parent has the bytes still"


def test_documents_are_found_by_modality(ctx: LocalContext, tmp_path: Path) -> None:
    tricky = Media("image", alt='"offset":3,"type":"video" }', url="https://x.org/a.png")
    documents = [
        Document("t", "text", "d"),
        Document("c", "code", "d", content="code"),
        Document("i", "image", "d", media=(tricky,)),
        Document("a", "audio", "d", media=(Media("audio", "a" * 64, mime="audio/wav", num_bytes=3),)),
        Document("v", "video", "d", media=(Media("video"), Media("image"))),
        Document("n", "interleaved", "d", media=(tricky, Media("image", offset=4))),
    ]
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {}) as writer:
            for document in documents:
                writer.add(document)
        version = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    for modality in MODALITIES:
        expected = [document.id for document in documents if document.modality == modality]
        assert [document.id for document in version.documents(modality=modality)] == expected
        assert version.manifest["modalities"][modality]["documents"] == len(expected) == 1
    assert version.documents(modality="smell") == []
