"""Files that were made to do harm, or grew too large: bombs, archives that reach out, endless lines; each by name."""

from __future__ import annotations

import gzip
import io
import json
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from chimera.context import Cancelled, LocalContext
from chimera.errors import InputError, Problem
from curriculum_app.core.configs import ImportConfig, PreviewConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_, preview
from curriculum_app.core.readers import archive, byte_lines
from tests.core.curriculum.test_media_folders import PNG

LINES = b'{"text": "one"}\n{"text": "two"}\n'


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path / "work")


def run(ctx: LocalContext, path: Path, **settings: object) -> DatasetVersion:
    config = ImportConfig.model_validate({"name": "x", "path": str(path), **settings})
    return DatasetVersion.open(import_.run(config, ctx).stored)


def problem(ctx: LocalContext, path: Path, **settings: object) -> Problem:
    """The only problem; nothing is left of the attempt."""
    with pytest.raises(InputError) as caught:
        run(ctx, path, **settings)
    assert not list((ctx.store.root / "dataset").glob("*")) and not list(ctx.scratch.iterdir())
    (found,) = caught.value.problems
    assert found.hint
    return found


def zipped(path: Path, members: dict[str, bytes], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            file.writestr(info, content)
    return path


def tarred(path: Path, members: dict[str, bytes | str], pack: Callable[[bytes], bytes] = gzip.compress) -> Path:
    """A `str` is the target of a link; a name that ends in `|` is a pipe."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name.rstrip("|"))
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            elif name.endswith("|"):
                info.type = tarfile.FIFOTYPE
            else:
                info.size = len(content)
            file.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    path.write_bytes(pack(raw.getvalue()))
    return path


# -- archives that are well --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.zst"])
def test_an_archive_of_one_folder_gives_the_version_of_that_folder(
    ctx: LocalContext, tmp_path: Path, name: str
) -> None:
    members = {"set/metadata.jsonl": b'{"file_name": "a.png", "text": "dot"}\n', "set/a.png": PNG, "__MACOSX/x": b"x"}
    if name == "a.zip":
        path = zipped(tmp_path / name, {"set/": b"", **members}, {"set/": stat.S_IFDIR | 0o755})
    else:
        packs = {"zst": zstandard.compress, "tar": bytes}
        path = tarred(tmp_path / name, dict(members), packs.get(name.rpartition(".")[2], gzip.compress))
    version = run(ctx, path)
    folder = tmp_path / "plain"
    folder.mkdir()
    for member, content in list(members.items())[:2]:
        (folder / member.removeprefix("set/")).write_bytes(content)
    assert version.digest == run(ctx, folder).digest
    assert version.stored.manifest["modalities"]["image_text"]["documents"] == 1
    assert not (ctx.scratch / "unpacked").exists()


def test_an_archive_of_one_file_is_that_file_and_archives_in_it_stay_closed(ctx: LocalContext, tmp_path: Path) -> None:
    assert run(ctx, zipped(tmp_path / "a.zip", {"deep/b.jsonl.gz": gzip.compress(LINES)})).num_documents == 2
    inner = zipped(tmp_path / "inner.zip", {"c.txt": b"hidden"}).read_bytes()
    version = run(ctx, zipped(tmp_path / "b.zip", {"a.txt": b"seen", "inner.zip": inner}))
    assert [document.text for document in version.iter_documents()] == ["seen"]


def test_an_archive_is_previewed_as_what_it_holds(ctx: LocalContext, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"set/a.jsonl": LINES})
    sample = preview.run(PreviewConfig(path=str(path)), ctx)
    assert (sample.format, len(sample.records)) == ("jsonl", 2)
    assert not list(ctx.scratch.iterdir())


def test_a_bad_file_in_an_archive_is_named_with_the_archive(ctx: LocalContext, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": LINES, "sub/b.jsonl": LINES, "empty.jsonl": b""})
    found = problem(ctx, path)
    assert found.file == str(path / "empty.jsonl") and "0 bytes" in found.message


# -- archives that reach out -------------------------------------------------------------------------------------------

OUT = "a path that leads out of the folder"
REACHING: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zip, path traversal": (
        lambda p: zipped(p / "a.zip", {"a.txt": b"x", "../../evil.txt": b"x"}),
        f"evil.txt', {OUT}",
    ),
    "zip, backslashes": (lambda p: zipped(p / "a.zip", {"..\\evil.txt": b"x"}), OUT),
    "zip, absolute": (lambda p: zipped(p / "a.zip", {"/etc/evil.txt": b"x"}), "'/etc/evil.txt', an absolute path"),
    "zip, drive": (lambda p: zipped(p / "a.zip", {"C:evil.txt": b"x"}), "an absolute path"),
    "zip, link": (
        lambda p: zipped(p / "a.zip", {"evil.txt": b"/etc/passwd"}, {"evil.txt": stat.S_IFLNK | 0o777}),
        "'evil.txt', which is a link",
    ),
    "zip, device": (
        lambda p: zipped(p / "a.zip", {"evil.txt": b""}, {"evil.txt": stat.S_IFCHR | 0o666}),
        "neither a file nor a folder",
    ),
    "zip, long name": (lambda p: zipped(p / "a.zip", {"z" * 300: b"x"}), "a path that is too long"),
    "zip, deep": (lambda p: zipped(p / "a.zip", {"d/" * 100 + "a.txt": b"x"}), "a path that is too long"),
    "zip, file and folder": (lambda p: zipped(p / "a.zip", {"a": b"x", "a/b.txt": b"x"}), "'a/b.txt', which occurs"),
    "tar, path traversal": (lambda p: tarred(p / "a.tar.gz", {"b/../../evil.txt": b"x"}), f"evil.txt', {OUT}"),
    "tar, absolute": (lambda p: tarred(p / "a.tar.gz", {"/tmp/evil.txt": b"x"}), "an absolute path"),
    "tar, link": (lambda p: tarred(p / "a.tar.gz", {"evil.txt": "/etc/passwd"}), "'evil.txt', which is a link"),
    "tar, link to a folder that is written through": (
        lambda p: tarred(p / "a.tgz", {"out": "/tmp", "out/evil.txt": b"x"}),
        "'out', which is a link",
    ),
    "tar, pipe": (lambda p: tarred(p / "a.tar", {"evil.txt|": b""}, bytes), "neither a plain file nor a folder"),
}


@pytest.mark.parametrize("make, said", REACHING.values(), ids=REACHING.keys())
def test_an_archive_that_reaches_out_is_refused_by_the_members_name(
    ctx: LocalContext, tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    path = make(tmp_path)
    found = problem(ctx, path)
    assert said in found.message and (found.field, found.file) == ("path", str(path))
    assert not list(tmp_path.rglob("evil*"))


def test_a_member_that_occurs_twice_is_refused(ctx: LocalContext, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a.txt", b"one")
        file.writestr("a.txt", b"two")
    assert "'a.txt', which occurs twice" in problem(ctx, tmp_path / "a.zip").message


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.zst", "a.tar"])
def test_an_archive_that_is_none_or_was_cut_off_is_named(ctx: LocalContext, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"plain words, nothing else. " * 100)
    assert "the archive cannot be read" in problem(ctx, tmp_path / name).message
    whole = tarred(tmp_path / "whole.tar.gz", {"a.txt": bytes(range(256)) * 400}).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "the archive cannot be read" in problem(ctx, tmp_path / "cut.tar.gz").message


def test_an_encrypted_zip_is_refused(ctx: LocalContext, tmp_path: Path) -> None:
    raw = bytearray(zipped(tmp_path / "a.zip", {"a.txt": b"secret"}).read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    assert "'a.txt', which is encrypted" in problem(ctx, tmp_path / "a.zip").message


def test_unpacking_can_be_cancelled(ctx: LocalContext, tmp_path: Path) -> None:
    ctx.requested = "cancel"
    with pytest.raises(Cancelled):
        run(ctx, zipped(tmp_path / "a.zip", {"a.txt": b"x"}))
    assert not list(ctx.scratch.iterdir())


# -- decompression bombs -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratios count from 1 MiB, so that the bombs here may be small."""
    for module in (archive, byte_lines):
        monkeypatch.setattr(module, "RATIO_COUNTS_FROM", 1 << 20)


ZEROS = bytes(20 << 20)
MANY_LINES = (b'{"text": "' + b"again " * 20_000 + b'"}\n') * 160
BOMBS: dict[str, Callable[[Path], Path]] = {
    "zip": lambda p: zipped(p / "a.zip", {"a.txt": ZEROS}),
    "zip of many": lambda p: zipped(p / "a.zip", {f"{n}.txt": ZEROS[: 2 << 20] for n in range(10)}),
    "tar.gz": lambda p: tarred(p / "a.tar.gz", {"a.txt": ZEROS}),
    "tar.zst": lambda p: tarred(p / "a.tar.zst", {"a.txt": ZEROS}, zstandard.compress),
}


@pytest.mark.usefixtures("small_bombs")
@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS.keys())
def test_an_archive_that_is_a_bomb_is_refused_before_it_fills_the_disk(
    ctx: LocalContext, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    assert "more than 250 times its size, as decompression bombs do" in problem(ctx, make(tmp_path)).message


@pytest.mark.usefixtures("small_bombs")
@pytest.mark.parametrize("suffix, pack", [("gz", gzip.compress), ("zst", zstandard.compress)])
@pytest.mark.parametrize(
    "content", [ZEROS, (b'{"text": "' + b"again " * 20_000 + b'"}\n') * 160], ids=["one line", "many lines"]
)
def test_a_packed_file_that_is_a_bomb_is_refused_with_its_line(
    ctx: LocalContext, tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(pack(content))
    found = problem(ctx, path, max_record_bytes=1024)
    assert "decompression bombs" in found.message and found.line is not None and found.file == str(path)


def test_an_archive_larger_than_allowed_names_the_setting(ctx: LocalContext, tmp_path: Path) -> None:
    found = problem(ctx, zipped(tmp_path / "a.zip", {"a.txt": b"word " * 1000}), max_unpacked_bytes=4096)
    assert found.field == "max_unpacked_bytes" and "more than 4,096 bytes" in found.message


def test_an_archive_of_too_many_members_is_refused(
    ctx: LocalContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    for path in (
        tarred(tmp_path / "a.tar.gz", {f"{n}.txt": b"x" for n in range(6)}),
        zipped(tmp_path / "a.zip", {f"{n}.txt": b"x" for n in range(6)}),
    ):
        assert "more than 5 members" in problem(ctx, path).message


def test_a_zip_with_a_huge_directory_is_refused_before_it_is_read(ctx: LocalContext, tmp_path: Path) -> None:
    raw = bytearray(zipped(tmp_path / "a.zip", {"a.txt": b"x"}).read_bytes())
    struct.pack_into("<L", raw, raw.index(b"PK\x05\x06") + 12, 1 << 30)
    (tmp_path / "a.zip").write_bytes(raw)
    assert "a directory of more than 32 MiB" in problem(ctx, tmp_path / "a.zip").message


def test_a_tar_with_an_endless_header_is_refused_in_little_memory(ctx: LocalContext, tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 60 << 20
    (tmp_path / "a.tar.zst").write_bytes(zstandard.compress(info.tobuf() + bytes(60 << 20)))
    tracemalloc.start()
    assert "a header is longer than 4 MiB" in problem(ctx, tmp_path / "a.tar.zst").message
    assert tracemalloc.get_traced_memory()[1] < 30 << 20
    tracemalloc.stop()


# -- endless lines -----------------------------------------------------------------------------------------------------


def test_a_line_of_100_mb_goes_to_quarantine_in_little_memory(ctx: LocalContext, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(LINES + b'{"text": "')
        for _ in range(100):
            file.write(b"z" * (1 << 20))
        file.write(b'"}\n' + json.dumps({"text": "three"}).encode() + b"\n")
    tracemalloc.start()
    version = run(ctx, path, max_bad_fraction=0.5, max_record_bytes=1 << 20)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    assert version.num_documents == 3
    assert [(record.line, record.reason) for record in version.quarantine()] == [(3, f"longer than {1 << 20} bytes")]
