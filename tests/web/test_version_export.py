"""A dataset version is taken away as one file."""

import gzip
import io
import json

import pyarrow.parquet as pq
import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import reverse

from curriculum_app.core.version_export import EXPORTS
from tests.conftest import signed_in
from tests.factories import make_dataset, make_documents


@pytest.fixture
def books(editor):
    return make_dataset(editor, "Büchér 1/2", documents=make_documents(40))


def url(row, name):
    return reverse("dataset-export", args=[row.pk]) + f"?format={name}"


def body(response):
    async def collected():
        return b"".join([piece async for piece in response.streaming_content])

    return async_to_sync(collected)()


def test_every_format_is_offered_and_works_for_a_viewer(viewer_client, books):
    page = viewer_client.get(reverse("dataset-detail", args=[books.pk])).content.decode()
    for name in EXPORTS:
        assert url(books, name) in page
    lines = body(viewer_client.get(url(books, "jsonl")))
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [f"doc-{n}" for n in range(40)]
    assert gzip.decompress(body(viewer_client.get(url(books, "jsonl.gz")))) == lines
    assert pq.read_table(io.BytesIO(body(viewer_client.get(url(books, "parquet"))))).num_rows == 40


def test_the_file_is_named_after_the_version(viewer_client, books):
    response = viewer_client.get(url(books, "jsonl.gz"))
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert "1_2-v1.jsonl.gz" in response["Content-Disposition"]
    assert response["Content-Type"] == "application/gzip"


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_sends_it_piece_by_piece(viewer, books):
    client = AsyncClient()
    client.force_login(viewer.user)
    response = async_to_sync(client.get)(url(books, "jsonl"))
    assert response.is_async
    assert body(response).count(b"\n") == 40


@pytest.mark.parametrize("name", ["", "csv", "../jsonl"])
def test_an_unknown_format_is_not_found(viewer_client, books, name):
    assert viewer_client.get(url(books, name)).status_code == 404


def test_a_version_whose_files_are_elsewhere_is_not_found(viewer_client, books):
    books.digest = "0" * 64
    books.save()
    assert viewer_client.get(url(books, "jsonl")).status_code == 404


def test_a_version_of_another_project_is_not_found(stranger, books):
    assert signed_in(stranger).get(url(books, "jsonl")).status_code == 404


def test_queries_do_not_grow_with_documents(viewer_client, books, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        body(viewer_client.get(url(books, "jsonl")))
