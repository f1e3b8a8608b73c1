"""Near-duplicates on the page of a version: measured recall and precision, the S-curve, chains on the dropped page."""

import pytest
from django.urls import reverse

from curriculum_app.charts.s_curve import s_curve
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.measured import BINS
from tests.factories import make_dataset, make_documents

BIN = {"pairs": 0, "proposed": 0}
MEASURED = {
    "documents": 40, "pairs": 780, "similar": 50, "proposed": 60, "found": 49, "recall": 0.98, "precision": 49 / 60,
    "expected_at_threshold": 0.947, "sampled_at_threshold": 1.0,
    "bins": [{"pairs": 700, "proposed": 7}] + [BIN] * (BINS - 2) + [{"pairs": 50, "proposed": 49}],
}  # fmt: skip
REPORT = {
    "removed": 3, "compared": 40, "bytes": 9, "matrix": {"prose": {"code": {"documents": 3, "bytes": 9}}},
    "similar_to_kept": 2, "similarities": [0] * (BINS - 1) + [3], "measured": MEASURED, "seconds": 0.1,
}  # fmt: skip


@pytest.fixture
def version(editor):
    documents = make_documents(8)
    gone = DroppedDocument(documents[7], "near_duplicates", "near_duplicate", 0.85, "doc-0", 0.71, "doc-3")
    row = make_dataset(editor, "clean", stage="curated", documents=documents[:7], dropped=[gone])
    row.manifest |= {"duplicates": REPORT}
    row.manifest["recipe"] |= {"params": {"near_duplicates": NearDuplicateConfig().as_json()}}
    row.save()
    return row


def test_the_page_shows_what_was_measured_and_names_the_chart(editor_client, version):
    page = editor_client.get(reverse("dataset-detail", args=[version.pk])).content.decode()
    for part in ("49 of 50 similar pairs", "49 of 60 proposed pairs", "780 pairs of 40 documents", "2 of 3 removed"):
        assert part in page
    assert reverse("dataset-s-curve", args=[version.pk]) in page and "js/charts.js" in page


def test_the_chart_has_the_curve_the_measured_points_and_the_removed(editor_client, version):
    figure = editor_client.get(reverse("dataset-s-curve", args=[version.pk])).json()
    bars, curve, points = figure["data"]
    assert dict(zip(curve["x"], curve["y"], strict=True))[0.8] == pytest.approx(0.947049, abs=1e-6)
    assert points["x"] == [0.025, 0.975] and points["y"] == [0.01, 0.98]
    assert bars["y"][-1] == 3 and figure["layout"]["shapes"][0]["x0"] == 0.8
    assert figure["table"]["rows"][-1][2:] == [50, 49, 3]


def test_a_version_made_before_the_measurement_has_the_curve_alone(editor_client, version):
    version.manifest["duplicates"] = {key: REPORT[key] for key in ("removed", "compared", "matrix")}
    version.save()
    page = editor_client.get(reverse("dataset-detail", args=[version.pk])).content.decode()
    assert "Recall of the bands" not in page and "through a chain" not in page
    figure = editor_client.get(reverse("dataset-s-curve", args=[version.pk])).json()
    assert len(figure["data"]) == 1 and figure["table"]["rows"][16] == [0.8, 0.947049, None, None, None]


def test_without_near_duplicates_there_is_no_chart(editor_client, version):
    version.manifest["duplicates"] = {"removed": 0, "matrix": {}, "seconds": 0.0}
    version.save()
    assert editor_client.get(reverse("dataset-s-curve", args=[version.pk])).status_code == 404
    assert "s-curve" not in editor_client.get(reverse("dataset-detail", args=[version.pk])).content.decode()


def test_a_document_that_went_through_a_chain_names_its_edge(editor_client, version):
    page = editor_client.get(reverse("dataset-dropped", args=[version.pk])).content.decode()
    assert "Jaccard 0.710" in page and "0.850 to doc-3" in page


def test_the_curve_follows_the_bands():
    figure = s_curve(9, 13, 0.8, {})
    assert dict(zip(figure["data"][0]["x"], figure["data"][0]["y"], strict=True))[0.8] == pytest.approx(0.398844)
