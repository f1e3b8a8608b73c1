"""Metadata before a text, for the first part of a run: which documents get it and what it says (pure).

Metadata conditioning then cooldown, MeCo (Gao et al., arXiv 2501.01956). Documents are split once, with a seed: the
first part is packed under metadata, which is context and never a target; the rest stays plain.
"""

from __future__ import annotations

import re

import numpy as np

from chimera.errors import InputError, Problem
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import Corpus, DocumentGrouping, Groups
from curriculum_app.core.packing import Int, Mask, Packed, Tokens, joined, pack, token_dtype
from curriculum_app.core.packing_heads import pack_under
from curriculum_app.core.tokenizer import Reading

GROUPING = "conditioning"
CONDITIONED, PLAIN, APART = "conditioned", "plain", "apart"
UNKNOWN = "unknown"
_SCHEME = re.compile(r"^https?://")


def host_of(url: str) -> str:
    """An address without its scheme, up to the first slash: "https://en.wikipedia.org/wiki/A" is "en.wikipedia.org"."""
    return _SCHEME.sub("", url).split("/")[0]


def said_of(document: Document, config: GroupConfig) -> str:
    """What the chosen metadata of a document is; empty where it has none."""
    if config.metadata == "url":
        return host_of(document.url)
    if config.metadata == "meta":
        value = document.meta.get(config.metadata_field)
        return "" if value is None or isinstance(value, dict | list) else str(value)
    return document.source if config.metadata == "source" else document.domain


def head_text(said: str, config: GroupConfig) -> str:
    """The words before a text: "URL: en.wikipedia.org" and an empty line; none where nothing is said."""
    labels = {"url": "URL", "source": "Source", "domain": "Domain", "meta": config.metadata_field}
    return f"{labels[config.metadata]}: {said}\n\n" if said else ""


class Conditioning(DocumentGrouping):
    """Splits documents into those under metadata and plain ones, and is the grouping that tells them apart."""

    title = "Conditioning"
    summary = "Documents under their metadata, and plain ones for the cooldown."
    key = GROUPING

    def __init__(self, config: GroupConfig) -> None:
        self.config: GroupConfig = config
        self._said: list[str] = []
        self._conditioned = self._apart = np.zeros(0, dtype=np.int64)
        self._facts: dict[str, int] = {}

    def look(self, document: Document) -> None:
        self._said.append(" ".join(said_of(document, self.config).split()))

    def pack(self, encoded: list[Tokens], training: Int, apart: Int, reading: Reading) -> tuple[Packed, Mask]:
        """Sequences under metadata, then plain ones; no sequence holds both.

        Args:
            encoded: tokens of every document. training: rows in random order; the last ones stay plain.
            apart: rows of documents that belong to neither part and are packed elsewhere.

        Raises:
            InputError: one of both parts fills no sequence.
        """
        length, eos_id = self.config.sequence_length, reading.eos_id
        first, rest = self._split(encoded, training)
        heads = self._heads(reading, first)
        under, mask = pack_under(heads, [encoded[row] for row in first], first, eos_id, length)
        plain = pack([encoded[row] for row in rest], rest, eos_id, length)
        for name, part in ((CONDITIONED, under), (PLAIN, plain)):
            if len(part.offsets) == 1:
                hint = "choose another cooldown_share, or shorter sequences"
                raise InputError(Problem(f"the {name} documents fill no sequence", field="cooldown_share", hint=hint))
        self._conditioned, self._apart = first, apart
        self._facts["context_tokens"] = int(len(mask) - mask.sum())
        return joined([under, plain]), np.concatenate([mask, np.ones(len(plain.tokens), dtype=np.uint8)])

    def _split(self, encoded: list[Tokens], training: Int) -> tuple[Int, Int]:
        """Rows under metadata, rows that stay plain: as near to the shares of the tokens as whole documents allow."""
        ends = np.cumsum([len(encoded[row]) + 1 for row in training])
        cut = int(np.abs(np.append(0, ends) - (1 - self.config.cooldown_share) * ends[-1]).argmin())
        return training[:cut], training[cut:]

    def _heads(self, reading: Reading, rows: Int) -> list[Tokens]:
        """The tokens before each document; one whose metadata fills more than half a sequence has none."""
        missing = UNKNOWN if self.config.missing_metadata == UNKNOWN else ""
        ids = {said: self._encoded(reading, said) for said in {self._said[row] for row in rows} | {missing}}
        longest = self.config.sequence_length // 2
        too_long = {said for said, tokens in ids.items() if len(tokens) > longest}
        if missing in too_long:
            hint = f"at least {2 * len(ids[missing])}"
            raise InputError(Problem("too short for metadata and text", field="sequence_length", hint=hint))
        said = [self._said[row] for row in rows]
        self._facts = {
            "without_metadata": sum(not word for word in said),
            "too_long_metadata": sum(word in too_long for word in said),
        }
        return [ids[missing if not word or word in too_long else word] for word in said]

    def _encoded(self, reading: Reading, said: str) -> Tokens:
        ids = reading.tokenizer.encode(head_text(said, self.config), add_special_tokens=False).ids
        tokens: Tokens = np.array(ids, dtype=token_dtype(reading.vocab_size))  # type: ignore[assignment]
        return tokens

    def assign(self, corpus: Corpus) -> Groups:
        of_document = np.ones(len(self._said), dtype=np.int64)
        of_document[self._conditioned], of_document[self._apart] = 0, 2
        names = (CONDITIONED, PLAIN, APART) if len(self._apart) else (CONDITIONED, PLAIN)
        return Groups(names, of_document, {"metadata": self.config.metadata, **self._facts})
