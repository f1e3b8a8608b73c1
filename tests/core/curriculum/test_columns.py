"""The job `measure`: columns in order, missing values counted, resumed and reused, equal however it was cut."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from chimera.context import LocalContext, Paused
from chimera.errors import InputError
from curriculum_app.core import column_shard
from curriculum_app.core.column_statistics import (
    QUANTILES,
    histogram_edges,
    rank_correlations,
    share_below,
    summarise,
)
from curriculum_app.core.columns import Columns
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import measure
from curriculum_app.core.measures.base import MEASURES

WORDS = [f"word{number}" for number in range(400)]


def make_documents(count: int = 60) -> list[Document]:
    rng = np.random.default_rng(0)
    return [
        Document(
            f"doc-{number}",
            " ".join(rng.choice(WORDS[: 20 + 300 * (number % 2)], int(rng.integers(1, 120)))),
            ("web", "code", "books")[number % 3],
        )
        for number in range(count)
    ]


def make_context(tmp_path, documents=None, row_group_rows: int = 7) -> LocalContext:
    ctx = LocalContext(tmp_path)
    documents = make_documents() if documents is None else documents
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"made": "up"}, row_group_rows=row_group_rows) as writer:
            for document in documents:
                writer.add(document)
        stored = stage.seal(writer.digest(), writer.facts())
    ctx.artefacts["dataset-1"] = DatasetVersion.open(stored)
    return ctx


def run(ctx: LocalContext, *keys: str, **fields) -> tuple[Columns, int]:
    measures = {"measures": [{"key": key} for key in keys]} if keys else {}
    result = measure.run(MeasureConfig(dataset="dataset-1", workers=1, **measures, **fields), ctx)
    return Columns.open(result.stored), result.reused


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    ctx = make_context(tmp_path_factory.mktemp("columns"))
    columns, _ = run(ctx)
    return ctx, columns


def test_every_column_holds_the_measure_of_every_document_in_order(made):
    _, columns = made
    documents = make_documents()
    assert columns.ids() == [document.id for document in documents]
    assert [columns.domains[code] for code in columns.domain_codes()] == [document.domain for document in documents]
    for key in ("length", "type_token_ratio", "mtld", "compression"):
        assert np.array_equal(columns.column(key), MEASURES.build(key).values(documents), equal_nan=True)
    surprisal = MEASURES.build("word_surprisal")
    surprisal.learn(surprisal.count(documents))
    assert np.array_equal(columns.column("word_surprisal"), surprisal.values(documents))
    with pytest.raises(KeyError, match="no column 'lenght'"):
        columns.column("lenght")


def test_missing_values_are_counted_and_named(made):
    ctx, columns = made
    facts = columns.facts[columns.names.index("mtld")]
    short = sum(len(document.text.split()) < 50 for document in make_documents())
    assert facts.summary.missing == short > 0 and facts.summary.finite == 60 - short
    assert sum(item.missing for item in facts.domains.values()) == short
    assert any(f"mtld: no value for {short} of 60 documents" in line for line in ctx.lines)


def test_the_cut_into_row_groups_changes_nothing(made, tmp_path):
    other, _ = run(make_context(tmp_path, row_group_rows=60))
    assert other.digest == made[1].digest


def test_two_processes_give_the_same_columns(made, tmp_path, monkeypatch):
    monkeypatch.setattr("curriculum_app.core.measuring._WORTH_PROCESSES", 1)
    ctx = make_context(tmp_path, row_group_rows=20)
    result = measure.run(MeasureConfig(dataset="dataset-1", workers=2), ctx)
    assert result.stored.digest == made[1].digest


def test_a_stopped_job_goes_on_where_it_stood(made, tmp_path, monkeypatch):
    ctx = make_context(tmp_path)
    written = []

    def stop_after_three(task):
        column_shard.write_columns(task, column_shard._built(_said(task)))
        written.append(task.target)
        ctx.requested = "pause" if len(written) == 3 else "none"

    monkeypatch.setattr(column_shard, "run_columns", stop_after_three)
    monkeypatch.setattr(stop_after_three, "__name__", "run_columns", raising=False)
    with pytest.raises(Paused):
        run(ctx)
    ctx.requested = "none"
    columns, _ = run(ctx)
    assert columns.digest == made[1].digest
    assert len(written) == len(set(written)) == 9, "60 documents in row groups of 7, each once"


def _said(task):
    return column_shard.canonical_json([item.as_json() for item in task.measures])


def test_a_column_that_is_stored_is_taken_over(tmp_path, monkeypatch):
    ctx = make_context(tmp_path)
    first, reused = run(ctx, "length", "mtld")
    assert reused == 0
    second, reused = run(ctx, "mtld", "stop_word_share", name="more")
    assert reused == 1 and np.array_equal(second.column("mtld"), first.column("mtld"), equal_nan=True)
    monkeypatch.setattr(type(MEASURES.build("mtld")), "revision", 2)
    assert run(ctx, "mtld", "length")[1] == 1, "another revision is measured again"
    assert run(ctx, "mtld", "length")[1] == 2


def test_columns_of_another_version_are_not_taken_over(tmp_path):
    ctx = make_context(tmp_path)
    run(ctx, "length")
    other = make_context(tmp_path, make_documents(5))
    assert run(other, "length")[1] == 0


def test_a_version_without_documents_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no documents"):
        run(make_context(tmp_path, []))


def test_a_document_is_found_by_its_id(made):
    assert made[1].row_of("doc-41") == 41 and made[1].row_of("doc-99") is None


# -- statistics --------------------------------------------------------------------------------------------------------


def test_a_summary_counts_what_is_not_a_number():
    values = np.array([1.0, 2.0, 4.0, 5.0, np.nan, np.inf])
    summary = summarise(values, np.array([0.0, 3.0, 4.5]))
    assert (summary.documents, summary.missing, summary.infinite, summary.finite) == (6, 1, 1, 4)
    assert (summary.mean, summary.median, summary.deviation) == (3.0, 3.0, pytest.approx(np.sqrt(2.5)))
    assert summary.counts == [2, 2], "5 is beyond the last edge and in the last bin"
    assert summary.quantiles[0] == 1 and summary.quantile(1.0) == 5 and len(summary.quantiles) == len(QUANTILES)


def test_a_column_without_numbers_has_no_moments():
    summary = summarise(np.array([np.nan, np.nan]), histogram_edges(np.array([np.nan]))[0])
    assert (summary.mean, summary.quantiles, summary.missing, sum(summary.counts)) == (None, None, 2, 0)


def test_edges_are_logarithmic_for_long_tails_and_exist_for_constants():
    assert histogram_edges(np.geomspace(1, 1e4, 100))[1] == "log"
    assert histogram_edges(np.arange(100.0))[1] == "linear"
    edges, _ = histogram_edges(np.full(5, 3.0))
    assert edges[0] < 3 < edges[-1] and np.all(np.diff(edges) > 0)


def test_rank_correlations_are_those_of_scipy_on_the_documents_both_measure():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 20, 200).astype(float)  # with ties
    second = first + rng.normal(0, 5, 200)
    third = -second.copy()
    third[::3] = np.nan
    rho, shared = rank_correlations([first, second, third])
    assert shared == [[200, 200, 133], [200, 200, 133], [133, 133, 133]]
    assert rho[0][1] == pytest.approx(spearmanr(first, second).statistic)
    both = np.isfinite(third)
    assert rho[0][2] == rho[2][0] == pytest.approx(spearmanr(first[both], third[both]).statistic)
    assert rho[1][2] == pytest.approx(-1) and rho[2][2] == pytest.approx(1)


def test_there_is_no_correlation_with_a_constant_or_with_nothing():
    rho, shared = rank_correlations([np.ones(3), np.arange(3.0), np.full(3, np.nan)])
    assert rho[0][1] is None and rho[1][2] is None and shared[1][2] == 0


def test_a_percentile_is_the_share_below_plus_half_of_the_equal():
    values = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    assert share_below(values, 2.0) == 0.5 and share_below(values, 9.0) == 1.0 and share_below(values, np.nan) is None
