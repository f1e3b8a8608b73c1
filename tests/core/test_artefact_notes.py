"""Notes beside the artefacts: believed only while what they name is there."""

from pathlib import Path
from shutil import rmtree

from chimera.artefact_notes import find_made, forget_verified, last_verification, note_verified, remember_made
from chimera.artefacts import ArtefactStore, Stored

DIGEST, KEY = "ab" + "0" * 62, "f" * 64


def seal(store: ArtefactStore) -> Stored:
    with store.stage("note") as stage:
        (stage.path / "note.txt").write_text("hello")
        return stage.seal(DIGEST, {})


def test_what_was_made_is_found_until_it_is_gone(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    stored = seal(store)
    assert find_made(store, "note", KEY) is None
    remember_made(store, KEY, stored)
    remember_made(store, KEY, stored)
    assert find_made(store, "note", KEY) == stored
    assert find_made(store, "note", "0" * 64) is None
    rmtree(stored.path)
    assert find_made(store, "note", KEY) is None
    seal(store)
    assert find_made(store, "note", KEY) is None, "forgotten when the artefact was gone"


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    remember_made(store, KEY, seal(store))
    note = tmp_path / "made" / "note" / f"{KEY}.json"
    for damaged in (b"", b"[]", b'{"digest": "../../etc"}', b'{"digest": 3}', b"\xff"):
        note.write_bytes(damaged)
        assert find_made(store, "note", KEY) is None


def test_a_verification_is_kept_until_the_next_one(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    stored = seal(store)
    assert last_verification(store, "note", DIGEST) is None
    noted = note_verified(store, stored, ["note.txt"])
    assert last_verification(store, "note", DIGEST) == noted
    assert (noted.files, noted.bytes, noted.damaged, noted.when.utcoffset() is not None) == (1, 5, ("note.txt",), True)
    note_verified(store, stored, [])
    assert last_verification(store, "note", DIGEST).damaged == ()  # type: ignore[union-attr]
    forget_verified(store, "note", DIGEST)
    assert last_verification(store, "note", DIGEST) is None
