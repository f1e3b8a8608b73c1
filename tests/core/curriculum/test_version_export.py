"""A dataset version as one file."""

import gzip
import io
import json
import tracemalloc

import pyarrow.parquet as pq
import pytest

from chimera.artefacts import ArtefactStore
from curriculum_app.core.dataset_version import DOCUMENT_SCHEMA, DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document, RecordHash
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


@pytest.mark.parametrize("name", EXPORTS)
def test_an_empty_version_is_an_empty_file_of_its_format(tmp_path, name):
    got = exported(version(tmp_path, []), name)
    if name == "parquet":
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
