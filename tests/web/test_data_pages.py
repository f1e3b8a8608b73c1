"""The pages of dataset versions and sequence sets."""

import pytest
from django.urls import reverse

from curriculum_app.core.dataset_version import QuarantinedRecord
from curriculum_app.selectors.funnel import worth_opening
from tests.conftest import signed_in
from tests.factories import make_dataset, make_documents, make_dropped, make_sequences


@pytest.fixture
def raw(editor):
    bad = [QuarantinedRecord("books.jsonl", 17, "not JSON", '{"text": "cut o')]
    return make_dataset(editor, "books", quarantined=bad)


@pytest.fixture
def curated(editor, raw):
    documents = make_documents(30)
    dropped = make_dropped(make_documents(8, start=100), kept=documents[0])
    return make_dataset(editor, "clean", stage="curated", documents=documents, dropped=dropped, parents=[raw])


def url(name, row, **query):
    tail = "&".join(f"{key}={value}" for key, value in query.items())
    return reverse(name, args=[row.pk]) + (f"?{tail}" if tail else "")


def text(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_no_data_offers_the_import(editor_client):
    page = text(editor_client, reverse("data"))
    assert "No data yet" in page
    assert reverse("dataset-upload") in page


def test_the_list_names_versions_stages_licences_and_parents(editor_client, curated):
    page = text(editor_client, reverse("data"))
    for part in ("books:v1", "clean:v1", "curated", "CC0-1.0", curated.digest[:8]):
        assert part in page
    assert "clean:v1" not in text(editor_client, reverse("data") + "?stage=raw")


def test_a_version_shows_its_funnel_and_where_documents_were_lost(editor_client, curated):
    page = text(editor_client, url("dataset-detail", curated))
    for part in ("prose", "near_duplicates", "too_short", "books:v1", "MIT"):
        assert part in page
    assert url("dataset-dropped", curated, domain="prose") in page


def test_a_raw_version_says_that_it_came_from_files(editor_client, raw):
    assert "files, by an import" in text(editor_client, url("dataset-detail", raw))


def test_a_version_shows_its_text_at_a_glance(editor, editor_client, raw):
    page = text(editor_client, url("dataset-detail", raw))
    assert "Text at a glance" in page and "32 – 63" in page and "made-up" in page
    assert "No document names its language" in page and "exact after grouping" in page
    make_sequences(editor, raw)
    assert "largest sequence set" in text(editor_client, url("dataset-detail", raw))


def test_a_version_made_before_lengths_were_counted_has_its_page(editor_client, raw):
    del raw.manifest["text"]
    raw.save()
    assert "Text at a glance" not in text(editor_client, url("dataset-detail", raw))


def test_documents_are_paged_by_domain_and_can_be_read(editor_client, curated):
    page = text(editor_client, url("dataset-documents", curated))
    assert "1–25 of 30 documents" in page
    assert "26–30 of 30" in text(editor_client, url("dataset-documents", curated, page=2))
    assert "1–15 of 15" in text(editor_client, url("dataset-documents", curated, domain="code"))
    assert "something of its own about number 7." in text(editor_client, url("dataset-document", curated, id="doc-7"))


def test_dropped_documents_say_why_and_name_what_was_kept(editor_client, curated):
    page = text(editor_client, url("dataset-dropped", curated))
    for part in ("1–8 of 8", "Jaccard 0.910", "too_short", ">61<", "doc-0"):
        assert part in page
    assert "1–1 of 1" in text(editor_client, url("dataset-dropped", curated, stage="near_duplicates"))
    assert "1–4 of 4" in text(editor_client, url("dataset-dropped", curated, domain="code"))


def test_a_near_duplicate_is_read_beside_the_kept_document(editor_client, curated):
    page = text(editor_client, url("dataset-document", curated, id="doc-0", beside="doc-100"))
    assert "Dropped by <strong>near_duplicates</strong>" in page
    assert page.count('<pre class="excerpt"') == 2


def test_the_quarantine_names_file_line_and_reason(editor_client, raw):
    page = text(editor_client, url("dataset-quarantine", raw))
    for part in ("books.jsonl", "17", "not JSON"):
        assert part in page


def test_a_version_whose_files_are_elsewhere_still_has_its_page(editor_client, raw):
    raw.digest = "0" * 64
    raw.save()
    text(editor_client, url("dataset-detail", raw))
    assert "not on this machine" in text(editor_client, url("dataset-documents", raw))
    assert editor_client.get(url("dataset-document", raw, id="doc-1")).status_code == 404


@pytest.mark.parametrize("query", [{"id": "nothing"}, {}, {"id": "doc-1", "beside": "nothing"}])
def test_a_document_that_is_not_there_is_not_found(editor_client, curated, query):
    assert editor_client.get(url("dataset-document", curated, **query)).status_code == 404


@pytest.mark.parametrize("page", ["detail", "documents", "dropped", "quarantine", "document"])
def test_a_version_of_another_project_is_not_found(stranger, curated, page):
    assert signed_in(stranger).get(url(f"dataset-{page}", curated)).status_code == 404


def test_queries_do_not_grow_with_versions(editor, editor_client, raw, django_assert_max_num_queries):
    for number in range(12):
        make_dataset(editor, f"extra{number}", parents=[raw])
    with django_assert_max_num_queries(10):
        text(editor_client, reverse("data"))


def test_sequences_show_groups_held_out_text_and_any_sequence(editor, editor_client):
    row = make_sequences(editor)
    page = text(editor_client, url("sequences-detail", row))
    for part in ("By domain", "Difficulty bins", "literature", "byte-level BPE", "Held out"):
        assert part in page
    shown = editor_client.get(url("sequences-detail", row, sequence=3)).context["shown"]
    assert sum(piece.length for piece in shown.pieces) == shown.tokens
    assert "There is no sequence 99999" in text(editor_client, url("sequences-detail", row, sequence=99999))


def test_sequences_of_another_project_are_not_found(editor, stranger):
    assert signed_in(stranger).get(url("sequences-detail", make_sequences(editor))).status_code == 404


def test_a_version_says_what_to_do_next_until_it_is_done(editor, editor_client, viewer_client, raw, curated):
    assert reverse("dataset-rules", args=[raw.pk]) in text(editor_client, url("dataset-detail", raw))
    page = text(editor_client, url("dataset-detail", curated))
    assert "What to do next" in page and "train a tokenizer" in page
    assert "What to do next" not in text(viewer_client, url("dataset-detail", curated))
    make_sequences(editor, curated)
    assert "train a tokenizer" not in text(editor_client, url("dataset-detail", curated))


def test_only_few_funnels_are_open_and_the_worst_is_among_them():
    def stage(documents, left):
        sizes = {"in": documents, "out": left, "bytes_in": 9, "bytes_out": 9}
        return {"stage": "length", "dropped": documents - left, "changed": 0, "reasons": {}, "seconds": 0.0, **sizes}

    funnel = {"prose": [stage(9, 9)], "web": [stage(9, 2)], "code": [stage(9, 8)]}
    assert worth_opening({"funnel": funnel}) == ["web"]
    assert len(worth_opening({"funnel": {name: funnel[name] for name in ("prose", "code")}})) == 2
