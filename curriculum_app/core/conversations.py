"""Conversations and preferences in documents: where they stand in `meta`, and how a person reads them (pure).

`meta` of a document holds one of

* `messages`: a list of `{"role", "content"}`,
* `prompt` and `completion`,
* `chosen` and `rejected`, with a `prompt` or, as lists of messages, each with the whole conversation,

where prompt, completion, chosen and rejected are texts or lists of messages (the names and meanings of `trl`'s
dataset formats; a prompt in plain text beside lists of messages repeats what they begin with). `text` shows the same
to people and filters: curation reads `text`, training reads `meta`, and what a filter changes in one is changed in the
other (`rewritten`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Literal

from curriculum_app.core.documents import Document

ROLE, CONTENT = "role", "content"
Reason = Literal["no_conversation", "no_answer", "control_tokens", "template", "too_long"]
PARTS = ("messages", "prompt", "completion", "chosen", "rejected")


class NoExample(ValueError):
    """A document that gives no example; `reason` is counted, the message says more."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Message:
    """One turn."""

    role: str
    content: str

    def as_json(self) -> dict[str, str]:
        return {ROLE: self.role, CONTENT: self.content}


Said = str | tuple[Message, ...]  # a plain text, or turns


@dataclass(frozen=True)
class Chat:
    """What is learnt from: turns whose assistant ones are targets, or a plain `prompt` and the text that follows it."""

    prompt: Said
    completion: Said


@dataclass(frozen=True)
class Pair:
    """A prompt with the answer that was preferred and the one that was not."""

    prompt: Said
    chosen: Said
    rejected: Said


def is_messages(value: Any) -> bool:
    """Whether a JSON value is a list of messages with text in them."""
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get(ROLE), str) and isinstance(value.get(CONTENT), str)


def chat_of(meta: Mapping[str, Any]) -> Chat:
    """The conversation of a document's meta; of a preference the chosen answer.

    Raises:
        NoExample: there is none.
    """
    if "messages" in meta:
        messages = _said(meta, "messages")
        if isinstance(messages, str):
            raise NoExample("no_conversation", "messages is a text, not a list of {role, content}")
        return Chat((), messages)
    if "chosen" in meta:
        pair = pair_of(meta)
        return Chat(pair.prompt, pair.chosen)
    if "completion" not in meta:
        raise NoExample("no_conversation", "has neither messages nor prompt and completion")
    prompt, completion = _said(meta, "prompt"), _said(meta, "completion")
    _require_same_kind(prompt, completion)
    return Chat(prompt, completion)


def pair_of(meta: Mapping[str, Any]) -> Pair:
    """The preference of a document's meta.

    Raises:
        NoExample: there is none.
    """
    if missing := [name for name in ("chosen", "rejected") if name not in meta]:
        raise NoExample("no_conversation", f"has no {' and no '.join(missing)}")
    chosen, rejected = _said(meta, "chosen"), _said(meta, "rejected")
    _require_same_kind(chosen, rejected)
    prompt = _said(meta, "prompt") if "prompt" in meta else None
    if prompt is not None and isinstance(prompt, str) == isinstance(chosen, str):
        return Pair(prompt, chosen, rejected)
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise NoExample("no_conversation", "chosen and rejected are texts without a prompt")
    shared = len(list(takewhile(lambda both: both[0] == both[1], zip(chosen, rejected, strict=False))))
    shared = min(shared, len(chosen) - 1, len(rejected) - 1)
    return Pair(chosen[:shared], chosen[shared:], rejected[shared:])


def _require_same_kind(one: Said, other: Said) -> None:
    if isinstance(one, str) != isinstance(other, str):
        raise NoExample("no_conversation", "mixes a text with a list of messages")


def _said(meta: Mapping[str, Any], name: str) -> Said:
    value = meta.get(name)
    if isinstance(value, str):
        return value
    if not is_messages(value):
        raise NoExample(
            "no_conversation", f"{name} is neither a text nor a list of {{role, content}} with text in them"
        )
    assert isinstance(value, list)
    return tuple(Message(item[ROLE], item[CONTENT]) for item in value)


def shown(value: Any) -> str:
    """A text as it is, messages one after another under their roles: what a person reads."""
    return value if isinstance(value, str) else "\n\n".join(f"{item[ROLE]}: {item[CONTENT]}" for item in value)


def rendered(meta: Mapping[str, Any]) -> str:
    """The text of a document that holds a conversation or a preference, as the templates of `SHAPES` give it."""
    parts = [
        (name, shown(meta[name])) for name in PARTS if isinstance(meta.get(name), str) or is_messages(meta.get(name))
    ]
    labels = {"chosen": "[chosen]\n", "rejected": "[rejected]\n"}
    return "\n\n".join(labels.get(name, "") + text for name, text in parts).strip()


# The keys of a record, and the template of the text that a person reads: what a mapping of such records looks like.
SHAPES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("prompt", "chosen", "rejected"), "{prompt}\n\n[chosen]\n{chosen}\n\n[rejected]\n{rejected}"),
    (("chosen", "rejected"), "[chosen]\n{chosen}\n\n[rejected]\n{rejected}"),
    (("messages",), "{messages}"),
    (("prompt", "completion"), "{prompt}\n\n{completion}"),
)


def mapping_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mapping of an import of records that all hold a conversation or a preference; empty if they do not."""
    for names, template in SHAPES:
        values = [record.get(name) for record in records for name in names]
        if values and all(isinstance(value, str) or is_messages(value) for value in values):
            return {"text": {"template": template}, **{name: name for name in names}}
    return _under_other_names(records)


# What others call a question and its answer; taken only of records without a text of their own.
PROMPT_NAMES = ("prompt", "instruction", "question", "query")
COMPLETION_NAMES = ("completion", "response", "answer", "output", "reply")


def _under_other_names(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = {key for record in records for key, value in record.items() if isinstance(value, str)}
    prompt, completion = (
        next((name for name in names if name in keys and all(isinstance(r.get(name), str) for r in records)), None)
        for names in (PROMPT_NAMES, COMPLETION_NAMES)
    )
    if prompt is None or completion is None or "text" in keys:
        return {}
    template = "{" + prompt + "}\n\n{" + completion + "}"
    return {"text": {"template": template}, "prompt": prompt, "completion": completion}


def holds_example(meta: Mapping[str, Any]) -> bool:
    """Whether meta follows the convention; cheap, and only by its names."""
    return any(name in meta for name in ("messages", "completion", "chosen"))


def rewritten(document: Document, change: Callable[[str], str]) -> Document:
    """The document with `change` applied to every text of its conversation, and `text` made of them anew."""
    meta = {**document.meta, **{name: _changed(document.meta[name], change) for name in PARTS if name in document.meta}}
    return document if meta == document.meta else replace(document, meta=meta, text=rendered(meta))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    return [{**item, CONTENT: change(item[CONTENT])} for item in value] if is_messages(value) else value
