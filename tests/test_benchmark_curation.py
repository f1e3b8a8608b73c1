"""The benchmark of the filters: both sides agree, both run, and the made-up copies are what they are said to be."""

import json
from pathlib import Path

import pytest

from benchmarks import curation
from curriculum_app.core.documents import Document

pytestmark = pytest.mark.timeout(120)  # loads all of datatrove
GOLDEN = Path(__file__).parent / "fixtures/curation_golden.jsonl"


@pytest.fixture
def documents(monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    monkeypatch.setenv(curation.DATA, str(GOLDEN))
    return list(curation.texts())


def test_both_sides_drop_the_same_documents_for_the_same_reasons(documents: list[Document]) -> None:
    assert len(documents) == 10
    ours, peer = curation.our_side(documents), curation.peer_side(documents)
    assert ours == peer
    assert [fate for fate, _ in ours.values()].count("kept") == 1
    assert {"language", "gopher_repetition", "gopher_quality", "c4"} < {fate for fate, _ in ours.values()}


def test_a_document_that_fares_differently_is_counted(
    documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curation, "peer_side", lambda some: curation.our_side(some) | {some[0].id: ("kept", "other")})
    ours, peer, different = curation.race([documents[:5], documents[5:]])
    assert len(ours) == len(peer) == 2 and all(spent > 0 for pair in (*ours, *peer) for spent in pair)
    assert different == 2


def test_pages_are_read_as_text_and_both_extractors_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html = "<html><body><article><p>" + "The ships waited for the tide. " * 9 + "</p></article></body></html>"
    path = tmp_path / "pages.jsonl"
    path.write_text(json.dumps({"html": html}) + "\n" + json.dumps({"html": "<html></html>"}) + "\n")
    monkeypatch.setenv(curation.DATA, str(path))
    assert [document.text.startswith("The ships") for document in curation.texts()] == [True]
    figure = curation.extraction(list(curation.html_pages()))
    assert figure.value > 0 and figure.peer is not None and figure.peer > 0


def test_of_the_grown_corpus_some_copies_are_changed_a_little(documents: list[Document]) -> None:
    grown = list(curation.grown(documents, 60))
    assert len({document.id for document in grown}) == 60
    changed = [copy.text != documents[number % 10].text for number, copy in enumerate(grown)]
    assert not any(changed[:10]) and 15 < sum(changed) < 40


def test_a_job_over_the_stored_corpus_says_how_long_it_took(
    documents: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = curation.store(tmp_path, curation.grown(documents, 20))
    curation.job(str(tmp_path), digest, "1")
    assert float(capsys.readouterr().out.split()[-1]) > 0
