"""Images, sounds and films by what their bytes say, never by their names alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from curriculum_app.core.documents import Media, MediaType

_HEAD_BYTES = 64
_MIME_OF_SUFFIX = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".ogv": "video/ogg",
}
# First bytes as the formats' own documents give them. Ogg, MP4 and Matroska hold sounds and films alike: there the
# name says which. SVG is left out: it is a program as well as an image.
_FIRST_BYTES = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF....WEBP",
    "image/bmp": rb"BM....\0\0\0\0",
    "image/avif": rb"....ftypavi[fs]",
    "audio/wav": rb"RIFF....WAVE",
    "audio/flac": rb"fLaC",
    "audio/mpeg": rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]",
    "audio/aac": rb"\xff[\xf0\xf1\xf8\xf9]",
    "audio/ogg": rb"OggS",
    "video/ogg": rb"OggS",
    "audio/mp4": rb"....ftyp(?!avi[fs]|heic|mif1|qt  )",
    "video/mp4": rb"....ftyp(?!avi[fs]|heic|mif1|qt  )",
    "video/quicktime": rb"....(?:ftypqt  |moov|mdat|wide|free)",
    "video/webm": rb"\x1aE\xdf\xa3",
    "video/x-matroska": rb"\x1aE\xdf\xa3",
    "video/x-msvideo": rb"RIFF....AVI ",
}
_PATTERNS = {mime: re.compile(pattern, re.DOTALL) for mime, pattern in _FIRST_BYTES.items()}
MIME_TYPES = frozenset(_PATTERNS)
"""Every type that is ever stored, and so ever sent to a browser."""


class WrongType(ValueError):
    """The bytes are not what the name says; the message says what they look like."""


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one media file and their type."""

    mime: str
    data: bytes

    def described(self) -> Media:
        """The blob as a document names it."""
        return Media(family(self.mime), sha256(self.data).hexdigest(), mime=self.mime, num_bytes=len(self.data))


def family(mime: str) -> MediaType:
    return cast(MediaType, mime.partition("/")[0])


def suffixes_of(kind: MediaType) -> tuple[str, ...]:
    """File name endings of a kind of media, in lower case."""
    return tuple(suffix for suffix, mime in _MIME_OF_SUFFIX.items() if family(mime) == kind)


def kind_of_name(name: str) -> MediaType | None:
    """The kind of media that a file's name promises."""
    _, dot, ending = name.rpartition(".")
    mime = _MIME_OF_SUFFIX.get(f"{dot}{ending.lower()}")
    return None if mime is None else family(mime)


def blob_of(name: str, data: bytes) -> Blob:
    """The file's bytes with the type that name and bytes agree on.

    Raises:
        WrongType: they do not agree.
    """
    _, dot, ending = name.rpartition(".")
    promised = _MIME_OF_SUFFIX.get(f"{dot}{ending.lower()}", "")
    if promised and _PATTERNS[promised].match(data):
        return Blob(promised, data)
    head = data[:_HEAD_BYTES]
    looks = next((mime for mime, pattern in _PATTERNS.items() if pattern.match(head)), "no image, sound or film")
    raise WrongType(f"its bytes look like {looks}")
