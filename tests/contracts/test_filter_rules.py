"""What every filter that measures rules owes: its verdict and its measures agree, on real documents."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from chimera.registry import Entry
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Keep, first_failure
from tests.contracts.test_extensions import FILTER_ENTRIES, documents  # noqa: F401


@pytest.mark.parametrize("entry", FILTER_ENTRIES, ids=lambda entry: entry.key)
def test_what_a_filter_measures_and_its_verdict_agree(entry: Entry[Any], documents: list[Document]) -> None:  # noqa: F811
    """The first rule that is not passed is the drop; every rule names the setting that holds its bound."""
    step = FILTERS.build(entry.key)
    for document in [*documents, dataclasses.replace(documents[0], text="")]:
        measured, verdict = list(step.measure(document)), step.judge(document)
        assert all(math.isfinite(item.statistic) for item in measured)
        assert {item.field for item in measured} <= {"", *entry.config.model_fields}
        assert all(item.side or not item.field for item in measured)
        failed = first_failure(measured)
        if measured or isinstance(verdict, Keep):
            assert verdict == (failed or Keep(step.transform(document), getattr(verdict, "note", "")))
        for item in measured:
            spans = step.passages(document, item.reason)
            assert all(0 <= start <= end <= len(document.text) for start, end in spans)


@pytest.mark.parametrize("entry", FILTER_ENTRIES, ids=lambda entry: entry.key)
def test_rules_that_are_switched_off_are_measured_all_the_same(entry: Entry[Any], documents: list[Document]) -> None:  # noqa: F811
    theirs = FILTERS.build(entry.key)
    bounds = {item.field for document in documents[::7] for item in theirs.measure(document)} - {""}
    fields = entry.config.model_fields
    off = [name for name in bounds if type(None) in getattr(fields[name].annotation, "__args__", ())]
    ours = FILTERS.build(entry.key, dict.fromkeys(off))
    for document in documents[::7]:
        assert [(item.reason, item.statistic, item.side) for item in ours.measure(document)] == [
            (item.reason, item.statistic, item.side) for item in theirs.measure(document)
        ]
