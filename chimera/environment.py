"""Environment variables read once, loudly: a bad value stops the start with a sentence (pure)."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


class BadEnvironment(SystemExit):
    """An environment variable has a value that cannot be used."""


def text(name: str, default: str) -> str:
    return os.environ.get(name, "") or default


def integer(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise BadEnvironment(f"{name}={value!r} is not a whole number") from None


def seconds_by_name(name: str, default: str) -> dict[str, int]:
    """ "600,train=1800" as {"": 600, "train": 1800}: a number for all, others for some."""
    found: dict[str, int] = {}
    for part in text(name, default).split(","):
        key, _, number = part.rpartition("=")
        if not number.strip().isdecimal() or int(number) < 1:
            raise BadEnvironment(f"{name}={text(name, default)!r} must be like 600 or 600,train=1800 (seconds)")
        found[key.strip()] = int(number)
    if "" not in found:
        raise BadEnvironment(f"{name} must begin with a number of seconds for every kind: 600,train=1800")
    return found


def boolean(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise BadEnvironment(f"{name}={value!r} must be 1 or 0")
    return value in {"1", "true", "yes"}


def path(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().resolve()


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry of a `postgresql://` URL; a unix socket is `?host=/directory`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise BadEnvironment(f"DATABASE_URL must start with postgresql://, not {parts.scheme or 'nothing'}://")
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or query.get("port", [""])[0]),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # a connection from before a restart of the database is not handed out
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 8, "timeout": 20}},
    }
