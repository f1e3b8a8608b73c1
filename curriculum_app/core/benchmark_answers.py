"""Whether an item that has options also has one right among them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPTIONS = ("choices", "context_options")
ANSWERS = ("answer", "gold", "label", "answer_index", "answerKey", "target")  # as collections name it


def wrong_answer(record: Mapping[str, Any]) -> tuple[str, str]:
    """`(field, what is wrong with it)`, both empty for a good item and for one without options.

    The right answer is an index from 0, a letter from A, or the option's own text.
    """
    field = next((name for name in OPTIONS if name in record), "")
    options = record.get(field)
    if not field or options is None or isinstance(options, dict):  # Hugging Face's {"text": [...], "label": [...]}
        return "", ""
    if not isinstance(options, list) or not all(isinstance(option, str) and option for option in options):
        return field, "is not a list of texts"
    if len(options) < 2:
        return field, f"has {len(options)} options where at least two are needed"
    named = next((name for name in ANSWERS if record.get(name) is not None), "")
    if not named:
        return "answer", f"is missing: which of the {len(options)} options is right?"
    return (named, reason) if (reason := _not_among(record[named], options)) else ("", "")


def _not_among(answer: Any, options: list[str]) -> str:
    last = len(options) - 1
    if isinstance(answer, str) and answer in options:
        return ""
    if isinstance(answer, str) and answer.isdigit():
        answer = int(answer)
    if isinstance(answer, int) and not isinstance(answer, bool):
        return "" if 0 <= answer <= last else f"is {answer}, and the options are counted from 0 to {last}"
    if isinstance(answer, str) and len(answer) == 1 and 0 <= ord(answer.upper()) - ord("A") <= last:
        return ""
    return f"is {answer!r}, which is none of the {len(options)} options"[:200]
