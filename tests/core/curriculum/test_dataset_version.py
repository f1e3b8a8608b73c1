"""Dataset versions: ids that depend on records only, pages of what is in them."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera.artefacts import ArtefactStore
from curriculum_app.core.dataset_version import (
    DROPPED_FILE,
    DROPPED_SCHEMA,
    DatasetVersion,
    DatasetWriter,
    DroppedDocument,
)
from curriculum_app.core.documents import Document, RecordHash
from curriculum_app.core.parquet_rows import RowWriter

DOCUMENTS = [
    Document(str(n), f"text {n} – ünï", "prose" if n % 3 else "code", "src", "MIT", meta={"n": n}) for n in range(50)
]
RECIPE = {"op": "test"}

documents = st.builds(
    Document,
    id=st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    domain=st.sampled_from(["a", "b"]),
    meta=st.dictionaries(st.text("xyz", max_size=3), st.integers(-9, 9) | st.booleans() | st.none(), max_size=3),
)


def written(root: Path, records: list[Document], **layout: int) -> DatasetVersion:
    store = ArtefactStore(root)
    with store.stage("dataset") as stage:
        with DatasetWriter(stage.path, RECIPE, **layout) as writer:
            for record in records:
                writer.add(record)
        return DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))


def test_the_id_is_sha256_over_recipe_and_canonical_json_lines(tmp_path: Path) -> None:
    two = [Document("1", "hello", "web"), Document("2", "wörld", "web")]
    line = (
        '{{"content":"text","domain":"web","id":"{}","license":"","meta":{{}},'
        '"source":"","text":"{}","title":"","url":""}}'
    )
    expected = '{"op":"test"}\n' + "".join(line.format(d.id, d.text) + "\n" for d in two)
    assert written(tmp_path, two).digest == hashlib.sha256(expected.encode()).hexdigest()


def test_the_id_does_not_depend_on_row_groups_or_files(tmp_path: Path) -> None:
    plain = written(tmp_path / "a", DOCUMENTS)
    small = written(tmp_path / "b", DOCUMENTS, row_group_rows=3, documents_per_file=20)
    assert plain.digest == small.digest
    assert [len(plain.files), len(small.files)] == [1, 3]
    assert pq.read_metadata(small.files[0]).num_row_groups == 7
    assert list(plain.iter_documents()) == list(small.iter_documents()) == DOCUMENTS


@settings(max_examples=20)
@given(st.lists(documents, max_size=12), st.integers(1, 5), st.integers(1, 5))
def test_whatever_is_written_is_read_back(tmp_path_factory, records, row_group, per_file) -> None:
    version = written(tmp_path_factory.mktemp("v"), records, row_group_rows=row_group, documents_per_file=per_file)
    assert list(version.iter_documents()) == records
    same = RecordHash(RECIPE)
    for record in records:
        same.add(record)
    assert version.digest == same.hexdigest()


def test_the_id_depends_on_order_and_on_recipe(tmp_path: Path) -> None:
    hashes = set()
    for recipe, records in ((RECIPE, DOCUMENTS), (RECIPE, DOCUMENTS[::-1]), ({"op": "other"}, DOCUMENTS)):
        found = RecordHash(recipe)
        for record in records:
            found.add(record)
        hashes.add(found.hexdigest())
    assert len(hashes) == 3


def test_pages_of_documents_by_domain(tmp_path: Path) -> None:
    version = written(tmp_path, DOCUMENTS, row_group_rows=4)
    code = [document for document in DOCUMENTS if document.domain == "code"]
    assert version.documents(domain="code", offset=5, limit=4) == code[5:9]
    assert version.documents(offset=48, limit=10) == DOCUMENTS[48:]
    assert list(version.iter_documents("code")) == code
    assert version.domains == ["code", "prose"]
    assert version.manifest["domains"]["code"]["documents"] == len(code)
    assert version.manifest["counts"]["bytes"] == sum(len(d.text.encode()) for d in DOCUMENTS)
    assert version.manifest["licenses"] == {"MIT": 50}


def test_pages_of_dropped_documents(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    dropped = [DroppedDocument(d, "c4" if d.meta["n"] % 2 else "pii", "why", 0.5) for d in DOCUMENTS]
    with store.stage("dataset") as stage:
        with RowWriter(stage.path / DROPPED_FILE, DROPPED_SCHEMA, 5) as rows:
            for item in dropped:
                rows.add(item.as_row())
        version = DatasetVersion.open(stage.seal("ab" * 32, {}))
    assert (
        version.dropped(stage="c4", domain="code", limit=3)
        == [item for item in dropped if item.stage == "c4" and item.document.domain == "code"][:3]
    )
    assert version.dropped(offset=45) == dropped[45:]
    assert version.quarantine() == []


def test_documents_at_places_come_in_the_order_they_are_asked_for(tmp_path: Path) -> None:
    version = written(tmp_path, DOCUMENTS, row_group_rows=3, documents_per_file=20)
    assert version.documents_at([41, 0, 20, 19, 0]) == [DOCUMENTS[place] for place in (41, 0, 20, 19, 0)]
    assert version.documents_at([]) == []
    with pytest.raises(IndexError, match="no such document: 50 of 50"):
        version.documents_at([1, 50])
