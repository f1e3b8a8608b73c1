"""Text and Markdown files of a folder, one document each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.decoding import NotText, decode
from curriculum_app.core.readers.folder import Found, documents_in, read_whole

_MARKDOWN = (".md", ".markdown")
SUFFIXES = (".txt", *_MARKDOWN)
_LINES = re.compile(r"[^\n]+")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")


def read_text(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a file: text, path (from the folder), title (Markdown's first heading, else the file's name)."""
    for found in documents_in(path, SUFFIXES):
        raw = read_whole(found, max_bytes)
        yield raw if isinstance(raw, Bad) else _document(found, raw)


def first_heading(markdown: str) -> str:
    """The text of the first `#` heading outside fenced code, empty if there is none (CommonMark 0.31, 4.2)."""
    fence = ""
    for match in _LINES.finditer(markdown):
        line = match[0]
        if marks := _FENCE.match(line):
            fence = "" if fence == marks[1] else fence or marks[1]
        elif not fence and (heading := _HEADING.match(line)):
            return re.sub(r"(^|[ \t])#+$", "", heading[1].strip()).strip()
    return ""


def _document(found: Found, raw: bytes) -> Raw | Bad:
    try:
        text = decode(raw)
    except NotText as problem:
        return Bad(problem.line, problem.reason, problem.excerpt, file=found.relative)
    name = Path(found.relative).name
    title = (first_heading(text) if name.lower().endswith(_MARKDOWN) else "") or name
    values = {"text": text, "path": found.relative, "title": title}
    return Raw(1, values, {"id": found.relative, "title": title}, found.relative)
