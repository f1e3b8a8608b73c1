"""HTML pages of a folder, each as it is: what of it is text, the filter `extract` decides."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.decoding import NotText, decode_html
from curriculum_app.core.readers.folder import Found, documents_in, read_whole

SUFFIXES = (".html", ".htm")
_HEAD_CHARS = 1 << 18
# Every repetition is bounded, so that no page takes more than linear time.
_TAG = re.compile(
    r"(?P<end></head\b|<body\b)|<link\b(?P<link>[^<>]{0,2000})>|<title\b[^<>]{0,200}>(?P<title>[^<]{0,1000})",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(r"""\b(rel|href)\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""", re.IGNORECASE)


class Head(NamedTuple):
    """What a page says about itself, empty where it says nothing."""

    canonical: str
    title: str


def read_html(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a page: text, path (from the folder), url (the canonical link, else the path), title."""
    for found in documents_in(path, SUFFIXES):
        raw = read_whole(found, max_bytes)
        yield raw if isinstance(raw, Bad) else _page(found, raw)


def head_of(page: str) -> Head:
    """Canonical address (RFC 6596; absolute ones only, a page in a folder has no base) and title; comments are not
    looked at."""
    found = {"canonical": "", "title": ""}
    for tag in _tags_of_the_head(page):
        if tag.lastgroup == "title":
            found["title"] = found["title"] or " ".join(html.unescape(tag["title"]).split())
        else:
            found["canonical"] = found["canonical"] or _canonical(tag["link"])
    return Head(**found)


def _tags_of_the_head(page: str) -> Iterator[re.Match[str]]:
    at = page.find("<", 0, _HEAD_CHARS)
    while at >= 0:
        if page.startswith("<!--", at):
            at = page.find("-->", at + 4, _HEAD_CHARS)
            if at < 0:
                return
        elif tag := _TAG.match(page, at, _HEAD_CHARS):
            if tag.lastgroup == "end":
                return
            yield tag
        at = page.find("<", at + 1, _HEAD_CHARS)


def _canonical(attributes: str) -> str:
    said = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTES.findall(attributes)}
    address = html.unescape(said.get("href", "")).strip()
    is_canonical = "canonical" in said.get("rel", "").lower().split()
    return address if is_canonical and address.startswith(("http://", "https://")) else ""


def _page(found: Found, raw: bytes) -> Raw | Bad:
    try:
        text = decode_html(raw)
    except NotText as problem:
        return Bad(problem.line, problem.reason, problem.excerpt, file=found.relative)
    head = head_of(text)
    said = {"url": head.canonical or found.relative, "title": head.title}
    known = {"id": found.relative, "content": "html", **said}
    return Raw(1, {"text": text, "path": found.relative, **said}, known, found.relative)
