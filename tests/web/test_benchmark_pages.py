"""Pages of benchmarks, and what a curation found of them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from chimera.jobs import runner
from chimera.jobs.services import start
from curriculum_app.core.benchmarks import Item, save_benchmark
from curriculum_app.core.contamination_check import CONTAMINATION_FILE, CONTAMINATION_SCHEMA
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.documents import Document
from curriculum_app.models import Benchmark
from curriculum_app.services.benchmarks import load_bundled
from curriculum_app.services.starter import load_starter_project
from curriculum_app.starter.benchmarks import BUNDLED
from tests.factories import make_dataset, make_documents, store

ITEM = "What <b> is the name of the river that flows through all of the five towns"
LEAK = f"Asked: {ITEM.upper()}! Nobody knew."


@pytest.fixture
def benchmark(editor):
    items = [Item(f"q/{n}", "exam", (text,), {"question": text, "answer": n}) for n, text in enumerate((ITEM, "Other"))]
    facts = {"name": "Exam", "recipe": {"params": {"keys": ["question"]}}, "left_out": [], "read_from": {}}
    stored = save_benchmark(store(), items, facts)
    return Benchmark.objects.create(
        project=editor.project, name="Exam", version=1, digest=stored.digest, manifest=stored.manifest, items=2
    )


@pytest.fixture
def version(editor, benchmark):
    leak = Document("leak", LEAK, "prose", title="Quiz")
    gone = DroppedDocument(leak, "decontamination", "contaminated_exam", 3.0, benchmark=benchmark.digest, item="q/0")
    row = make_dataset(editor, "clean", stage="curated", documents=make_documents(3), dropped=[gone])
    found = {"name": "Exam", "items": 2, "found": 1, "documents": 1}
    row.manifest |= {"contamination": {benchmark.digest: found}}
    row.manifest["recipe"] |= {"params": {"decontamination": {"n": 13, "min_matches": 1, "action": "drop"}}}
    row.save()
    pair = {"document_id": "leak", "domain": "prose", "benchmark": benchmark.digest, "item": "q/0", "shared": 3}
    path = store().directory("dataset", row.digest) / CONTAMINATION_FILE
    pq.write_table(pa.Table.from_pylist([pair | {"dropped": True}], CONTAMINATION_SCHEMA), path)
    return row


def page(client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_benchmark_the_page_offers_the_bundled_ones(editor_client):
    shown = page(editor_client, "benchmarks")
    assert "No benchmark yet" in shown and all(config.name in shown for config in BUNDLED)


def test_a_benchmark_shows_its_items_whole_and_where_it_was_found(editor_client, benchmark, version):
    assert "Exam:v1" in page(editor_client, "benchmarks")
    shown = page(editor_client, "benchmark-detail", benchmark.pk)
    for part in ("q/1", "What &lt;b&gt; is", "<dt>answer</dt>", "clean:v1", "50"):
        assert part in shown


def test_the_tab_of_a_version_counts_found_items_and_lists_the_pairs(editor_client, benchmark, version):
    assert "Contamination" in page(editor_client, "dataset-detail", version.pk)
    for query in ({}, {"benchmark": benchmark.digest}):
        shown = page(editor_client, "dataset-contamination", version.pk, **query)
        assert "q/0" in shown and "read both" in shown
    assert "beside the item" in page(editor_client, "dataset-dropped", version.pk)


def test_the_document_stands_beside_the_item_with_what_they_share_marked(editor_client, benchmark, version):
    query = {"document": "leak", "benchmark": benchmark.digest, "item": "q/0"}
    shown = page(editor_client, "dataset-contaminated", version.pk, **query)
    assert '<mark class="shared">WHAT &lt;B&gt; IS' in shown and f'<mark class="shared">{ITEM[:5]}&lt;b&gt; is' in shown
    for wrong in ({"document": "no"}, {"item": "no"}, {"benchmark": "no"}):
        assert editor_client.get(reverse("dataset-contaminated", args=[version.pk]), query | wrong).status_code == 404


def test_a_version_without_decontamination_has_no_such_page(editor_client, editor):
    plain = make_dataset(editor, "plain")
    assert "Contamination" not in page(editor_client, "dataset-detail", plain.pk)
    assert editor_client.get(reverse("dataset-contamination", args=[plain.pk])).status_code == 404


def test_the_form_of_a_curation_preselects_every_benchmark(editor_client, benchmark):
    shown = page(editor_client, "job-new", "curate")
    assert f'<option value="{benchmark.uid}" selected>' in shown


def test_the_starter_project_gets_the_bundled_benchmarks_once(db):
    project = load_starter_project()
    rows = list(Benchmark.objects.filter(project=project).values_list("name", "digest", "pk"))
    assert {name for name, _, _ in rows} == {config.name for config in BUNDLED}
    load_bundled(project)
    assert list(Benchmark.objects.filter(project=project).values_list("name", "digest", "pk")) == rows


def test_a_registered_file_becomes_a_benchmark_with_a_page(editor, editor_client, tmp_path):
    path = tmp_path / "exam.jsonl"
    path.write_text(json.dumps({"question": ITEM, "answer": "the Tees"}) + "\n")
    job, _ = start(editor, "register-benchmark", {"name": "Own", "path": str(path)})
    assert runner.run_job(job.pk)
    row = Benchmark.objects.get(project=editor.project, name="Own")
    assert (row.items, row.version) == (1, 1)
    assert reverse("benchmark-detail", args=[row.pk]) in page(editor_client, "job-detail", job.pk)
    assert "the Tees" in page(editor_client, "benchmark-detail", row.pk)
