"""Web archives (ISO 28500, WARC 1.0 and 1.1), plain or gzip: pages and texts that were fetched with success."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.base import Bad, Raw, excerpt
from curriculum_app.core.readers.byte_lines import open_bytes, unreadable
from curriculum_app.core.readers.decoding import NotText, decode, decode_html
from curriculum_app.core.readers.html_pages import head_of
from curriculum_app.core.readers.http_payload import Response, response_of

_LINE_BYTES = 1 << 16
_MAX_HEADERS = 1000
_HTTP_HEAD_BYTES = 1 << 16
_MIME_TYPES = ("text/html", "text/plain")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class _Damaged(ValueError):
    """The records do not follow each other as the format says."""


def read_warc(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record for each `response` with HTTP status 200 that is text/html or text/plain; `line` is the number of the
    record in the file from 1, other records counted. The id is WARC-Record-ID, the url WARC-Target-URI.

    Raises:
        InputError: not a WARC file, a damaged one, or one that ends too early; the problem names the record reached.
    """
    number = 0
    try:
        with open_bytes(path) as stream:
            while (headers := _next_headers(stream)) is not None:
                number += 1
                block, rest = _block(stream, headers, max_bytes)
                _skip(stream, rest)
                item = _record(number, headers, block, rest > 0, max_bytes)
                if item is not None:
                    yield item
    except _Damaged as error:
        message = f"cannot be read as WARC after record {number}: {error}"
        hint = "is it complete, and what its name says?"
        raise InputError(Problem(message, "path", str(path), number or None, hint)) from error
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(unreadable(path, number, error, "record")) from error


def _next_headers(stream: _Stream) -> dict[str, str] | None:
    """The named fields of the next record, names in lower case; None at the end of the file."""
    line = b"\n"
    while line in (b"\r\n", b"\n"):
        line = stream.readline(_LINE_BYTES)
    if not line:
        return None
    if not line.startswith(b"WARC/"):
        raise _Damaged(f"a record begins with WARC/, not with {excerpt(line)[:40]!r}")
    headers: dict[str, str] = {}
    name = ""
    for _ in range(_MAX_HEADERS):
        line = stream.readline(_LINE_BYTES)
        if not line.endswith(b"\n"):
            if len(line) == _LINE_BYTES:
                raise _Damaged(f"a header is longer than {_LINE_BYTES} bytes")
            raise EOFError
        if line in (b"\r\n", b"\n"):
            return headers
        text = line.decode("utf-8", "replace")
        if text[0] in " \t" and name:
            headers[name] += " " + text.strip()
        else:
            name, _, value = text.partition(":")
            name = name.strip().lower()
            headers[name] = value.strip()
    raise _Damaged(f"a record has more than {_MAX_HEADERS} headers")


def _block(stream: _Stream, headers: Mapping[str, str], max_bytes: int) -> tuple[bytes, int]:
    """The beginning of the record's block, and how many bytes of it are still in the stream. Only the block of a
    response is wanted at all, and no more of it than may be used."""
    length = headers.get("content-length", "")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise _Damaged(f"its Content-Length is {length[:40]!r}")
    is_response = headers.get("warc-type", "").lower() == "response"
    wanted = min(int(length), max_bytes + _HTTP_HEAD_BYTES) if is_response else 0
    block = stream.read(wanted)
    if len(block) < wanted:
        raise EOFError
    return block, int(length) - wanted


def _skip(stream: _Stream, size: int) -> None:
    while size:
        read = len(stream.read(min(size, 1 << 16)))
        if not read:
            raise EOFError
        size -= read


def _record(number: int, headers: Mapping[str, str], block: bytes, was_cut: bool, max_bytes: int) -> Raw | Bad | None:
    response = response_of(block)
    if response is None or response.status != 200 or response.mime not in _MIME_TYPES:
        return None
    url = headers.get("warc-target-uri", "").strip("<>")
    if was_cut:
        return Bad(number, f"longer than {max_bytes} bytes", url)
    if headers.get("warc-segment-number"):
        return Bad(number, "a segment of a page that is spread over several records", url)
    try:
        payload = response.payload(max_bytes, may_be_cut="warc-truncated" in headers)
        return _page(number, headers, response, payload, url)
    except NotText as problem:
        return Bad(number, problem.reason, excerpt(f"{url} {problem.excerpt}"))


def _page(number: int, headers: Mapping[str, str], response: Response, payload: bytes, url: str) -> Raw:
    charset = _CHARSET.search(response.headers.get("content-type", ""))
    declared = charset[1] if charset else ""
    is_html = response.mime == "text/html"
    text = decode_html(payload, declared) if is_html else decode(payload, declared)
    said = {"url": url, "title": head_of(text).title if is_html else ""}
    known = {"content": "html" if is_html else "text", **said}
    if record_id := headers.get("warc-record-id", "").strip("<>"):
        known["id"] = record_id
    date = headers.get("warc-date", "")
    return Raw(number, {"text": text, "date": date, "mime": response.mime, "id": record_id, **said}, known)
