"""Group and schedule as jobs: from a dataset version to an order."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from chimera.context import Cancelled, LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs_order import GroupConfig, ScheduleConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import group, schedule
from curriculum_app.core.schedule import Schedule, tokens_shown
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import END_OF_TEXT
from tests.core.curriculum.sequence_factory import DOMAINS, make_text


def corpus(count=240):
    rng = np.random.default_rng(7)
    for number in range(count):
        domain = DOMAINS[number % 4]
        text = make_text(domain, rng, int(rng.integers(5, 120)))
        if number == 9:
            text += f" {END_OF_TEXT} ünï"
        yield Document(f"{domain}/{number}", text, domain, "made-up", "CC0-1.0", title=f"T{number}")


def store_dataset(context: LocalContext, documents) -> DatasetVersion:
    with context.store.stage("dataset") as stage, DatasetWriter(stage.path, {}) as writer:
        for document in documents:
            writer.add(document)
        writer.close()
        facts = {"counts": {"documents": 0, "bytes": 0}, "domains": {}} | writer.facts()
        return DatasetVersion.open(stage.seal(writer.digest(), {"name": "made-up", "stage": "curated", **facts}))


def config(**changes) -> GroupConfig:
    defaults = {"name": "g", "dataset": "dataset-1", "vocab_size": 320, "sequence_length": 32, "held_out_tokens": 512}
    return GroupConfig.model_validate(defaults | changes)


def context_with(root, documents) -> LocalContext:
    context = LocalContext(root)
    context.artefacts["dataset-1"] = store_dataset(context, documents)
    return context


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    context = context_with(tmp_path_factory.mktemp("group"), corpus())
    table = SequenceTable.open(group.run(config(), context).stored)
    context.artefacts["sequences-1"] = table
    return context, table


def test_every_sequence_is_full_and_counted_in_every_grouping(grouped):
    table = grouped[1]
    assert set(table.lengths) == {32}
    assert table.grouping("domain").names == DOMAINS
    assert len(table.grouping("difficulty").names) == 9
    for name in ("domain", "difficulty"):
        assert np.array_equal(table.grouping(name).dense().sum(axis=1), table.lengths)
    assert table.bins.shape == (table.num_sequences, 8)


def test_tokens_are_all_accounted_for(grouped):
    manifest, documents = grouped[1].manifest, grouped[1].documents
    trained = sum(facts["training_documents"] for facts in manifest["domains"].values())
    held = documents.column("held_out").to_numpy()
    tokens = documents.column("tokens").to_numpy()
    assert trained == (~held).sum()
    packed_and_dropped = manifest["num_tokens"] + manifest["counts"]["tail_dropped_tokens"]
    assert packed_and_dropped == tokens[~held].sum() + trained  # one end of text each


def test_sequences_decode_to_their_documents(grouped):
    table = grouped[1]
    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    texts = {document.id: document.text for document in corpus()}
    for piece in table.documents_of(11):
        ids = table.tokens_of(11)[piece.start : piece.start + piece.length]
        text = tokenizer.decode([token for token in ids.tolist() if token != table.eos_id])
        assert text.strip("�") in texts[piece.document["id"]]


def test_held_out_text_is_enough_exact_and_apart_from_training(grouped):
    table = grouped[1]
    assert list(table.held_out()) == list(DOMAINS)
    held = set(np.flatnonzero(table.documents.column("held_out").to_numpy()))
    assert not held & set(table.pieces.documents.tolist())
    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    for part in table.held_out().values():
        assert part.predicted_tokens >= 512
        decoded = tokenizer.decode(part.predicted().tolist(), skip_special_tokens=False)
        assert len(decoded.encode()) == part.total_bytes


def test_ranks_are_within_a_domain_and_bins_follow_from_them(grouped):
    index = grouped[1].documents
    domains = np.array(index.column("domain").to_pylist())
    ranks, tokens = index.column("length_rank").to_numpy(), index.column("tokens").to_numpy()
    for domain in DOMAINS:
        mine = domains == domain
        assert np.average(ranks[mine], weights=tokens[mine]) == pytest.approx(0.5)
    quality = index.column("quality_rank").to_numpy()
    expected = (ranks * 3).astype(int) * 3 + (quality * 3).astype(int)
    assert np.array_equal(index.column("difficulty_bin").to_numpy(), expected)


def test_the_same_dataset_and_settings_give_the_same_table_and_a_seed_another(grouped, tmp_path):
    context, table = grouped
    fresh = LocalContext(tmp_path, artefacts=context.artefacts)
    assert group.run(config(name="again"), fresh).stored.digest == table.digest
    assert group.run(config(seed=1), context).stored.digest != table.digest


def test_surprisal_can_stand_for_quality(grouped):
    context, table = grouped
    other = SequenceTable.open(group.run(config(quality_measure="surprisal"), context).stored)
    assert np.array_equal(other.tokens, table.tokens)
    assert not np.array_equal(other.difficulty, table.difficulty)


def test_end_of_text_written_in_a_document_is_text(grouped):
    table = grouped[1]
    trained = sum(facts["training_documents"] for facts in table.manifest["domains"].values())
    assert (np.asarray(table.tokens) == table.eos_id).sum() <= trained


def test_an_empty_dataset_is_an_error_that_names_the_field(tmp_path):
    with pytest.raises(InputError) as caught:
        group.run(config(), context_with(tmp_path, []))
    assert caught.value.problems[0].field == "dataset"


def test_a_domain_too_small_to_hold_out_is_named(tmp_path):
    with pytest.raises(InputError, match="'code'"):
        group.run(config(held_out_tokens=100_000), context_with(tmp_path, corpus(40)))


def test_a_corpus_that_fills_no_sequence_is_an_error(tmp_path):
    documents = [Document(f"d{n}", f"{chr(97 + n) * 4} " * 60, "prose") for n in range(20)]
    with pytest.raises(InputError) as caught:
        group.run(config(held_out_tokens=256, sequence_length=16384), context_with(tmp_path, documents))
    assert caught.value.problems[0].field == "sequence_length"


def test_a_cancelled_group_stops_and_leaves_nothing(tmp_path):
    context = context_with(tmp_path, corpus(40))
    context.requested = "cancel"
    with pytest.raises(Cancelled):
        group.run(config(held_out_tokens=256), context)
    assert not (context.store.root / "sequences").exists()


def order_config(**changes) -> ScheduleConfig:
    defaults = {"name": "s", "sequences": "sequences-1", "policy": {"key": "easy_to_hard"}, "budget_tokens": 32 * 300}
    return ScheduleConfig.model_validate(defaults | changes)


def test_two_policies_over_one_pool_show_the_same_multiset_in_another_order(grouped):
    context, _ = grouped
    curriculum = Schedule.open(schedule.run(order_config(), context).stored)
    shuffled = Schedule.open(schedule.run(order_config(policy={"key": "shuffle"}), context).stored)
    assert curriculum.multiset_digest == shuffled.multiset_digest == curriculum.manifest["pool"]["digest"]
    assert curriculum.order_digest != shuffled.order_digest
    assert curriculum.num_tokens == 32 * 300


def test_a_schedule_says_what_it_planned_and_delivered(grouped):
    context, table = grouped
    stored = Schedule.open(schedule.run(order_config(), context).stored)
    manifest = stored.manifest
    assert manifest["policy"] == {"key": "easy_to_hard", "config": order_config().policy.config}
    assert manifest["adherence"]["exact"] is True
    assert sum(manifest["exposure"]["domain"].values()) == stored.num_tokens
    assert stored.grouping_name == "difficulty"
    assert tokens_shown(table, "difficulty", stored.rows).sum() == stored.num_tokens
    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest


def test_equal_schedule_configs_give_equal_artefacts(grouped):
    context, _ = grouped
    first, second = (schedule.run(order_config(name=name), context).stored for name in ("a", "b"))
    assert first.digest == second.digest
    assert schedule.run(order_config(seed=1), context).stored.digest != first.digest


def test_a_budget_beyond_the_corpus_is_an_error_at_its_field(grouped):
    context, table = grouped
    with pytest.raises(InputError) as caught:
        schedule.run(order_config(budget_tokens=table.num_tokens + 32), context)
    assert caught.value.problems[0].field == "budget_tokens"


def test_an_unknown_policy_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="easy_to_hard"):
        order_config(policy={"key": "easy_to_herd"})
