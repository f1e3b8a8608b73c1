"""A dataset version as one file."""

import gzip
import io
import json
import tracemalloc
import zipfile
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from chimera.artefacts import ArtefactStore
from chimera.context import LocalContext
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.dataset_version import DOCUMENT_SCHEMA, DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document, Media, RecordHash
from curriculum_app.core.jobs import import_
from curriculum_app.core.version_export import CONTENT_TYPES, EXPORTS

DOCUMENTS = [Document(f"d{n}", f"text {n} – ünï\n\0", "prose" if n % 3 else "code", meta={"n": n}) for n in range(50)]


def version(root, documents, **layout) -> DatasetVersion:
    with ArtefactStore(root).stage("dataset") as staged:
        with DatasetWriter(staged.path, {}, **layout) as writer:
            for document in documents:
                writer.add(document)
        return DatasetVersion.open(staged.seal(writer.digest(), writer.facts()))


def exported(of, name):
    return b"".join(EXPORTS[name](of))


def test_every_format_has_a_content_type():
    assert EXPORTS.keys() == CONTENT_TYPES.keys()


def test_the_lines_give_the_id_of_the_version(tmp_path):
    of = version(tmp_path, DOCUMENTS, documents_per_file=20)
    lines = exported(of, "jsonl").splitlines()
    digest = RecordHash({})
    for line in lines:
        digest.add(Document(**json.loads(line)))
    assert len(lines) == 50
    assert digest.hexdigest() == of.digest


def test_gzipped_lines_are_the_same_lines_and_the_same_bytes_each_time(tmp_path):
    of = version(tmp_path, DOCUMENTS)
    assert gzip.decompress(exported(of, "jsonl.gz")) == exported(of, "jsonl")
    assert exported(of, "jsonl.gz") == exported(of, "jsonl.gz")


def test_parquet_joins_the_shards_in_order(tmp_path):
    of = version(tmp_path, DOCUMENTS, documents_per_file=20, row_group_rows=6)
    table = pq.read_table(io.BytesIO(exported(of, "parquet")))
    assert table.schema.equals(DOCUMENT_SCHEMA)
    assert [Document.from_row(row) for row in table.to_pylist()] == DOCUMENTS


def unpacked(packed, folder):
    """The dataset as Hugging Face's own library opens it."""
    from datasets import load_from_disk

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        archive.extractall(folder)
    (found,) = folder.iterdir()
    return load_from_disk(str(found))


def test_datasets_loads_the_folder(tmp_path):
    pictured = Document("p", "a picture", "prose", media=(Media("image", sha256="0" * 64, offset=3),))
    of = version(tmp_path, [*DOCUMENTS, pictured], documents_per_file=20, row_group_rows=6)
    loaded = unpacked(exported(of, "datasets.zip"), tmp_path / "out")
    assert [Document.from_row(row) for row in loaded] == [*DOCUMENTS, pictured]
    assert json.loads(loaded[50]["media"])[0]["offset"] == 3
    assert exported(of, "datasets.zip") == exported(of, "datasets.zip")


def test_the_folder_comes_back_through_our_own_import(tmp_path):
    documents = [replace(item, text=item.text.replace("\0", "")) for item in DOCUMENTS]  # an import refuses NUL
    of = version(tmp_path, documents, documents_per_file=20)
    unpacked(exported(of, "datasets.zip"), tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    mapping = {name: name for name in ("id", "text", "domain")}
    config = ImportConfig(name="back", path=str(folder), mapping=mapping)
    back = DatasetVersion.open(import_.run(config, LocalContext(tmp_path / "data")).stored)
    assert [(item.id, item.text, item.domain) for item in back.iter_documents()] == [
        (item.id, item.text, item.domain) for item in documents
    ]


def test_a_shard_from_before_documents_had_media_is_exported(tmp_path):
    of = version(tmp_path, DOCUMENTS)
    table = pq.read_table(of.files[0])
    pq.write_table(table.drop_columns(["media"]), of.files[0])
    assert [Document.from_row(row) for row in unpacked(exported(of, "datasets.zip"), tmp_path / "out")] == DOCUMENTS
    assert pq.read_table(io.BytesIO(exported(of, "parquet"))).schema.equals(DOCUMENT_SCHEMA)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_empty_version_is_an_empty_file_of_its_format(tmp_path, name):
    got = exported(version(tmp_path, []), name)
    if name == "datasets.zip":
        assert len(unpacked(got, tmp_path / "out")) == 0
    elif name == "parquet":
        assert pq.read_table(io.BytesIO(got)).num_rows == 0
    else:
        assert (gzip.decompress(got) if name.endswith("gz") else got) == b""


@pytest.mark.parametrize("name", EXPORTS)
def test_only_a_piece_is_in_memory(tmp_path, name):
    big = (Document(f"d{n}", f"{n} " * 20_000, "prose") for n in range(300))
    of = version(tmp_path, big, row_group_rows=8)
    tracemalloc.start()
    total = sum(len(piece) for piece in EXPORTS[name](of))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert total > 20 << 20 or name != "jsonl"
