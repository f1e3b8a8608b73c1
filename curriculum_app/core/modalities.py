"""Modalities of documents: how many of each a version holds, and the condition that finds them in its shards."""

from __future__ import annotations

from typing import get_args

import pyarrow.compute as pc
import pyarrow.dataset as pads

from curriculum_app.core.documents import Document, MediaType, Modality

MODALITIES: tuple[Modality, ...] = get_args(Modality)
# The column `media` is canonical JSON: keys in order, quotes inside strings escaped.
_STRING = r'"(?:[^"\\]|\\.)*"'
_IN_PLACE = r'"offset":[0-9]'
_FIRST = rf'^\[\{{"alt":{_STRING},"mime":{_STRING},"num_bytes":[0-9]+,"offset":null,"sha256":"[0-9a-f]*","type":'


class ModalityCounts:
    """Documents, UTF-8 bytes of text, media and their stored bytes, by modality. Media that two documents share count
    for both."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, document: Document) -> None:
        empty = {"documents": 0, "bytes": 0, "media": 0, "media_bytes": 0}
        counts = self._counts.setdefault(document.modality, empty)
        counts["documents"] += 1
        counts["bytes"] += document.num_bytes
        counts["media"] += len(document.media)
        counts["media_bytes"] += sum(item.num_bytes for item in document.media)

    def facts(self) -> dict[str, dict[str, int]]:
        return dict(sorted(self._counts.items()))


def has_modality(modality: str) -> pads.Expression:
    """The condition on the rows of a shard that `Document.modality` is the one asked for; of an unknown one, never."""
    media, content = pads.field("media"), pads.field("content")
    if modality in ("text", "code"):
        is_code = content == "code"
        without = media.is_null() | (media == "")  # null where the shard is older than the column
        return without & (is_code if modality == "code" else ~is_code)
    in_place = pc.match_substring_regex(media, _IN_PLACE)
    if modality == "interleaved":
        return in_place
    kinds = {f"{kind}_text": kind for kind in get_args(MediaType)}
    return ~in_place & pc.match_substring_regex(media, f'{_FIRST}"{kinds.get(modality, "none")}"')
