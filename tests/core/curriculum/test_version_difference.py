"""The difference of two dataset versions."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chimera.artefacts import ArtefactStore
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.version_difference import KINDS, Change, VersionDifference, compare, write_difference


def version(root: Path, texts, **how) -> DatasetVersion:
    """A version of `(id, domain, text)`, stored."""
    with ArtefactStore(root).stage("dataset") as staged:
        with DatasetWriter(staged.path, {}, **how) as writer:
            for name, domain, text in texts:
                writer.add(Document(name, text, domain))
        return DatasetVersion.open(staged.seal(writer.digest(), writer.facts()))


OLD = [("a", "prose", "same"), ("b", "prose", "old"), ("c", "prose", "gone"), ("d", "code", "moves")]
NEW = [("e", "code", "née"), ("b", "prose", "newer"), ("a", "prose", "same"), ("d", "prose", "moves")]


def test_documents_are_added_removed_and_changed(tmp_path):
    changes, domains = compare(version(tmp_path, OLD), version(tmp_path, NEW))
    assert list(changes) == [
        Change("added", "e", "code", 4),
        Change("changed", "b", "prose", 5),
        Change("added", "d", "prose", 5),
        Change("removed", "c", "prose", 4),
        Change("removed", "d", "code", 5),
    ]
    prose = {side: (counts["documents"], counts["bytes"]) for side, counts in domains["prose"].as_json().items()}
    assert prose == {"before": (3, 11), "after": (3, 14), "added": (1, 5), "removed": (1, 4), "changed": (1, 5)}


def test_order_and_files_make_no_difference(tmp_path):
    left = version(tmp_path, OLD)
    right = version(tmp_path, reversed(OLD), documents_per_file=1, row_group_rows=1)
    changes, domains = compare(left, right)
    assert list(changes) == []
    assert not any(entry.differs for entry in domains.values())


def test_documents_of_one_id_are_paired_by_their_text_first(tmp_path):
    left = version(tmp_path, [("a", "prose", "x"), ("a", "prose", "y"), ("a", "prose", "z")])
    right = version(tmp_path, [("a", "prose", "z"), ("a", "prose", "new")])
    changes = [(change.kind, change.num_bytes) for change in compare(left, right)[0]]
    assert changes == [("changed", 3), ("removed", 1)]


def test_a_written_difference_is_paged_by_kind_and_domain(tmp_path):
    old = [(f"o{number}", ("prose", "code")[number % 2], "x") for number in range(300)]
    write_difference(version(tmp_path, old), version(tmp_path, NEW), tmp_path / "difference.parquet")
    found = VersionDifference.open(tmp_path / "difference.parquet")
    assert [entry.domain for entry in found.domains] == ["code", "prose"]
    assert found.count("removed") == 300
    assert found.count("removed", "code") == 150
    assert found.ids("removed", "code", offset=148, limit=50) == [("o297", "code"), ("o299", "code")]
    assert found.ids("added", limit=2) == [("e", "code"), ("b", "prose")]
    assert found.ids("changed") == []
    assert (found.total.before.documents, found.total.after.documents) == (300, 4)


document = st.tuples(st.sampled_from("abcd"), st.sampled_from(["prose", "code"]), st.sampled_from(["", "x", "é", "\0"]))


@given(st.lists(document, max_size=8), st.lists(document, max_size=8))
def test_the_counts_add_up_and_turn_round(old, new):
    with tempfile.TemporaryDirectory() as root:
        left, right = version(Path(root), old), version(Path(root), new)
        changes, domains = compare(left, right)
        kinds = Counter(change.kind for change in changes)
        back, _ = compare(right, left)
        turned = Counter(change.kind for change in back)
    for entry in domains.values():
        assert entry.before.documents - entry.removed.documents + entry.added.documents == entry.after.documents
        assert entry.before.documents == sum(domain == entry.domain for _, domain, _ in old)
    assert {kind: sum(getattr(entry, kind).documents for entry in domains.values()) for kind in KINDS} == {
        kind: kinds[kind] for kind in KINDS
    }
    ids = {(name, domain) for name, domain, _ in [*old, *new]}
    if len(ids) == len({*old, *new}):  # no id with two texts
        assert (turned["added"], turned["removed"], turned["changed"]) == (kinds["removed"], kinds["added"], 0)
    if Counter(old) == Counter(new):
        assert not kinds
