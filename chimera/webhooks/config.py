"""What an owner says of a webhook: where, in which form, from which level on (pure)."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from chimera.typed import Config

LEVELS = ("info", "warn", "error")  # from harmless to bad


class WebhookConfig(Config):
    """A webhook of a project."""

    name: str = Field(min_length=1, max_length=80, title="Name")
    url: str = Field(max_length=1000, title="Address", description="https://… that takes a POST; redirects are refused")
    format: Literal["json", "slack", "discord"] = Field(
        "json", title="Format", description="slack: also Mattermost and Rocket.Chat; discord: a text; json: all facts"
    )
    level: Literal["info", "warn", "error"] = Field("warn", title="From level", description="what is below is not sent")
    secret: str = Field(
        "", max_length=200, title="Secret", description="signs every call (HMAC-SHA256); left empty it stays as it is"
    )
    active: bool = Field(True, title="Active")

    @field_validator("url")
    @classmethod
    def _can_be_called(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            raise ValueError("is no address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
            raise ValueError("must begin with https:// or http:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold a user or password; use the secret")
        if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise ValueError("must be plain characters without spaces (encode others as %xx)")
        return url

    @field_validator("name", "secret")
    @classmethod
    def _can_be_kept(cls, text: str) -> str:
        if "\0" in text:
            raise ValueError("must not hold NUL")
        return text
