"""Bytes to text by what they declare, strictly: text that is not what it says is refused, not guessed at."""

from __future__ import annotations

import codecs
import re

from curriculum_app.core.readers.base import excerpt

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PRESCAN_BYTES = 4096
_DECLARED = re.compile(
    rb"<meta\b[^<>]{0,500}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})"
    rb"|^\s{0,9}<\?xml\b[^<>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})",
    re.IGNORECASE,
)
# What browsers read these labels as: https://encoding.spec.whatwg.org/#names-and-labels
_AS_BROWSERS = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), "utf-8"),  # a page whose declaration is ASCII is no UTF-16
    **{"shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs", "iso8859-9": "cp1254", "tis-620": "cp874"},
}
_CODECS = {
    *{"utf-8", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "cp949", "koi8-r", "koi8-u", "cp866", "cp874"},
    *(f"cp{number}" for number in range(1250, 1259)),
    *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
}


class NotText(ValueError):
    """The bytes are not the text that they say; `line` counts from 1."""

    def __init__(self, reason: str, excerpt: str = "", line: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.excerpt, self.line = reason, excerpt, line


def decode(raw: bytes, declared: str = "") -> str:
    """By the byte order mark, else as declared, else (also for an encoding that is not known) as UTF-8.

    Raises:
        NotText: the bytes are not in that encoding, or the text holds NUL, as binary files do.
    """
    for mark, codec in _BOMS:
        if raw.startswith(mark):
            return _strict(raw[len(mark) :], codec)
    return _strict(raw, _codec(declared) or "utf-8")


def decode_html(raw: bytes, declared: str = "") -> str:
    """As `decode`; a page may declare its encoding itself, which counts after the one declared for it."""
    return decode(raw, declared if _codec(declared) else _declared_by(raw))


def _declared_by(raw: bytes) -> str:
    match = _DECLARED.search(raw[:_PRESCAN_BYTES])
    return (match[1] or match[2]).decode("ascii", "replace") if match else ""


def _codec(label: str) -> str | None:
    """Only encodings of the web: Python's own list also names transformations such as `unicode_escape`."""
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    name = _AS_BROWSERS.get(name, name)
    return name if name in _CODECS else None


def _strict(raw: bytes, codec: str) -> str:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        shown = f"at byte {error.start}: {excerpt(raw[error.start :])}"
        raise NotText(f"not {codec.upper()}", shown, raw.count(b"\n", 0, error.start) + 1) from error
    nul = text.find("\0")
    if nul >= 0:
        shown = f"at character {nul}: {excerpt(text)}".replace("\0", "\\0")
        raise NotText("holds NUL, as binary files do", shown, text.count("\n", 0, nul) + 1)
    return text
