"""Frozen, strict, fingerprinted configuration: the base of every config in Chimera (pure)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value that is ever hashed (sorted keys, no spaces, UTF-8)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_json(value: Any) -> str:
    """Hex sha256 of `canonical_json(value)`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def whole(value: Any) -> int | None:
    """The whole number that a JSON value, or the text of a form's field, means; None if it means none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        return int(value.strip()[:19])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Config(BaseModel):
    """Base of every configuration: frozen after validation, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def as_json(self) -> dict[str, Any]:
        """The JSON value stored with a job; validating it again gives an equal config."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """Hex sha256 of the canonical JSON of this config."""
        return sha256_json(self.as_json())
