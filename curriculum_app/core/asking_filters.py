"""Filters asked about single documents by a process that does not load what filters need: web pages (pure).

Filters load spaCy, and spaCy loads torch where it is installed, so pages ask a helper process, which starts with the
first question and stays. A text that hangs a filter ends the helper, not the page.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from curriculum_app.core.documents import Document
from curriculum_app.core.examination import Step, examine, steps_of
from curriculum_app.core.filters.base import Filter, FilterChoice, Span
from curriculum_app.core.time_limit import TimeLimited

SECONDS = 20.0  # of processor time that one question may take


def answer(question: Mapping[str, Any]) -> Any:
    """The helper's side: `{"ask": "steps" | "passages", "documents": rows, ...}` to JSON values."""
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type] # spaCy would load it unasked: 1.7 s and 200 MB
    documents = [Document.from_row(row) for row in question["documents"]]
    if question["ask"] == "steps":
        recipe = [FilterChoice.model_validate(choice) for choice in question["recipe"]]
        return [asdict(step) for step in examine(documents[0], recipe)]
    built: Filter = FilterChoice.model_validate(question["filter"]).build()
    return [built.passages(document, question["reason"]) for document in documents]


_HELPER = TimeLimited(answer.__module__, answer.__name__, SECONDS)


def steps(document: Document, recipe: Sequence[Mapping[str, Any]]) -> list[Step]:
    """What every filter of a recipe (choices as JSON) says about a document: see `examination.examine`.

    Raises:
        TimedOut: it took longer than `SECONDS` of processor time.
        CallFailed: a filter failed.
    """
    return steps_of(_HELPER.call({"ask": "steps", "documents": [document.as_row()], "recipe": list(recipe)}))


def passages(documents: Sequence[Document], choice: FilterChoice, reason: str) -> list[list[Span]]:
    """Where in each document, as it came into the filter, the rule `reason` found what it counts.

    Raises:
        TimedOut, CallFailed: see `steps`.
    """
    rows = [document.as_row() for document in documents]
    found = _HELPER.call({"ask": "passages", "documents": rows, "filter": choice.as_json(), "reason": reason})
    return [[(int(start), int(end)) for start, end in spans] for spans in found]
