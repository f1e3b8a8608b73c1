"""Curation end to end: the golden documents' fates, resuming, the funnel, and what makes it fail."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from chimera.context import LocalContext, Paused
from chimera.errors import InputError
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate

GOLDEN = [json.loads(line) for line in (Path(__file__).parents[2] / "fixtures/curation_golden.jsonl").open()]
STAGES = {"language": "language", "gopher_rep": "gopher_repetition", "gopher_qual": "gopher_quality", "c4": "c4"}
FINEWEB_ORDER = [
    {"key": "language", "config": {"languages": ["en"]}},
    *({"key": key} for key in ("gopher_repetition", "gopher_quality", "c4", "fineweb", "min_length")),
]
PROSE = (
    "The harbour master wrote to {0}@port.example about the {1} ships that had waited since dawn, and he asked that "
    "the captain of the {1}th be sent to him with the papers of the voyage, for the {0} tide would not hold till noon. "
)
CITIES = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima"]


class Counting(LocalContext):
    """Stops at the given look at the controls."""

    looks = 0
    stop_at = -1

    def check(self) -> None:
        self.looks += 1
        if self.looks == self.stop_at:
            raise Paused


@pytest.fixture
def ctx(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "work")


def add(ctx: LocalContext, ref: str, documents: list[Document], row_group: int = 3) -> None:
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"op": "test", "ref": ref}, row_group_rows=row_group) as writer:
            for document in documents:
                writer.add(document)
        ctx.artefacts[ref] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))


def configured(*refs: str, **settings: object) -> CurateConfig:
    return CurateConfig.model_validate({"name": "c", "datasets": list(refs), "workers": 1, **settings})


def run(ctx: LocalContext, config: CurateConfig) -> DatasetVersion:
    return DatasetVersion.open(curate.run(config, ctx).stored)


def corpus() -> list[Document]:
    texts = [PROSE.format(city, number) * 2 for number, city in enumerate(CITIES)]
    documents = [Document(f"p{n}", text, "prose", "s", "MIT") for n, text in enumerate(texts)]
    copies = [Document(f"w{n}", texts[n] + " Posted again.", "web", "t", "MIT") for n in (2, 5)]
    return [*documents, Document("short", "No.", "prose"), *copies]


SMALL = {
    "recipes": {"prose": [{"key": "min_length"}], "web": []},
    "near_duplicates": {"priority": ["prose", "web"], "threshold": 0.9},
}


def test_every_golden_document_meets_its_fate(ctx: Counting) -> None:
    add(ctx, "dataset-1", [Document(record["id"], record["text"], "web") for record in GOLDEN])
    version = run(ctx, configured("dataset-1", recipes={"web": FINEWEB_ORDER}))
    dropped = {item.document.id: (item.stage, item.reason) for item in version.dropped()}
    for record in GOLDEN:
        if record["fate"] == "kept":
            assert record["id"] not in dropped
        else:
            expected = record["fate"].replace("lang:", "language_")
            assert dropped[record["id"]] == (STAGES[record["stage"]], expected)
    assert [document.id for document in version.iter_documents()] == ["good"]


def test_duplicates_are_removed_across_domains_and_addresses_after_that(ctx: Counting) -> None:
    add(ctx, "dataset-1", corpus())
    version = run(ctx, configured("dataset-1", **SMALL))
    assert [d.id for d in version.iter_documents()] == [f"p{n}" for n in range(12)]
    assert all("email@example.com" in d.text and "port.example" not in d.text for d in version.iter_documents())
    duplicates = version.dropped(stage="near_duplicates")
    assert [(item.document.id, item.kept_id) for item in duplicates] == [("w2", "p2"), ("w5", "p5")]
    assert all(item.jaccard is not None and item.jaccard >= 0.9 for item in duplicates)
    assert (
        "bravo@port.example" not in duplicates[0].document.text
        and "charlie@port.example" in duplicates[0].document.text
    )
    matrix = version.manifest["duplicates"]["matrix"]
    assert matrix["prose"]["web"]["documents"] == 2 and list(matrix) == ["prose"]


def test_the_funnel_accounts_for_every_document_and_byte(ctx: Counting) -> None:
    documents = corpus()
    add(ctx, "dataset-1", documents)
    version = run(ctx, configured("dataset-1", **SMALL))
    for domain, stages in version.manifest["funnel"].items():
        inputs = [d for d in documents if d.domain == domain]
        assert (stages[0]["in"], stages[0]["bytes_in"]) == (len(inputs), sum(d.num_bytes for d in inputs))
        for stage, following in zip(stages, [*stages[1:], None], strict=True):
            assert stage["in"] - stage["out"] == stage["dropped"] == sum(stage["reasons"].values())
            assert following is None or (following["in"], following["bytes_in"]) == (stage["out"], stage["bytes_out"])
        assert stages[-1]["out"] == version.manifest["domains"].get(domain, {"documents": 0})["documents"]
    stages = [stage["stage"] for stage in version.manifest["funnel"]["prose"]]
    assert stages == ["min_length", "exact_duplicates", "near_duplicates", "pii"]
    assert len(version.dropped()) == 3


def test_the_id_depends_on_recipe_and_parents_only(
    ctx: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ctx, "dataset-1", corpus())
    add(ctx, "dataset-2", corpus(), row_group=1000)
    first = run(ctx, configured("dataset-1", **SMALL))
    again = run(ctx, configured("dataset-1", **SMALL, name="other name"))
    fresh = LocalContext(tmp_path / "fresh", artefacts=ctx.artefacts)
    monkeypatch.setattr(curate, "_WORTH_PROCESSES", 0)
    in_processes = run(fresh, configured("dataset-1", **SMALL, workers=2))
    other = run(ctx, configured("dataset-1", **SMALL | {"final_filters": []}))
    assert first.digest == again.digest == in_processes.digest != other.digest
    records = [d.canonical() for d in first.iter_documents()]
    assert records == [d.canonical() for d in run(ctx, configured("dataset-2", **SMALL)).iter_documents()]


@pytest.mark.parametrize("stop_at", [1, 3, 5, 7])
def test_a_stopped_job_goes_on_at_unfinished_shards_and_gives_the_same_version(
    ctx: Counting, tmp_path: Path, stop_at: int
) -> None:
    add(ctx, "dataset-1", corpus())
    config = configured("dataset-1", **SMALL)
    ctx.stop_at = stop_at
    with pytest.raises(Paused):
        curate.run(config, ctx)
    assert len(list((ctx.store.root / "dataset").glob("*/*/manifest.json"))) == 1
    finished = {path: path.stat().st_mtime_ns for path in ctx.scratch.glob("*/shard-*")}
    assert len(finished) == min(stop_at - 1, 5)
    resumed = run(ctx, config)
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    fresh = LocalContext(tmp_path / "fresh", artefacts=ctx.artefacts)
    assert resumed.digest == run(fresh, config).digest


def test_a_domain_without_a_recipe_is_named(ctx: Counting) -> None:
    add(ctx, "dataset-1", corpus())
    with pytest.raises(InputError, match="domain 'web' has no recipe") as caught:
        curate.run(configured("dataset-1", recipes={"prose": []}), ctx)
    assert caught.value.problems[0].field == "recipes"


def test_a_star_is_the_recipe_of_every_domain_that_is_not_named(ctx: Counting) -> None:
    add(ctx, "dataset-1", corpus())
    named = run(ctx, configured("dataset-1", **SMALL | {"recipes": {"prose": [{"key": "min_length"}], "web": []}}))
    starred = run(ctx, configured("dataset-1", **SMALL | {"recipes": {"*": [{"key": "min_length"}], "web": []}}))
    assert list(starred.iter_documents()) == list(named.iter_documents())
    assert [stage["stage"] for stage in starred.manifest["funnel"]["web"]][1:] == ["near_duplicates", "pii"]
    nothing = {"*": [{"key": "min_length", "config": {"min_chars": 10_000}}]}
    with pytest.raises(InputError) as caught:
        curate.run(configured("dataset-1", recipes=nothing), ctx)
    assert caught.value.problems[0].field == "recipes.*"


def test_the_default_recipes_keep_english_text_and_python_that_parses(ctx: Counting) -> None:
    good = next(record["text"] for record in GOLDEN if record["fate"] == "kept")
    source = "import math\n\n\ndef area(radius):\n    return math.pi * radius**2\n\n\n" * 5
    page = f"<html><head><title>A page</title></head><body><article><p>{good}</p></article></body></html>"
    documents = [
        Document("text", good, "essays"),
        Document("html", page, "web", content="html"),
        Document("french", "Le capitaine du port attendait depuis l'aube les navires de la marée. " * 9, "essays"),
        Document("code", source, "code", content="code"),
        Document("broken", source + "def", "code", content="code"),
    ]
    add(ctx, "dataset-1", documents)
    version = run(ctx, configured("dataset-1", near_duplicates={"enabled": False}))
    assert {document.id: document.text for document in version.iter_documents()}["text"] == good
    assert [document.id for document in version.iter_documents()] == ["text", "html", "code"]
    assert {(item.document.id, item.reason) for item in version.dropped()} == {
        ("french", "language_fr"),
        ("broken", "syntax_error"),
    }


def test_an_empty_result_says_which_stage_removed_most(ctx: Counting) -> None:
    add(ctx, "dataset-1", corpus())
    recipes = {"prose": [{"key": "min_length", "config": {"min_chars": 10_000}}], "web": [{"key": "python_parse"}]}
    with pytest.raises(
        InputError, match=r"'min_length' removed most \(13 documents of 'prose': too_short 13×\)"
    ) as caught:
        curate.run(configured("dataset-1", recipes=recipes), ctx)
    assert caught.value.problems[0].field == "recipes.prose"
    assert len(list((ctx.store.root / "dataset").glob("*/*/manifest.json"))) == 1


def test_curation_without_near_duplicate_removal_keeps_copies(ctx: Counting) -> None:
    add(ctx, "dataset-1", corpus())
    version = run(ctx, configured("dataset-1", **SMALL | {"near_duplicates": {"enabled": False}}))
    assert version.num_documents == 14
    assert version.manifest["duplicates"]["removed"] == 0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"datasets": []}, "datasets"),
        ({"datasets": ["dataset-1", "dataset-1"]}, "twice"),
        ({"datasets": ["run-1"]}, "must name a dataset"),
        ({"recipes": {"a": [{"key": "gofer_quality"}]}}, "did you mean 'gopher_quality'"),
        ({"recipes": {"a": [{"key": "length", "config": {"min_chars": 5, "max_chars": 4}}]}}, "most characters"),
        ({"workers": 0}, "workers"),
    ],
)
def test_impossible_configs_are_refused_before_the_job_starts(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        configured("dataset-1", **{"recipes": {}, **change})
