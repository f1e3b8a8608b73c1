"""From a conversation to the tokens a checkpoint is shown: by its chat template, else as plain text to continue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from chimera.errors import InputError, Problem
from curriculum_app.core.chat_format import special_words, template_of
from curriculum_app.core.sequences import CHAT_TEMPLATE
from training_app.core.configs_models import Message


@dataclass(frozen=True)
class Shown:
    """The tokens of a prompt. `dropped`: the oldest turns that did not fit; `templated`: by a chat template."""

    ids: list[int]
    templated: bool
    dropped: int


class Reader:
    """What turns conversations into tokens for the checkpoint in `path`; `start_id` begins a plain text."""

    def __init__(self, path: Path, start_id: int | None) -> None:
        self.path, self.start_id = path, start_id
        self.template, self._words = template_of(path), special_words(path)
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
            settings: dict[str, Any] = {"chat_template": self.template, "add_generation_prompt": True, **self._words}
            return str(render_jinja_template([turns], **settings)[0][0])
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            message = f"the chat template refuses this conversation: {error}"[:300]
            raise InputError(
                Problem(message, "messages", CHAT_TEMPLATE, hint="leave the system prompt empty?")
            ) from error
