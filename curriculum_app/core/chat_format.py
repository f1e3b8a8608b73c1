"""Conversations as the text a model is shown, with the stretches it has to learn (pure; jinja2 in its sandbox)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curriculum_app.core.conversations import Message, NoExample
from curriculum_app.core.sequences import CHAT_TEMPLATE
from curriculum_app.core.tokenizer import Reading

ASSISTANT = "assistant"
SETTINGS = "tokenizer_config.json"
WORDS = ("bos_token", "eos_token", "unk_token", "pad_token")
# Every turn begins with its role and ends with the model's own end of text: it needs no token a model may lack.
PLAIN = (
    "{%- for message in messages -%}{{ '<|' + message['role'] + '|>\\n' + message['content'] + END }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}"
)

Segment = tuple[str, bool]  # text, and whether it is to be learnt


def template_of(folder: Path) -> str:
    """The chat template in a model's folder, "" without one."""
    if (folder / CHAT_TEMPLATE).is_file():
        return (folder / CHAT_TEMPLATE).read_text(encoding="utf-8")
    found = _settings(folder).get("chat_template", "")
    if isinstance(found, list):  # several by name: [{"name": "default", "template": ...}]
        found = next((each.get("template", "") for each in found if each.get("name") == "default"), "")
    return found if isinstance(found, str) else ""


def special_words(folder: Path) -> dict[str, str]:
    """What templates call `bos_token`, `eos_token` and so on."""
    named = {name: _settings(folder).get(name) for name in WORDS}
    return {name: word["content"] if isinstance(word, dict) else str(word or "") for name, word in named.items()}


def _settings(folder: Path) -> dict[str, Any]:
    file = folder / SETTINGS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def plain_template(end: str) -> str:
    """The built-in template: `<|role|>`, a line break, the words, and the token `end`, for every turn."""
    return PLAIN.replace("END", repr(end))


@dataclass(frozen=True)
class ChatFormat:
    """A chat template with the words it may use."""

    template: str
    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: Reading, *, plain: bool = False) -> ChatFormat:
        """That of the model the tokenizer belongs to, else the built-in one."""
        found = template_of(reading.folder) if reading.folder and not plain else ""
        words = special_words(reading.folder) if reading.folder and found else {}
        return cls(found or plain_template(reading.end), words)

    def render(self, turns: Sequence[Message], *, prompt: bool = False) -> str:
        """The conversation as text; with `prompt` up to where the assistant begins to speak.

        Raises:
            NoExample: the template refuses it.
        """
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template  # in jinja2's sandbox

        try:
            texts: list[str] = render_jinja_template(  # type: ignore[assignment]  # a pair, whatever it says
                [[turn.as_json() for turn in turns]],
                chat_template=self.template,
                add_generation_prompt=prompt,
                **self.words,  # type: ignore[arg-type]
            )[0]
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            raise NoExample("template", f"the chat template refuses it: {error}"[:300]) from error
        return texts[0]

    def segments(self, turns: Sequence[Message], first: int = 0) -> list[Segment]:
        """The text cut where learning begins and ends: the assistant's turns from `first` on are learnt.

        A turn is learnt from where the template lets the assistant begin to where it ends the turn, its end token
        included. What comes after the last such turn is left out.

        Raises:
            NoExample: there is no such turn, or the template does not let its turns be found.
        """
        whole, done = self.render(turns), 0
        found: list[Segment] = []
        for index in range(first, len(turns)):
            if turns[index].role != ASSISTANT:
                continue
            before, after = self.render(turns[:index], prompt=True), self.render(turns[: index + 1])
            if not (whole.startswith(after) and after.startswith(before) and len(before) >= done):
                raise NoExample("template", "the chat template writes a turn otherwise once others follow")
            found += [(whole[done : len(before)], False), (whole[len(before) : len(after)], True)]
            done = len(after)
        if not found:
            raise NoExample("no_answer", "has no turn of the assistant")
        return found
