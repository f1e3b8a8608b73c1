"""A notice as the body of a webhook: plain JSON, or the text that chat programs take; and its signature (pure)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_TEXT = 1500  # chat programs cut what is longer


@dataclass(frozen=True)
class Notice:
    """Something worth telling. `path` is its page; `once` names it: a webhook gets a notice of that name once."""

    level: str
    title: str
    message: str
    path: str
    once: str
    at: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def body_of(form: str, notice: Notice, project: str, site: str) -> bytes:
    """The body to post. `site` begins every link (`https://chimera.example.org`)."""
    link = f"{site}{notice.path}" if site else notice.path
    if form == "json":
        facts = {key: value for key, value in notice.as_json().items() if key not in ("path", "once", "facts")}
        whole = {"type": "alert", "id": notice.once, "project": project, **facts, "url": link, **notice.facts}
        return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
    text = f"[{project}] {notice.level.upper()} · {notice.title}\n{notice.message}"[:MOST_TEXT]
    if form == "discord":
        # No word of a run's name may call people.
        quiet: dict[str, Any] = {"content": f"{text}\n<{link}>", "allowed_mentions": {"parse": []}}
        return json.dumps(quiet, ensure_ascii=False).encode()
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": f"{escaped}\n{link}"}, ensure_ascii=False).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the hex HMAC-SHA256 of `timestamp.body`: who knows the secret can check age and content."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
