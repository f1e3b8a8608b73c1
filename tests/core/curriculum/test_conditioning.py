"""Metadata before a text: what it says, that packing keeps it before its document, and that it is never a target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer

from chimera.errors import InputError
from curriculum_app.core.conditioning import head_text, host_of, said_of
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import group
from curriculum_app.core.packing_heads import pack_under
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.test_group_job import config, context_with, corpus

EOS = 0
PAGE = Document("a", "text", "web", "crawl", url="https://en.wikipedia.org/wiki/Oslo", meta={"year": 1905, "tags": []})


def with_addresses(extra: bool = False) -> list[Document]:
    """The documents of a crawl of three sites, every tenth without an address; with `extra` a domain of brackets."""
    found = [
        replace(item, url=f"https://site{n % 3}.org/a/{n}" if n % 10 else "") for n, item in enumerate(corpus(160))
    ]
    brackets = [Document(f"d{n}", "( [ ] ) " * 40, "procedural") for n in range(20)]
    return [*found, *brackets] if extra else found


def grouped(root: Path, documents: list[Document], **changes: Any) -> SequenceTable:
    return SequenceTable.open(group.run(config(**changes), context_with(root, documents)).stored)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SequenceTable]:
    """The same documents plain, and under the hosts of their addresses with brackets apart."""
    made = {"metadata": "url", "cooldown_share": 0.2}
    root = tmp_path_factory.mktemp
    return {
        "plain": grouped(root("plain"), with_addresses()),
        "conditioned": grouped(root("conditioned"), with_addresses(), **made),
        "apart": grouped(root("apart"), with_addresses(extra=True), apart=["procedural"], **made),
    }


def test_an_address_gives_its_host_and_a_text_stands_under_it() -> None:
    assert host_of("http://a.b.c") == "a.b.c" and host_of("a.org/x/y") == "a.org" and host_of("") == ""
    by_url = config(metadata="url")
    assert head_text(said_of(PAGE, by_url), by_url) == "URL: en.wikipedia.org\n\n"
    by_field = config(metadata="meta", metadata_field="year")
    assert head_text(said_of(PAGE, by_field), by_field) == "year: 1905\n\n"
    assert said_of(PAGE, config(metadata="meta", metadata_field="tags")) == ""
    assert [said_of(PAGE, config(metadata=kind)) for kind in ("source", "domain")] == ["crawl", "web"]


def test_a_cut_document_goes_on_under_its_head_and_a_head_is_never_cut() -> None:
    head, first, second = (np.array(ids, dtype=np.uint16) for ids in ([91, 92], range(1, 8), [11, 12, 13, 14, 15]))
    packed, mask = pack_under([head, head], [first, second], np.array([5, 3]), EOS, 6)
    assert packed.tokens.reshape(-1, 6).tolist() == [
        [0, 91, 92, 1, 2, 3],
        [0, 91, 92, 4, 5, 6],
        [0, 91, 92, 7, 0, 0],  # no room for the head and a token: one end of text that is no target
        [0, 91, 92, 11, 12, 13],
        [0, 91, 92, 14, 15, 0],
    ]
    assert mask.reshape(-1, 6).tolist() == [[0, 0, 0, 1, 1, 1]] * 2 + [[0, 0, 0, 1, 1, 0]] + [[0, 0, 0, 1, 1, 1]] * 2
    assert packed.pieces.documents.tolist() == [5, 5, 5, 3, 3] and packed.dropped == 0


pieces = st.lists(st.tuples(st.lists(st.just(99), max_size=3), st.lists(st.integers(1, 9), max_size=20)), min_size=1)


@given(pieces, st.integers(6, 11))
def test_every_token_of_every_document_is_a_target_once_and_heads_stay_with_a_token(pairs: Any, length: int) -> None:
    heads, documents = ([np.array(pair[at], dtype=np.uint16) for pair in pairs] for at in (0, 1))
    packed, mask = pack_under(heads, documents, np.arange(len(pairs)), EOS, length)
    assert len(mask) == len(packed.tokens) == length * (len(packed.offsets) - 1)
    learnt = packed.tokens[(mask > 0) & (packed.tokens != EOS)].tolist()
    text = [token for tokens in documents for token in tokens]
    assert learnt == text[: len(learnt)] and len(text) - len(learnt) < length
    rows = packed.tokens.reshape(-1, length)
    assert not (rows[:, -1] == 99).any()
    after = np.flatnonzero(packed.tokens[:-1] == 99) + 1
    assert all(packed.tokens[at] == 99 or mask[at] for at in after)
    assert packed.pieces.lengths.sum() == len(packed.tokens)


def test_the_settings_are_for_packed_text_and_a_field_of_meta_is_named() -> None:
    for changes in ({"metadata": "url", "form": "chat"}, {"metadata": "meta"}, {"metadata_field": "year"}):
        with pytest.raises(ValidationError):
            config(**changes)


def test_without_metadata_and_domains_apart_a_table_is_what_it_was(tables: dict[str, SequenceTable]) -> None:
    assert not {"metadata", "cooldown_share", "apart"} & tables["plain"].manifest["recipe"].keys()
    assert tables["plain"].mask is None and "conditioning" not in tables["plain"].grouping_names


def test_documents_are_under_metadata_or_plain_and_held_out_text_is_plain(tables: dict[str, SequenceTable]) -> None:
    plain, table = tables["plain"], tables["conditioned"]
    assert table.form == "text" and table.mask is not None and set(table.lengths) == {32}
    parts = table.grouping("conditioning")
    assert parts.names == ("conditioned", "plain") and not (parts.counts.toarray() > 0).all(axis=1).any()
    shares = parts.totals() / table.num_tokens
    assert 0.1 < shares[1] < 0.2  # of the text a fifth; metadata makes the first part longer
    for domain, part in table.held_out().items():
        assert np.array_equal(part.tokens, plain.held_out()[domain].tokens)
    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    for index, (under, mask) in enumerate(zip(parts.dense()[:, 0] > 0, table.mask.reshape(-1, 32), strict=True)):
        said = tokenizer.decode(table.tokens_of(index).tolist(), skip_special_tokens=False)
        assert said.startswith("<|endoftext|>URL: ") == under and mask.all() != under
        context = tokenizer.decode(table.tokens_of(index)[mask == 0].tolist())
        assert all(part in ("", "unknown", "site0.org", "site1.org", "site2.org") for part in said_in(context))
    assert table.manifest["grouping_facts"]["conditioning"]["without_metadata"] > 0


def said_in(context: str) -> list[str]:
    return [part.removeprefix("URL: ") for part in context.split("\n\n")]


def test_domains_apart_share_no_sequence_and_are_not_held_out(tables: dict[str, SequenceTable]) -> None:
    table = tables["apart"]
    domains = table.grouping("domain")
    mine = domains.dense()[:, domains.names.index("procedural")]
    assert set(mine.tolist()) == {0, 32} and "procedural" not in table.held_out()
    assert table.grouping("conditioning").names == ("conditioned", "plain", "apart")
    assert table.grouping("conditioning").totals()[2] == mine.sum() and table.mask is not None
    assert table.mask.reshape(-1, 32)[mine > 0].all()


def test_what_cannot_be_is_refused_at_the_field(tmp_path: Path) -> None:
    def refused(**changes: Any) -> str:
        with pytest.raises(InputError) as caught:
            grouped(tmp_path / str(len(list(tmp_path.iterdir()))), with_addresses(), **changes)
        return caught.value.problems[0].field

    assert refused(apart=["brackets"]) == "apart"
    assert refused(apart=["code", "literature", "prose", "reference"]) == "apart"
    assert refused(metadata="url", cooldown_share=0.99999) == "cooldown_share"
    assert refused(metadata="url", sequence_length=8) == "sequence_length"


@pytest.mark.torch
def test_a_next_token_run_does_not_learn_metadata(tables: dict[str, SequenceTable]) -> None:
    from curriculum_app.core.schedule import rows_of
    from training_app.core.objectives.base import OBJECTIVES

    table = tables["conditioned"]
    rows = rows_of(table, np.array([0, table.num_sequences - 1]))
    arrays = OBJECTIVES.build("next_token").collate(rows, table)
    assert np.array_equal(arrays.weights[0] > 0, table.mask_of(0)[1:] > 0)
    assert (arrays.weights[1] == 1).all() and np.array_equal(arrays.tokens_of(0), table.tokens_of(0))
    rows["length"][0], rows["start"][0] = 3, 1  # a part of the metadata alone
    assert OBJECTIVES.build("next_token").collate(rows[:1], table).weights.sum() == 2
