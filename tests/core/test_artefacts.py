"""The artefact store: all of a directory or nothing, the same content once, damage is found."""

from pathlib import Path

import pytest

from chimera.artefacts import MANIFEST, ArtefactStore, Stored

DIGEST = "ab" + "0" * 62


def seal(store: ArtefactStore, text: str = "hello") -> Stored:
    with store.stage("note") as stage:
        (stage.path / "note.txt").write_text(text)
        return stage.seal(DIGEST, {"name": "one"})


def staged(store: ArtefactStore) -> list[Path]:
    return list(store.root.glob("*/tmp-*"))


def test_a_sealed_artefact_names_its_files_with_their_sha256(tmp_path: Path) -> None:
    stored = seal(ArtefactStore(tmp_path))
    assert stored.path == tmp_path / "note" / "ab" / DIGEST
    assert (stored.manifest["name"], stored.manifest["kind"], stored.bytes) == ("one", "note", 5)
    assert list(stored.manifest["files"]) == ["note.txt"]
    assert ArtefactStore(tmp_path).load("note", DIGEST) == stored


def test_the_same_content_a_second_time_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    first = seal(store)
    before = (first.path / MANIFEST).stat().st_mtime_ns
    assert seal(store) == first
    assert (first.path / MANIFEST).stat().st_mtime_ns == before and staged(store) == []


def test_what_is_not_sealed_leaves_nothing(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    with pytest.raises(ZeroDivisionError), store.stage("note") as stage:
        (stage.path / "note.txt").write_text("half")
        raise ZeroDivisionError
    assert staged(store) == [] and not store.has("note", DIGEST)
    with pytest.raises(FileNotFoundError):
        store.load("note", DIGEST)


def test_a_changed_and_a_missing_file_are_found(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    stored = seal(store)
    assert store.verify(stored) == {}
    (stored.path / "note.txt").write_text("hallo")
    assert store.verify(stored) == {"note.txt": "was changed"}
    (stored.path / "note.txt").unlink()
    (stored.path / "more.txt").write_text("not ours")
    seen: list[int] = []
    assert store.verify(stored, seen.append) == {"note.txt": "is missing", "more.txt": "does not belong to it"}
    assert seen == []


def test_what_is_taken_away_is_gone_at_once_and_removed_later(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    seal(store)
    taken = store.take_away("note", DIGEST)
    assert taken is not None and not store.has("note", DIGEST) and (taken / DIGEST / MANIFEST).is_file()
    assert store.take_away("note", DIGEST) is None
    store.discard_staged()
    assert taken.is_dir()
    store.discard_taken()
    assert not taken.exists()
    assert seal(store).path.is_dir()


def test_an_owner_discards_what_it_has_staged_and_nothing_else(tmp_path: Path) -> None:
    mine, other = ArtefactStore(tmp_path, owner="job-1"), ArtefactStore(tmp_path, owner="job-12")
    stored = seal(mine)
    with mine.stage("note") as first, other.stage("note") as second:
        mine.discard_staged()
        assert (first.path.exists(), second.path.exists()) == (False, True)
    assert mine.verify(stored) == {}
