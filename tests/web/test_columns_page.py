"""The tab Columns of a version: what is measured, how columns agree, which documents stand at the ends."""

import numpy as np
import pytest
from django.urls import reverse

from chimera.context import LocalContext
from curriculum_app.charts.columns import distribution
from curriculum_app.core.columns import ColumnFacts
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.dataset_version import DatasetVersion as OpenedVersion
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import measure
from curriculum_app.models import ColumnSet
from curriculum_app.selectors.columns import extreme_rows, opened, values_of_document
from tests.conftest import signed_in
from tests.factories import make_dataset, store

KEYS = ("length", "mtld", "stop_word_share")


def make_columns(actor, version, tmp_path, *keys: str, name: str = "columns") -> ColumnSet:
    ctx = LocalContext(tmp_path)
    ctx.store = store()
    ctx.artefacts[version.uid] = OpenedVersion.open(version.stored())
    config = MeasureConfig(name=name, dataset=version.uid, measures=[{"key": key} for key in keys])
    stored = measure.run(config, ctx).stored
    return ColumnSet.objects.create(
        project=actor.project, name=name, version=1, digest=stored.digest, bytes=stored.bytes,
        manifest=stored.manifest, dataset=version,
    )  # fmt: skip


@pytest.fixture
def version(editor):
    words = [f"the{number}" for number in range(9)]
    documents = [
        Document(
            f"doc-{n}",
            " ".join(words[: 1 + n % 9]) * (1 + 8 * (n % 2)),
            ("prose", "encyclopaedia")[n % 2],
            title=f"T{n}",
        )
        for n in range(30)
    ]
    return make_dataset(editor, "texts", documents=documents)


@pytest.fixture
def row(editor, version, tmp_path):
    return make_columns(editor, version, tmp_path, *KEYS)


def page_of(client, version, **query) -> str:
    response = client.get(reverse("dataset-columns", args=[version.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def test_nothing_measured_offers_the_job_to_those_who_may_start_it(editor_client, viewer, version):
    form = f"{reverse('job-new', args=['measure'])}?dataset={version.uid}"
    assert form in page_of(editor_client, version)
    page = page_of(signed_in(viewer), version)
    assert "Nothing measured yet" in page and form not in page


def test_the_page_has_columns_charts_correlations_and_documents(editor_client, version, row):
    page = page_of(editor_client, version)
    for part in ("Length", "MTLD", "Share of stop words", "words per factor", "Rank correlation", "Highest: Length"):
        assert part in page
    assert all(reverse("columns-distribution", args=[row.pk, number]) in page for number in range(3))
    assert page.count('class="doc-cell"') == 25 and "js/charts.js" in page
    rho, shared = (row.manifest["rank_correlation"][name] for name in ("rho", "documents"))
    assert f'data-level="{round(5 * rho[0][1])}"' in page and f"n {shared[0][1]}" in page


def test_documents_are_ordered_by_any_column_in_any_domain(version, row):
    columns = opened(row)
    lengths, codes = columns.column("length"), columns.domain_codes()
    assert extreme_rows(columns, "length", "lowest", None) == np.argsort(lengths, kind="stable")[:25].tolist()
    prose = extreme_rows(columns, "length", "highest", "prose")
    assert len(prose) == 15 and {columns.domains[codes[place]] for place in prose} == {"prose"}
    assert lengths[prose].tolist() == sorted(lengths[prose], reverse=True)
    missing = extreme_rows(columns, "mtld", "missing", None)
    assert missing == np.flatnonzero(np.isnan(columns.column("mtld")))[:25].tolist() != []


def test_the_documents_without_a_value_are_shown_and_counted(editor_client, version, row):
    page = page_of(editor_client, version, column="mtld", order="missing", domain="prose")
    assert "Without a value: MTLD" in page and "T0" in page and ">T1<" not in page
    assert "order=missing" in page_of(editor_client, version), "the count of what is missing leads there"


def test_words_that_mean_nothing_show_the_first_column(editor_client, version, row):
    assert "Highest: Length" in page_of(editor_client, version, column="x", order="y", domain="z")


def test_an_older_set_can_be_chosen_and_a_set_of_elsewhere_cannot(editor_client, editor, version, row, tmp_path):
    newer = make_columns(editor, version, tmp_path / "2", "character_share", name="newer")
    assert "Share of characters" in page_of(editor_client, version)
    assert "Share of characters" not in page_of(editor_client, version, set=row.pk)
    other = make_dataset(editor, "other")
    url = reverse("dataset-columns", args=[other.pk])
    assert editor_client.get(url, {"set": newer.pk}).status_code == 404
    leads = editor_client.get(reverse("columns-detail", args=[newer.pk]))
    assert leads.status_code == 302 and leads["Location"].endswith(f"/data/{version.pk}/columns/?set={newer.pk}")


def test_a_stranger_sees_no_columns(stranger, version, row):
    client = signed_in(stranger)
    for url in ("columns-detail", "columns-distribution", "dataset-columns"):
        arguments = {"columns-distribution": [row.pk, 0], "dataset-columns": [version.pk]}.get(url, [row.pk])
        assert client.get(reverse(url, args=arguments)).status_code == 404


def test_the_chart_has_a_line_per_domain_whose_shares_sum_to_one(editor_client, row):
    figure = editor_client.get(reverse("columns-distribution", args=[row.pk, 0])).json()
    assert [line["name"] for line in figure["data"]] == ["encyclopaedia", "prose"]
    page = page_of(editor_client, row.dataset)
    assert page.index('series-1"') < page.index("encyclopaedia</span>") < page.index('series-2"'), "as in the legend"
    assert all(sum(line["y"]) == pytest.approx(1, abs=1e-3) for line in figure["data"])
    assert sum(count for line in figure["table"]["rows"] for count in line[2:]) == 30
    assert editor_client.get(reverse("columns-distribution", args=[row.pk, 9])).status_code == 404


def test_more_domains_than_colours_are_drawn_together(row):
    facts = ColumnFacts.model_validate(row.manifest["columns"][0])
    many = facts.model_copy(update={"domains": {f"d{number}": facts.summary for number in range(9)}})
    assert [line["name"] for line in distribution(many)["data"]] == ["all domains"]


def test_the_numbers_of_one_document_come_with_their_place_in_the_domain(editor, version, row, tmp_path):
    newer = make_columns(editor, version, tmp_path / "2", "length", "character_share", name="newer")
    found = {item.column.name: item for item in values_of_document(version, "doc-8")}
    assert list(found) == ["length", "character_share", "mtld", "stop_word_share"]
    assert found["length"].columns == newer and found["mtld"].columns == row
    prose = sorted(len(" ".join(f"the{i}" for i in range(1 + n % 9))) for n in range(0, 30, 2))
    value = found["length"].value
    below, equal = sum(size < value for size in prose), prose.count(int(value))
    assert found["length"].percentile == pytest.approx((below + equal / 2) / 15)
    assert np.isnan(found["mtld"].value) and found["mtld"].percentile is None
    assert values_of_document(version, "nobody") == []
