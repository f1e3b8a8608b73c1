"""Bad input fails its job with problems that help, leaves nothing behind, and can be tried again once mended."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from curriculum_app.models import DatasetVersion, Schedule, SequenceSet
from tests.conftest import signed_in
from tests.factories import make_dataset, make_documents, make_sequences

pytestmark = pytest.mark.django_db


def run(actor: Actor, kind: str, config: dict[str, Any]) -> Job:
    job, _ = services.start(actor, kind, config)
    assert run_next("cpu")
    job.refresh_from_db()
    return job


def failed(job: Job) -> list[dict[str, Any]]:
    """Its problems, each of which says what to do."""
    assert (job.state, job.error_class) == (State.FAILED, "InputError"), job.error_text
    assert job.problems and all(problem["hint"] for problem in job.problems), job.problems
    assert job.artifacts == {} and job.message
    return list(job.problems)


@pytest.fixture
def stored(settings: Any) -> Callable[[], list[str]]:
    """Every artefact directory, staged ones included."""
    root = Path(settings.DATA_DIR) / "artefacts"
    return lambda: sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir())


@pytest.fixture
def nothing_arrives(stored: Callable[[], list[str]]) -> Iterator[None]:
    """The store and the tables hold after the test what they held before it, and no directory is half-written."""
    yield
    assert [path for path in stored() if "tmp-" in path] == []
    assert [path for path in stored() if path.count("/") == 2] == []
    assert not DatasetVersion.objects.exists() and not SequenceSet.objects.exists() and not Schedule.objects.exists()


# -- import ------------------------------------------------------------------------------------------------------------

GOOD = [{"id": f"r{number}", "text": f"Record {number} holds a sentence of its own."} for number in range(1, 41)]


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def noise(count: int) -> bytes:
    return random.Random(0).randbytes(count)


@dataclass(frozen=True)
class BadFile:
    """What a file holds, how it is imported, and what is said: (field, line, words) of each problem."""

    name: str
    content: bytes
    told: list[tuple[str, int | None, str]]
    config: dict[str, Any] = field(default_factory=dict)


MANY = lines(*GOOD * 50)
BAD_FILES = {
    "zero bytes": BadFile("a.jsonl", b"", [("path", None, "the file is empty (0 bytes)")]),
    "blank lines only": BadFile("a.jsonl", b"\n\n \n", [("path", None, "no records in it")]),
    "a name that says no format": BadFile("a.dat", MANY, [("format", None, "its name does not say the format")]),
    "gzip cut off": BadFile(
        "a.jsonl.gz", gzip.compress(MANY)[:-20], [("path", None, "the compressed file ends too early, after line 19")]
    ),
    "gzip cut off in its first line": BadFile(
        "a.jsonl.gz", gzip.compress(MANY)[:60], [("path", None, "the compressed file ends too early")]
    ),
    "not gzip": BadFile("a.jsonl.gz", MANY, [("path", None, "cannot be read after line 0: Not a gzipped file")]),
    "zstandard cut off": BadFile(
        "a.jsonl.zst", zstandard.compress(MANY)[:-20], [("path", None, "the compressed file ends too early")]
    ),
    "not UTF-8": BadFile(
        "a.jsonl",
        b"".join(b'{"text": "caf\xe9 au lait"}\n' for _ in range(3)),
        [("max_bad_fraction", None, "3 of 3 records are bad"), ("", 1, "not UTF-8 (3×, first here)")],
    ),
    "a huge line": BadFile(
        "a.jsonl",
        lines(GOOD[0], {"text": "x" * 100_000}, GOOD[1]),
        [("max_bad_fraction", None, "1 of 3 records are bad"), ("", 2, "longer than 2048 bytes")],
        {"max_record_bytes": 2048},
    ),
    "text that is a number": BadFile(
        "a.jsonl",
        lines(GOOD[0], {"text": 7}, {"text": 8}),
        [("max_bad_fraction", None, "2 of 3"), ("mapping.text", 2, "text is a number, not a string (2×, first here)")],
    ),
    "a title that is a list": BadFile(
        "a.jsonl",
        lines({"text": "some", "name": ["a"]}),
        [("max_bad_fraction", None, "1 of 1"), ("mapping.title", 1, "title is a list, not a string")],
        {"mapping": {"text": "text", "title": "name"}},
    ),
    "a mapping that matches nothing": BadFile(
        "a.jsonl",
        lines(*GOOD),
        [("max_bad_fraction", None, "40 of 40 records are bad"), ("mapping.text", 1, "no key 'body'")],
        {"mapping": {"text": "body"}},
    ),
    "a mapping of the title that matches nothing": BadFile(
        "a.jsonl",
        lines(*GOOD),
        [("mapping.title", None, "no record has a key 'headline'")],
        {"mapping": {"text": "text", "title": "headline"}},
    ),
    "lines that are not JSON": BadFile(
        "a.jsonl",
        lines(GOOD[0]) + b'{"text": "open\n["a list"]\n',
        [("max_bad_fraction", None, "2 of 3"), ("", 2, "not JSON"), ("", 3, "not a JSON object")],
    ),
    "a picture called jsonl": BadFile(
        "a.jsonl", noise(30_000) + b"\0\n\0\n", [("max_bad_fraction", None, "records are bad"), ("", 1, "not UTF-8")]
    ),
    "NUL bytes": BadFile(
        "a.jsonl", b"\0\0\0\n" * 5, [("max_bad_fraction", None, "5 of 5"), ("", 1, "not JSON (5×, first here)")]
    ),
    "a table with a torn row": BadFile(
        "a.csv",
        b"id,text\n1,one\n2\n",
        [("max_bad_fraction", None, "1 of 2"), ("", 3, "1 columns where the header has 2")],
    ),
    "a header that is not UTF-8": BadFile("a.csv", b"id,t\xe9xt\n1,one\n", [("path", 1, "its header is not UTF-8")]),
    "Parquet that is none": BadFile("a.parquet", b"PAR1 and then nothing", [("path", None, "cannot be read as Par")]),
}  # fmt: skip


@pytest.mark.usefixtures("nothing_arrives")
@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_named_with_line_and_field(bad: BadFile, editor: Actor, tmp_path: Path) -> None:
    path = tmp_path / bad.name
    path.write_bytes(bad.content)
    problems = failed(run(editor, "import", {"name": "bad", "path": str(path), **bad.config}))
    found = [(problem["field"], problem["line"], problem["message"]) for problem in problems]
    for (where, line, words), (told_field, told_line, message) in zip(bad.told, found, strict=False):
        assert (told_field, words in message) == (where, True), found
        assert line is None or told_line == line
    assert len(found) >= len(bad.told)
    assert {problem["file"] for problem in problems} == {str(path)}


@pytest.mark.usefixtures("nothing_arrives")
@pytest.mark.parametrize("what", ["missing", "below a file", "a folder without files", "a folder of other files"])
def test_a_path_without_a_readable_file_is_told(what: str, editor: Actor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.docx").write_text("no records")
    paths = {"missing": "no.jsonl", "below a file": "other/notes.docx/a.jsonl"}
    path = tmp_path / (paths.get(what) or ("empty" if what == "a folder without files" else "other"))
    problem = failed(run(editor, "import", {"name": "bad", "path": str(path)}))[0]
    assert (problem["field"], problem["file"]) == ("path", str(path))
    assert problem["message"] in ("there is no such file on this worker", "the folder holds no readable file")


@pytest.mark.usefixtures("nothing_arrives")
def test_a_file_that_may_not_be_read_is_told(editor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read anything, so the refusal comes from `open` itself."""
    path = tmp_path / "secret.jsonl"
    path.write_bytes(lines(*GOOD))
    opened = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    problem = failed(run(editor, "import", {"name": "bad", "path": str(path)}))[0]
    assert (problem["field"], problem["file"]) == ("path", str(path))
    assert "cannot be opened: Permission denied" in problem["message"]


def test_a_failed_import_succeeds_when_it_is_tried_again_with_the_file_mended(
    editor: Actor, tmp_path: Path, stored: Callable[[], list[str]]
) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(MANY)[:-20])
    job = run(editor, "import", {"name": "books", "path": str(path)})
    failed(job)
    path.write_bytes(gzip.compress(MANY))
    services.retry(editor, job)
    assert run_next("cpu")
    job.refresh_from_db()
    assert (job.state, job.problems, job.error_class, job.error_text) == (State.SUCCEEDED, [], "", "")
    version = DatasetVersion.objects.get()
    assert job.artifacts == {"dataset": version.uid} and version.documents == 2000
    assert [path for path in stored() if path.count("/") == 2] == [f"dataset/{version.digest[:2]}/{version.digest}"]


def test_a_few_bad_records_go_to_a_quarantine_that_can_be_counted_and_opened(editor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    bad = b'{"text": 7}\n{"text": "caf\xe9"}\n{"text": "\\u0000", "x": \n\0\n' + lines({"text": "  "})
    path.write_bytes(lines(*GOOD) + bad)
    job = run(editor, "import", {"name": "mixed", "path": str(path), "max_bad_fraction": 0.2})
    assert job.state == State.SUCCEEDED, job.error_text
    version = DatasetVersion.objects.get()
    assert (version.documents, version.manifest["quarantine"]["records"]) == (40, 5)
    reasons = version.manifest["quarantine"]["reasons"]
    assert reasons == {"not JSON": 2, "text is a number, not a string": 1, "not UTF-8": 1, "text is empty": 1}
    page = signed_in(editor).get(reverse("dataset-quarantine", args=[version.pk])).content.decode()
    for shown in [*reasons, "mixed.jsonl", ">41<", ">45<"]:
        assert shown in page, shown
    assert "5 of 45 records are in quarantine" in "\n".join(job.logs.values_list("text", flat=True))


def test_a_file_whose_name_is_no_text_can_be_imported(editor: Actor, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9.jsonl")).write_bytes(lines(*GOOD, {"text": 7}))
    job = run(editor, "import", {"name": "odd", "path": str(folder), "max_bad_fraction": 0.1})
    assert job.state == State.SUCCEEDED, job.error_text


# -- curation, grouping, scheduling ------------------------------------------------------------------------------------


def counts() -> tuple[int, int, int]:
    return DatasetVersion.objects.count(), SequenceSet.objects.count(), Schedule.objects.count()


def test_a_corpus_that_is_empty_after_its_filters_names_the_stage_that_took_most(
    editor: Actor, stored: Callable[[], list[str]]
) -> None:
    raw = make_dataset(editor, documents=make_documents(12))
    before = stored(), counts()
    recipe = [{"key": "min_length", "config": {"min_chars": 5000}}]
    config = {"name": "strict", "datasets": [raw.uid], "recipes": {"prose": recipe, "code": recipe}}
    problem = failed(run(editor, "curate", config))[0]
    assert problem["field"] in ("recipes.prose", "recipes.code")
    assert "nothing is left" in problem["message"] and "too_short 6×" in problem["message"]
    assert (stored(), counts()) == before


def test_a_domain_without_a_recipe_is_named(editor: Actor, stored: Callable[[], list[str]]) -> None:
    raw = make_dataset(editor)
    before = stored(), counts()
    problem = failed(run(editor, "curate", {"name": "half", "datasets": [raw.uid], "recipes": {"prose": []}}))[0]
    assert (problem["field"], problem["message"]) == ("recipes", "domain 'code' has no recipe")
    assert (stored(), counts()) == before


def test_more_held_out_text_than_a_domain_has_is_refused_with_the_most_there_is(
    editor: Actor, stored: Callable[[], list[str]]
) -> None:
    raw = make_dataset(editor)
    before = stored(), counts()
    config = {"name": "small", "dataset": raw.uid, "vocab_size": 300, "held_out_tokens": 5000}
    problem = failed(run(editor, "group", config))[0]
    assert problem["field"] == "held_out_tokens" and "is too small" in problem["message"]
    kept = [path for path in stored() if not path.startswith("alike")]  # near-duplicates of the import: found for good
    assert (kept, counts()) == before


@pytest.mark.parametrize(
    ("budget", "words", "hint"),
    [
        (10_000_000, "is larger than the", "at most"),
        (32 * 100 + 1, "is not a multiple of the sequence length 32", "use 3200 or 3232"),
        (7, "is not a multiple of the sequence length 32", "use 32"),
    ],
)
def test_an_impossible_budget_is_refused_with_the_nearest_possible_one(
    budget: int, words: str, hint: str, editor: Actor, stored: Callable[[], list[str]]
) -> None:
    sequences = make_sequences(editor)
    before = stored(), counts()
    config = {"name": "arm", "sequences": sequences.uid, "policy": {"key": "shuffle"}, "budget_tokens": budget}
    with pytest.raises(InputError) as caught:
        services.start(editor, "schedule", config)
    (problem,) = caught.value.problems
    assert problem.field == "budget_tokens" and words in problem.message and hint in problem.hint
    assert (stored(), counts()) == before and not Job.objects.exists()


def test_a_study_over_an_impossible_budget_is_refused_with_the_sentence_of_its_schedules(editor: Actor) -> None:
    sequences = make_sequences(editor)
    with pytest.raises(InputError) as caught:
        services.start(editor, "study", {"sequences": sequences.uid, "budget_tokens": 33, "seeds": [1, 2, 3]})
    (problem,) = caught.value.problems
    assert problem.field == "budget_tokens" and "not a multiple of the sequence length 32" in problem.message
    assert not Job.objects.exists()


def test_a_version_whose_files_are_gone_fails_with_a_sentence(editor: Actor, settings: Any) -> None:
    raw = make_dataset(editor)
    (Path(settings.DATA_DIR) / "artefacts").rename(Path(settings.DATA_DIR) / "elsewhere")
    job = run(editor, "group", {"name": "lost", "dataset": raw.uid})
    assert job.state == State.FAILED and "FileNotFoundError" in job.message and raw.digest in job.message
