"""What a version's text is like at a glance: lengths by powers of two, sources and languages, in flat memory."""

import pytest

from curriculum_app.core import text_facts
from curriculum_app.core.documents import Document
from curriculum_app.core.text_facts import TextFacts
from curriculum_app.selectors.glance import glance


def facts(*documents: Document) -> TextFacts:
    made = TextFacts()
    for document in documents:
        made.add(document)
    return made


def test_lengths_fall_into_powers_of_two() -> None:
    made = facts(*(Document(str(n), "x" * n, "text") for n in (1, 2, 3, 4, 7, 8, 255, 256))).as_json()
    assert made["lengths"] == [[0, 1], [1, 2], [2, 2], [3, 1], [7, 1], [8, 1]]
    assert made["characters"] == 536


def test_the_ten_most_frequent_names_are_told_and_the_rest_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_facts, "_DISTINCT", 12)
    documents = [Document("a", "x", "text", source=f"s{n:02}") for n in range(20) for _ in range(1 + (n == 3))]
    made = facts(*documents).as_json()["sources"]
    assert made["names"][:2] == [["s03", 2], ["s00", 1]] and len(made["names"]) == 10
    assert made["more"] == 10
    assert facts(Document("a", "x", "text", source="a\0b")).as_json()["sources"]["names"] == [["a\ufffdb", 1]]


def test_the_page_gets_bars_with_the_gaps_between() -> None:
    documents = [Document("a", "x" * 5, "text", meta={"language": "en"}), Document("b", "x" * 40, "text", "wiki")]
    manifest = {"text": facts(*documents).as_json(), "counts": {"documents": 2, "bytes": 45}}
    found = glance(manifest)
    assert found is not None
    assert [(bar.name, bar.documents) for bar in found.lengths] == [
        ("4 – 7", 1),
        ("8 – 15", 0),
        ("16 – 31", 0),
        ("32 – 63", 1),
    ]
    assert [(bar.name, bar.fraction) for bar in found.sources] == [("not stated", 0.5), ("wiki", 0.5)]
    assert [bar.name for bar in found.languages] == ["not stated", "en"]
    assert found.estimated_tokens == 11


def test_manifests_without_these_facts_have_no_glance() -> None:
    assert glance({"counts": {"documents": 1, "bytes": 2}}) is None
    assert glance({"text": facts().as_json(), "counts": {"documents": 0, "bytes": 0}}) is None
