"""Groupings: every token of every sequence in exactly one group of each, whatever the groups are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.clustering.artefact import Clustering
from curriculum_app.core.columns import Columns
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.difficulty.ranks import ranks_within
from curriculum_app.core.documents import Document, Media
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, Groups, default_groupings
from curriculum_app.core.jobs import cluster, group, measure
from curriculum_app.core.packing import count_groups, pack
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.sequence_factory import DOMAINS
from tests.core.curriculum.test_clustering import config as cluster_config
from tests.core.curriculum.test_group_job import config, context_with, corpus, store_dataset


def varied(count=240):
    """The corpus of the group tests with sources, languages, taxonomy paths and pictures."""
    for number, document in enumerate(corpus(count)):
        meta = {"language": ("en", "de")[number % 3 == 0]} if number % 5 else {}
        if number % 2:
            meta |= {"taxonomy": f"skills/{'maths' if number % 4 == 1 else 'prose'}/deep"}
        yield Document(
            document.id, document.text, document.domain, f"site-{number % 7}", "CC0-1.0", meta=meta,
            content="code" if document.domain == "code" else "text",
            media=(Media("image", url="https://example.org/a.png"),) if number % 10 == 0 else (),
        )  # fmt: skip


ALL = [
    {"key": "domain"}, {"key": "difficulty"}, {"key": "source", "config": {"largest": 3}}, {"key": "language"},
    {"key": "modality"}, {"key": "taxonomy"}, {"key": "quality", "config": {"quantiles": 4}},
    {"key": "quality", "config": {"measure": "surprisal", "quantiles": 3, "within_domain": True}},
    {"key": "quality", "config": {"columns": "columns-1", "column": "length"}},
    {"key": "cluster", "config": {"clustering": "clustering-1"}},
]  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    context = context_with(tmp_path_factory.mktemp("groupings"), varied())
    context.artefacts["clustering-1"] = Clustering.open(cluster.run(cluster_config(clusters=4), context).stored)
    asked = MeasureConfig.model_validate({"dataset": "dataset-1", "measures": [{"key": "length"}], "workers": 1})
    context.artefacts["columns-1"] = Columns.open(measure.run(asked, context).stored)
    return context


@pytest.fixture(scope="module")
def table(context):
    return SequenceTable.open(group.run(config(groupings=ALL), context).stored)


def test_tokens_of_the_groups_sum_to_the_tokens_of_each_sequence_in_every_grouping(table):
    assert len(table.grouping_names) == len(ALL)
    for name in table.grouping_names:
        groups = table.grouping(name)
        assert np.array_equal(groups.dense().sum(axis=1), table.lengths), name
        assert groups.totals().sum() == table.num_tokens and len(set(groups.names)) == len(groups.names)


def test_documents_of_the_groups_sum_to_all_documents(table):
    for name, facts in table.manifest["grouping_facts"].items():
        assert sum(facts["documents"]) == 240 and len(facts["documents"]) == len(table.grouping(name).names), name


def test_each_grouping_has_the_groups_it_should(table):
    names = {name: table.grouping(name).names for name in table.grouping_names}
    assert names["domain"] == DOMAINS and len(names["difficulty"]) == 9
    assert names["source"] == ("other", "site-0", "site-1", "site-2")
    assert names["language"] == ("de", "en", "unknown")
    assert names["modality"] == ("code", "image_text", "text")
    assert names["taxonomy"] == ("skills/maths", "skills/prose", "unassigned")
    assert names["quality-compression"] == ("1 of 4", "2 of 4", "3 of 4", "4 of 4")
    assert len(names["quality-surprisal"]) == 3 and len(names["quality-length"]) == 4
    assert names["cluster"][0].startswith("1 ") and len(names["cluster"]) == 4


def test_what_is_not_assigned_is_counted(table):
    facts = table.manifest["grouping_facts"]
    assert facts["taxonomy"]["unassigned"] == 120 and facts["source"]["joined"] == 4
    assert facts["cluster"]["encoder"].startswith("TF-IDF")


def test_quantiles_hold_about_equal_tokens_and_rise(table):
    totals = table.grouping("quality-length").totals()
    assert totals.min() > 0.15 * totals.sum()
    edges = table.manifest["grouping_facts"]["quality-length"]["edges"]
    assert all(low[1] <= high[0] for low, high in pairwise(edges))


def test_the_usual_groupings_keep_the_recipe_and_the_id_of_a_table(context):
    usual = group.run(config(), context).stored
    named = group.run(config(groupings=[{"key": "domain"}, {"key": "difficulty"}]), context).stored
    assert usual.digest == named.digest and "groupings" not in usual.manifest["recipe"]


def test_artefacts_count_by_digest_in_the_recipe(context, table):
    said = {item["key"]: item["config"] for item in table.manifest["recipe"]["groupings"]}
    assert said["cluster"] == {"clustering": context.artefacts["clustering-1"].digest}


@pytest.mark.parametrize(
    ("settings", "message", "field"),
    [
        ({"key": "cluster"}, "no clustering is chosen", "groupings.2.config.clustering"),
        (
            {"key": "cluster", "config": {"clustering": "clustering-1"}},
            "another dataset", "groupings.2.config.clustering",
        ),
        ({"key": "quality", "config": {"column": "x"}}, "belong together", "groupings.2.config.column"),
        (
            {"key": "quality", "config": {"columns": "columns-1", "column": "length"}},
            "another dataset", "groupings.2.config.columns",
        ),
        ({"key": "domain"}, "already", "groupings.2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_version_is_refused_with_its_field(context, settings, message, field):
    other = type(context)(context.root, dict(context.artefacts))
    other.artefacts["dataset-1"] = store_dataset(other, corpus(40))
    chosen = [{"key": "domain"}, {"key": "difficulty"}, settings]
    with pytest.raises(InputError, match=message) as error:
        group.run(config(groupings=chosen), other)
    assert error.value.problems[0].field == field and error.value.problems[0].hint


def test_a_column_that_is_not_there_is_named_with_those_that_are(context):
    chosen = [*ALL[:2], {"key": "quality", "config": {"columns": "columns-1", "column": "nothing"}}]
    with pytest.raises(InputError, match="one of length"):
        group.run(config(groupings=chosen), context)


def test_pools_need_domain_and_difficulty():
    with pytest.raises(ValidationError, match="add difficulty"):
        config(groupings=[{"key": "domain"}])
    assert [choice.key for choice in config().groupings] == [choice.key for choice in default_groupings()]


# -- one grouping at a time --------------------------------------------------------------------------------------------


def corpus_of(count, **changes) -> Corpus:
    zeros = np.zeros(count, dtype=np.int64)
    tokens = np.full(count, 10, dtype=np.int64)
    given = {"tokens": tokens, "num_bytes": tokens, "domains": ("d",), "domain_of": zeros}
    given |= {"difficulty": Groups(("all",), zeros), "density": lambda measure: np.arange(count, dtype=np.float64)}
    return Corpus(**(given | changes))


def grouped(key, documents, **settings) -> Groups:
    grouping = GROUPINGS.build(key, settings)
    for document in documents:
        grouping.look(document)
    return grouping.assign(corpus_of(len(documents)))


def test_a_domain_called_other_is_a_domain_like_any():
    found = grouped("domain", [Document(str(at), "x", name) for at, name in enumerate(["web", "other", "web"])])
    assert found.names == ("other", "web") and found.of_document.tolist() == [1, 0, 1] and found.facts == {}


def test_sources_beyond_the_largest_are_put_together():
    documents = [Document(str(at), "x", "d", source) for at, source in enumerate("aabbcd")]
    found = grouped("source", documents, largest=2)
    assert found.names == ("a", "b", "other") and found.of_document.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.facts == {"joined": 2}
    assert grouped("source", [Document("1", "x", "d")]).names == ("not stated",)


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ({"taxonomy": "a/b/c"}, "a/b"), ({"taxonomy": ["a", "b", "c"]}, "a/b"), ({"node": " a / "}, "a"),
        ({"taxonomy": ""}, "unassigned"), ({"taxonomy": "//"}, "unassigned"), ({}, "unassigned"),
    ],
)  # fmt: skip
def test_paths_of_taxonomy_nodes(meta, name):
    found = grouped("taxonomy", [Document("1", "x", "d", meta=meta)])
    assert found.names == (name,) and found.facts["unassigned"] == (name == "unassigned")


def test_quantiles_by_hand_with_one_value_missing():
    """Five texts of equal weight, values 0 to 3 and none: ranks 1/8, 3/8, 5/8, 7/8, halves at 1/2."""
    values = np.array([2.0, 0.0, np.nan, 3.0, 1.0])
    found = GROUPINGS.build("quality", {"quantiles": 2}).assign(corpus_of(5, density=lambda measure: values))
    assert found.names == ("1 of 2", "2 of 2", "not measured")
    assert found.of_document.tolist() == [1, 0, 2, 1, 0] and found.facts["edges"] == [[0.0, 1.0], [2.0, 3.0]]


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    groups=st.integers(1, 6),
    sequence_length=st.integers(1, 16),
    seed=st.integers(0, 2**32 - 1),
)
def test_counts_of_any_assignment_sum_to_the_packed_tokens(lengths, groups, sequence_length, seed):
    rng = np.random.default_rng(seed)
    of_document = rng.integers(0, groups, len(lengths))
    documents = [np.full(length, 1, dtype=np.uint16) for length in lengths]
    packed = pack(documents, np.arange(len(lengths)), 0, sequence_length)
    counts = count_groups(packed.pieces, of_document, groups).toarray()
    assert np.array_equal(counts.sum(axis=1), np.diff(packed.offsets))
    assert counts.sum() + packed.dropped == sum(lengths) + len(lengths)


# -- a column in the place of density ----------------------------------------------------------------------------------


def gappy(context, name="columns-2"):
    """Columns: of MTLD short texts have none; of compression a higher ratio means an easier text."""
    keys = ["mtld", "compression"]
    asked = {"dataset": "dataset-1", "measures": [{"key": key} for key in keys], "workers": 1}
    context.artefacts[name] = Columns.open(measure.run(MeasureConfig.model_validate(asked), context).stored)
    return context.artefacts[name]


def test_a_column_stands_for_density_and_a_document_without_a_value_gets_the_middle_rank(context):
    columns = gappy(context)
    made = SequenceTable.open(group.run(config(columns="columns-2", column="mtld"), context).stored)
    values = np.asarray(columns.column("mtld"))
    unknown, ranks = np.isnan(values), made.documents.column("quality_rank").to_numpy()
    assert unknown.any() and (ranks[unknown] == 0.5).all()
    tokens, domains = made.documents.column("tokens").to_numpy(), columns.domain_codes()
    expected = ranks_within(values[~unknown], tokens[~unknown], domains[~unknown])
    assert np.array_equal(ranks[~unknown], expected)
    assert made.manifest["counts"]["unmeasured_documents"] == unknown.sum()
    assert any("get the middle rank" in line for line in context.lines)
    assert made.grouping("difficulty").names[1] == "length 1/3, mtld 2/3"
    said = made.manifest["recipe"]
    assert (said["columns"], said["column"]) == (columns.digest, "mtld")


def test_of_a_column_where_more_is_easier_the_lowest_is_the_hardest(context):
    columns = gappy(context)
    name = next(item.name for item in columns.facts if item.direction == "easier")
    made = SequenceTable.open(group.run(config(columns="columns-2", column=name), context).stored)
    values, ranks = np.asarray(columns.column(name)), made.documents.column("quality_rank").to_numpy()
    mine = (columns.domain_codes() == 0) & ~np.isnan(values)
    assert ranks[mine][np.argmin(values[mine])] == ranks[mine].max() > ranks[mine][np.argmax(values[mine])]


def test_the_recipe_of_a_table_without_a_column_says_nothing_of_columns(context):
    assert set(group.recipe_of(config(), [])) == {
        "vocab_size", "sequence_length", "held_out_tokens", "length_bins", "quality_bins", "quality_measure",
        "length_weight", "seed", "held_out_share", "near_duplicates",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"columns": "columns-1"}, "column"),
        ({"column": "length"}, "column"),
        ({"columns": "columns-1", "column": "colour"}, "column"),
        ({"dataset": "dataset-2", "columns": "columns-1", "column": "length"}, "columns"),
    ],
)
def test_a_column_that_cannot_be_used_for_difficulty_is_named(context, said, field):
    context.artefacts["dataset-2"] = store_dataset(context, list(corpus(200)))
    with pytest.raises(InputError) as caught:
        group.run(config(**said), context)
    assert caught.value.problems[0].field == field and caught.value.problems[0].hint
