"""What is generated once and kept in DATA_DIR, readable by its owner only (pure)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

ADMIN = "admin"


def password_file(data: Path) -> Path:
    """Where the first user's generated password is kept until it is changed."""
    return data / "admin_password"


def kept_secret(file: Path) -> str:
    """The content of `file`, generated the first time."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(48))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
