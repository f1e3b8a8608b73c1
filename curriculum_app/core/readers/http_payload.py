"""The page inside a stored HTTP response (RFC 9112): headers off, chunks joined, unpacked."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from curriculum_app.core.readers.decoding import NotText

_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])? {1,9}([0-9]{3})")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]{0,9}(?:;[^\n]{0,1000})?\r?\n")
_GZIP_MAGIC = b"\x1f\x8b"
_ANY_WRAPPER, _NO_WRAPPER = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it was received; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def mime(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def payload(self, max_bytes: int, *, may_be_cut: bool) -> bytes:
        """The page itself. Many archives keep the headers of the transfer but store the body without it: a body that
        does not look chunked or packed is taken as it is.

        Raises:
            NotText: damaged, packed in a way that cannot be read, or longer than allowed once unpacked.
        """
        body = self.body
        if self.headers.get("transfer-encoding", "").lower() == "chunked" and _CHUNK.match(body):
            body = _joined(body, may_be_cut)
        coding = self.headers.get("content-encoding", "").strip().lower()
        if coding in ("gzip", "x-gzip") and body.startswith(_GZIP_MAGIC):
            body = _unpacked(body, _ANY_WRAPPER, max_bytes, may_be_cut)
        elif coding == "deflate":
            body = _deflated(body, max_bytes, may_be_cut)
        elif coding not in ("", "identity", "gzip", "x-gzip"):
            raise NotText(f"packed as {coding[:20]!r}, which cannot be read")
        if len(body) > max_bytes:
            raise NotText(f"longer than {max_bytes} bytes")
        return body


def response_of(block: bytes) -> Response | None:
    """The response in the block of a record, None if it holds none (a DNS answer, or not a response)."""
    status = _STATUS.match(block)
    end = _END_OF_HEAD.search(block)
    if status is None or end is None:
        return None
    headers: dict[str, str] = {}
    for line in block[: end.start()].decode("latin-1").splitlines()[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Response(int(status[1]), headers, block[end.end() :])


def _joined(body: bytes, may_be_cut: bool) -> bytes:
    parts: list[bytes] = []
    at = 0
    while chunk := _CHUNK.match(body, at):
        size = int(chunk[1], 16)
        if not size:
            return b"".join(parts)
        part = body[chunk.end() : chunk.end() + size]
        parts.append(part)
        at = chunk.end() + size
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
        if len(part) < size:
            break
    if may_be_cut:
        return b"".join(parts)
    raise NotText("its HTTP chunks are damaged")


def _deflated(body: bytes, max_bytes: int, may_be_cut: bool) -> bytes:
    """Servers send it with the zlib wrapper, as the standard says, and without."""
    try:
        return _unpacked(body, _ANY_WRAPPER, max_bytes, may_be_cut)
    except NotText:
        return _unpacked(body, _NO_WRAPPER, max_bytes, may_be_cut)


def _unpacked(body: bytes, wbits: int, max_bytes: int, may_be_cut: bool) -> bytes:
    """At most one byte more than allowed, however much the body would unpack to."""
    unpacker = zlib.decompressobj(wbits)
    try:
        unpacked = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise NotText("its packed content is damaged", str(error)) from error
    if not unpacker.eof and len(unpacked) <= max_bytes and not may_be_cut:
        raise NotText("its packed content ends too early")
    return unpacked
