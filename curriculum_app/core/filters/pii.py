"""E-mail and IP addresses replaced, after FineWeb (arXiv 2406.17557; datatrove `formatters/pii.py`)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_IP = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = re.compile(
    rf"\b{_ATOM}(?:\.{_ATOM})*@(?:(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)])"
)
_FAITHFUL_IP = re.compile(_IP)
# Neither part of a longer number nor of a longer dotted one, but a full stop after the address is allowed.
_STRICT_IP = re.compile(rf"(?<!\d)(?<!\d\.){_IP}(?!\d)(?!\.\d)")

# example.com and example.org are reserved; the addresses did not answer pings when FineWeb chose them.
EMAIL_REPLACEMENTS = ("email@example.com", "firstname.lastname@example.org")
IP_REPLACEMENTS = (
    "22.214.171.124",
    "126.96.36.199",
    "188.8.131.52",
    "184.108.40.206",
    "220.127.116.11",
    "18.104.22.168",
)


@FILTERS.register("pii")
class Pii(Filter):
    """Replaces e-mail addresses and public IPv4 addresses in turn by a few reserved ones.

    The turn starts anew with every document, so the result does not depend on the order of documents. With `strict`,
    `256.1.1.1` and `1.2.3.4.5` are left alone; without it the result is datatrove's, which replaces inside them.
    """

    title = "Redact personal data"

    class Config(chimera.typed.Config):
        emails: bool = Field(True, title="Replace e-mail addresses")
        ips: bool = Field(True, title="Replace public IP addresses")
        strict: bool = Field(True, title="Whole addresses only", description="Off: exactly FineWeb's expression.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def transform(self, document: Document) -> Document:
        text = document.text
        if self.config.emails and "@" in text:
            text = _substitute(_EMAIL, text, EMAIL_REPLACEMENTS, lambda _: True)
        if self.config.ips:
            text = _substitute(_STRICT_IP if self.config.strict else _FAITHFUL_IP, text, IP_REPLACEMENTS, _is_public)
        return document if text == document.text else replace(document, text=text)


def _substitute(
    pattern: re.Pattern[str], text: str, replacements: tuple[str, ...], valid: Callable[[str], bool]
) -> str:
    turn = cycle(replacements)
    return pattern.sub(lambda found: next(turn) if valid(found.group()) else found.group(), text)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # leading zeros
        return False
