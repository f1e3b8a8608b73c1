"""A first guess at the mapping from the names and values of the keys; people look at it before anything is read."""

from __future__ import annotations

from typing import Any

from curriculum_app.core.conversations import mapping_of
from curriculum_app.core.documents import Content
from curriculum_app.core.readers.base import Raw
from curriculum_app.core.readers.preview import Key, Sample, keys_of

# Target → what its key is usually called, best first. Targets after "source" go to the record's meta.
NAMES: dict[str, tuple[str, ...]] = {
    "text": ("text", "content", "body", "raw_content", "html", "code", "article", "passage", "document", "contents"),
    "id": ("id", "_id", "uuid", "doc_id", "docid", "document_id", "record_id"),
    "url": ("url", "uri", "link", "source_url", "page_url", "canonical_url"),
    "title": ("title", "headline", "heading", "subject"),
    "license": ("license", "licence", "license_name", "rights"),
    "source": ("source", "source_name", "dataset", "corpus"),
    "language": ("language", "lang", "language_code", "locale"),
    "date": ("date", "published", "published_at", "created_at", "timestamp", "datetime", "crawl_date"),
}
_FITTING = {"id": {"text", "number"}, "date": {"text", "number"}}


def guess(sample: Sample) -> dict[str, Any]:
    """Target → rule. What the format itself knows (an id, a title) is not guessed; a text always is if any key fits.

    Records of conversations or preferences keep those in the meta, and their text shows them.
    """
    keys = keys_of(sample)
    examples = mapping_of([item.values for item in sample.records if isinstance(item, Raw)])
    known = set(examples) | {target for item in sample.records if isinstance(item, Raw) for target in item.known}
    found: dict[str, Any] = examples
    for target, names in NAMES.items():
        fitting = [key for key in keys if _fits(target, key) and key.name not in found.values()]
        named = None if target in known else _named(fitting, names)
        if named is None and target == "text" and not examples:
            named = max(fitting, key=lambda key: key.mean_chars * key.share, default=None)
        if named is not None:
            found[target] = named.name
    return found


def guess_content(sample: Sample, text_key: Any) -> Content:
    """What the text holds, by the key's name and how the texts begin; what is put together is text."""
    if not isinstance(text_key, str):
        return "text"
    name = text_key.lower().rpartition(".")[2]
    beginnings = [example for key in keys_of(sample) if key.name == text_key for example in key.examples]
    if "html" in name or any(text.lstrip().lower().startswith(("<!doctype", "<html", "<body")) for text in beginnings):
        return "html"
    return "code" if name in ("code", "source_code", "func_code_string") else "text"


def _fits(target: str, key: Key) -> bool:
    """An id names one record each; the rest is text."""
    kinds = set(key.types)
    return bool(kinds) and kinds <= _FITTING.get(target, {"text"}) and (target != "id" or key.distinct)


def _named(keys: list[Key], names: tuple[str, ...]) -> Key | None:
    """The key with the best name: as a whole, else by the last part of `a.b.c`."""
    by_name = {key.name.lower(): key for key in reversed(keys)}
    by_end = {name.rpartition(".")[2]: key for name, key in by_name.items()}
    return next((found[name] for found in (by_name, by_end) for name in names if name in found), None)
