"""From a conversation to the tokens a checkpoint is shown: by its chat template, else as plain text to continue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from chimera.errors import InputError, Problem
from training_app.core.configs_models import Message

TEMPLATE, SETTINGS = "chat_template.jinja", "tokenizer_config.json"


@dataclass(frozen=True)
class Shown:
    """The tokens of a prompt. `dropped`: the oldest turns that did not fit; `templated`: by a chat template."""

    ids: list[int]
    templated: bool
    dropped: int


def template_of(path: Path) -> str:
    """The chat template in a checkpoint's folder, "" without one."""
    if (path / TEMPLATE).is_file():
        return (path / TEMPLATE).read_text(encoding="utf-8")
    found = _settings(path).get("chat_template", "")
    if isinstance(found, list):  # several by name: [{"name": "default", "template": …}]
        found = next((each.get("template", "") for each in found if each.get("name") == "default"), "")
    return found if isinstance(found, str) else ""


def _settings(path: Path) -> dict[str, Any]:
    file = path / SETTINGS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


class Reader:
    """What turns conversations into tokens for the checkpoint in `path`; `start_id` begins a plain text."""

    def __init__(self, path: Path, start_id: int | None) -> None:
        self.path, self.start_id = path, start_id
        self.template = template_of(path)
        self.tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))

    def show(self, messages: Sequence[Message], room: int) -> Shown:
        """The prompt in at most `room` tokens: the oldest turns are left out, a system prompt is kept.

        Raises:
            InputError: the last turn alone is too long, or the template refuses the conversation.
        """
        kept, dropped = list(messages), 0
        while len(ids := self._ids(kept)) > room:
            oldest = next((at for at, message in enumerate(kept[:-1]) if message.role != "system"), None)
            if oldest is None:
                message = f"the prompt has {len(ids):,} tokens, the model reads {room:,}"
                raise InputError(Problem(message, "messages", hint="shorten the prompt or the system prompt"))
            del kept[oldest]
            dropped += 1
        return Shown(ids, bool(self.template), dropped)

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        if self.template:
            return self.tokenizer.encode(self._rendered(messages), add_special_tokens=False).ids
        text = "\n\n".join(message.content for message in messages)
        start = [] if self.start_id is None else [self.start_id]
        return start + self.tokenizer.encode(text, add_special_tokens=False).ids

    def _rendered(self, messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template  # in jinja2's sandbox

        turns = [message.as_json() for message in messages]
        try:
            settings: dict[str, Any] = {"chat_template": self.template, "add_generation_prompt": True, **self._special}
            return str(render_jinja_template([turns], **settings)[0][0])
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            message = f"the chat template refuses this conversation: {error}"[:300]
            raise InputError(Problem(message, "messages", TEMPLATE, hint="leave the system prompt empty?")) from error

    @cached_property
    def _special(self) -> dict[str, str]:
        """What templates call `bos_token` and `eos_token`."""
        named = {name: _settings(self.path).get(name) for name in ("bos_token", "eos_token", "pad_token")}
        return {name: word["content"] if isinstance(word, dict) else str(word or "") for name, word in named.items()}
