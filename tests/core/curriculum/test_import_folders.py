"""Import of folders: HTML pages, texts and datasets saved by Hugging Face's library, and what can be wrong in them."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError, Problem
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_
from curriculum_app.core.readers.html_pages import head_of
from curriculum_app.core.readers.text_files import first_heading


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    return LocalContext(tmp_path / "work")


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def run(ctx: LocalContext, path: Path, **settings: object) -> DatasetVersion:
    config = ImportConfig.model_validate({"name": "x", "path": str(path), **settings})
    return DatasetVersion.open(import_.run(config, ctx).stored)


def problems(ctx: LocalContext, path: Path, **settings: object) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        run(ctx, path, **settings)
    assert not list((ctx.store.root / "dataset").glob("*")), "a failed job left something behind"
    return caught.value.problems


def quarantined(version: DatasetVersion) -> list[tuple[str, int, str]]:
    return [(record.file, record.line, record.reason) for record in version.quarantine()]


PAGE = b'<html><head><title>A &amp;\n B</title><link href="https://x.org/a?b=1&amp;c=2" rel="canonical"></head>hello'


def test_html_pages_are_found_at_any_depth_with_canonical_address_and_title(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "in",
        {"b.html": b"plain", "sub/deep/a.HTM": PAGE, "logo.png": b"\x89PNG", ".hidden.html": b"x", ".git/a.html": b"x"},
    )
    version = run(ctx, folder, domain="web")
    found = [(d.id, d.url, d.title, d.content, d.domain) for d in version.iter_documents()]
    assert found == [
        ("b.html", "b.html", "", "html", "web"),
        ("sub/deep/a.HTM", "https://x.org/a?b=1&c=2", "A & B", "html", "web"),
    ]
    assert version.documents(limit=2)[1].text == PAGE.decode(), "the page itself is kept until extraction"


@pytest.mark.parametrize(
    "page, address",
    [
        ("<link rel='x Canonical' href=http://x.org/>", "http://x.org/"),
        (
            '<!-- <link rel="canonical" href="http://old.org/"> --><link rel=canonical href="http://new.org/">',
            "http://new.org/",
        ),
        ('<link rel="canonical" href="/relative">', ""),
        ('<link rel="stylesheet" href="http://x.org/a.css">', ""),
        ('<body><link rel="canonical" href="http://x.org/">', ""),
    ],
)
def test_only_a_canonical_link_of_the_head_with_an_absolute_address_counts(page: str, address: str) -> None:
    assert head_of(page).canonical == address


@pytest.mark.parametrize("piece", ["<link ", "<!--", "<title", "<link rel=", "<link a a a a"])
def test_a_hostile_head_takes_linear_time(piece: str) -> None:
    assert head_of(piece * 200_000).canonical == ""


@pytest.mark.parametrize(
    "raw, text",
    [
        ('<meta charset="iso-8859-1">caf\u00e9 \u201cq\u201d'.encode("cp1252"), "caf\u00e9 \u201cq\u201d"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">\u0434\u0430'.encode("koi8-r"),
            "\u0434\u0430",
        ),
        ('<?xml version="1.0" encoding="Shift_JIS"?>\u65e5\u672c'.encode("cp932"), "\u65e5\u672c"),
        (b"\xef\xbb\xbf<meta charset=latin1>" + "\u00e9".encode(), "\u00e9"),
        (b"\xff\xfe" + "\u00e9".encode("utf-16-le"), "\u00e9"),
        ("<meta charset=utf-16>\u00e9".encode(), "\u00e9"),
        ("<meta charset=unicode_escape>\\u00e9 \u00e9".encode(), "\\u00e9 \u00e9"),
        ("<meta charset=no-such>\u00e9".encode(), "\u00e9"),
    ],
)
def test_pages_are_decoded_as_they_declare_else_as_utf_8(
    ctx: LocalContext, tmp_path: Path, raw: bytes, text: str
) -> None:
    (document,) = run(ctx, tree(tmp_path / "in", {"a.html": raw})).iter_documents()
    assert document.text.endswith(">" + text) or document.text == text


def test_mixed_encodings_nul_bytes_and_empty_or_long_files_are_quarantined(ctx: LocalContext, tmp_path: Path) -> None:
    good = {f"good/{n}.html": b"fine" for n in range(5)}
    bad = {
        "a.html": b"one\ntwo \xff\xfa",
        "b.html": b"<meta charset=utf-8>\xc3\xa9 and \xe9",
        "c.html": b"PK\x03\x04\n\x00\x00",
        "d.html": b"",
        "e.html": b"z" * 5000,
        "f.html": b"<meta charset=windows-1252>\n\n\x81",
    }
    version = run(ctx, tree(tmp_path / "in", good | bad), max_bad_fraction=0.9, max_record_bytes=4096)
    assert version.num_documents == 5
    assert quarantined(version) == [
        ("a.html", 2, "not UTF-8"),
        ("b.html", 1, "not UTF-8"),
        ("c.html", 2, "holds NUL, as binary files do"),
        ("d.html", 1, "text is empty"),
        ("e.html", 1, "longer than 4096 bytes"),
        ("f.html", 3, "not CP1252"),
    ]


def test_links_out_of_the_folder_are_not_followed(ctx: LocalContext, tmp_path: Path) -> None:
    tree(tmp_path / "other", {"secret.html": b"secret"})
    folder = tree(tmp_path / "in", {"a.html": b"first", "sub/c.html": b"third"})
    (folder / "b.html").symlink_to(tmp_path / "other" / "secret.html")
    (folder / "d.html").symlink_to("nowhere.html")
    (folder / "e.html").symlink_to("sub/c.html")
    (folder / "out").symlink_to(tmp_path / "other")
    (folder / "sub" / "loop").symlink_to(folder)
    os.mkfifo(folder / "f.html")
    version = run(ctx, folder, max_bad_fraction=0.9)
    assert [(d.id, d.text) for d in version.iter_documents()] == [
        ("a.html", "first"),
        ("e.html", "third"),
        ("sub/c.html", "third"),
    ]
    out = "a link that leads out of the folder, which is not followed"
    assert quarantined(version) == [
        ("out", 1, out),
        ("b.html", 1, out),
        ("d.html", 1, "a link that leads nowhere"),
        ("f.html", 1, "not a regular file"),
        ("sub/loop", 1, "a link to a folder, which is not followed"),
    ]


def test_unreadable_files_and_folders_are_quarantined(
    ctx: LocalContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is made here, as permissions do not bind the superuser."""
    folder = tree(tmp_path / "in", {"a.txt": b"first", "b.txt": b"second", "closed/c.txt": b"third"})
    scandir, opened = os.scandir, Path.open

    def refuse(path: object, act: object) -> object:
        if Path(str(path)).name in ("closed", "b.txt"):
            raise PermissionError(13, "Permission denied", str(path))
        return act

    monkeypatch.setattr(os, "scandir", lambda path: refuse(path, scandir)(path))
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: refuse(self, opened)(self, *a, **k))
    version = run(ctx, folder, format="text", max_bad_fraction=0.9)
    reason = "cannot be opened: Permission denied"
    assert quarantined(version) == [("b.txt", 1, reason), ("closed", 1, reason)]
    assert version.num_documents == 1


def test_too_many_bad_files_fail_naming_the_first_of_each_kind(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.txt": b"good", "sub/b.txt": b"one\n\xff"})
    overall, reason = problems(ctx, folder)
    assert "1 of 2 records are bad" in overall.message
    assert (reason.file, reason.line) == (str(folder / "sub/b.txt"), 2) and "not UTF-8" in reason.message


def test_texts_are_titled_by_heading_or_name(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "in",
        {
            "a.md": b"intro\n\n```sh\n# not this\n```\n\n## The *title* ##\r\n\n# Later\n",
            "b.markdown": b"no heading #5 here\n#hashtag\n",
            "c.txt": b"# a comment, not Markdown\n",
        },
    )
    found = [(d.id, d.title, d.content, d.url) for d in run(ctx, folder).iter_documents()]
    assert found == [
        ("a.md", "The *title*", "text", ""),
        ("b.markdown", "b.markdown", "text", ""),
        ("c.txt", "c.txt", "text", ""),
    ]


def test_a_fence_is_closed_by_its_own_marks_only() -> None:
    assert first_heading("~~~\n```\n# no\n~~~\n# yes #\n") == "yes"
    assert first_heading("# C#\n") == "C#"


def test_a_single_page_or_text_is_one_document(ctx: LocalContext, tmp_path: Path) -> None:
    tree(tmp_path, {"a.html": PAGE, "b.md": b"# T\n", "c.xyz": b"words"})
    assert run(ctx, tmp_path / "a.html").documents(limit=1)[0].url == "https://x.org/a?b=1&c=2"
    assert run(ctx, tmp_path / "b.md").documents(limit=1)[0].title == "T"
    assert run(ctx, tmp_path / "c.xyz", format="text").documents(limit=1)[0].id == "c.xyz"


def test_a_mapping_overrides_what_the_format_knows(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.html": PAGE})
    mapping = {"text": "text", "id": "url", "file": "path"}
    (document,) = run(ctx, folder, mapping=mapping).iter_documents()
    assert (document.id, document.meta) == ("https://x.org/a?b=1&c=2", {"file": "a.html"})
    hint = problems(LocalContext(folder / "w"), folder, mapping={"text": "body"})[1].hint
    assert hint == "keys in the file: text, path, url, title"


def test_two_pages_with_the_id_of_one_keep_the_first(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.html": PAGE, "b.html": b"other", "c.html": PAGE})
    version = run(ctx, folder, mapping={"text": "text", "id": "url"}, max_bad_fraction=0.5)
    assert [d.url for d in version.iter_documents()] == ["https://x.org/a?b=1&c=2", "b.html"]
    (record,) = version.quarantine()
    assert (record.file, record.reason) == ("c.html", "its id occurs before") and "a.html#1" in record.excerpt


def test_auto_asks_which_when_a_folder_holds_pages_and_texts(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", {"a.html": b"page", "sub/b.txt": b"text"})
    (problem,) = problems(ctx, folder)
    assert (problem.field, problem.file) == ("format", str(folder)) and "html or text" in problem.hint
    assert [d.id for d in run(ctx, folder, format="text").iter_documents()] == ["sub/b.txt"]


@pytest.mark.parametrize("kind", ["auto", "html", "text", "warc", "tsv"])
def test_a_folder_without_readable_files_is_named(ctx: LocalContext, tmp_path: Path, kind: str) -> None:
    folder = tree(tmp_path / "in", {"deep/down/.keep.html": b""})
    (problem,) = problems(ctx, folder, format=kind)
    assert problem.message == "the folder holds no readable file" and problem.field == "path"
    assert ".html" in problem.hint and problem.file == str(folder)


def save(folder: Path, shards: list[list[dict[str, object]]], split: str | None = None) -> Path:
    """As `datasets.Dataset.save_to_disk` writes it (datasets 5.2.0)."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{len(shards):05d}.arrow" for n in range(len(shards))]
    for name, rows in zip(names, shards, strict=True):
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_stream(folder / name, table.schema) as stream:
            stream.write_table(table, max_chunksize=3)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


ROWS = [{"text": f"text {n}", "about": {"url": f"https://x/{n}"}} for n in range(200)]


def test_a_saved_dataset_is_read_shard_by_shard(ctx: LocalContext, tmp_path: Path) -> None:
    folder = save(tmp_path / "pile", [ROWS[:70], ROWS[70:]])
    documents = list(run(ctx, folder, mapping={"text": "text", "url": "about.url"}).iter_documents())
    assert [d.text for d in documents] == [row["text"] for row in ROWS]
    assert (documents[-1].id, documents[-1].url) == ("pile/200", "https://x/199")


def test_a_saved_dictionary_names_the_split_in_the_id(ctx: LocalContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    save(folder / "train", [[{"text": "a"}, {"text": None}, {"text": "z" * 2000}]], "train")
    save(folder / "test", [[{"text": "b"}]], "test")
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    version = run(ctx, folder, max_bad_fraction=0.9, max_record_bytes=1024)
    assert [(d.id, d.text) for d in version.iter_documents()] == [("train/1", "a"), ("test/1", "b")]
    assert quarantined(version) == [("train", 2, "no key 'text'"), ("train", 3, "longer than 1024 bytes")]


def test_a_damaged_saved_dataset_names_the_file(ctx: LocalContext, tmp_path: Path) -> None:
    cut = save(tmp_path / "cut", [ROWS[:70], ROWS[70:]])
    shard = cut / "data-00001-of-00002.arrow"
    shard.write_bytes(shard.read_bytes()[:3000])
    (problem,) = problems(ctx, cut)
    assert problem.file == str(shard) and problem.line is not None and problem.line >= 70
    shard.unlink()
    (problem,) = problems(ctx, cut)
    assert problem.file == str(shard)


@pytest.mark.parametrize(
    "state, field",
    [
        ("[]", "path"),
        ("not json", "path"),
        ("{}", "_data_files"),
        ('{"_data_files": [{"filename": "../other/data.arrow"}]}', "_data_files"),
        ('{"_data_files": ["data.arrow"]}', "_data_files"),
        ('{"_data_files": [], "_indices_files": [{"filename": "indices.arrow"}]}', "_indices_files"),
    ],
)
def test_a_state_file_that_cannot_be_meant_is_named(ctx: LocalContext, tmp_path: Path, state: str, field: str) -> None:
    folder = tree(tmp_path / "in", {"state.json": state.encode()})
    (problem,) = problems(ctx, folder)
    assert (problem.field, problem.file) == (field, str(folder / "state.json")) and problem.hint


def test_any_other_folder_is_no_saved_dataset(ctx: LocalContext, tmp_path: Path) -> None:
    (problem,) = problems(ctx, tree(tmp_path / "in", {"a.html": b"x"}), format="arrow")
    assert "not a folder written by save_to_disk" in problem.message and problem.hint
