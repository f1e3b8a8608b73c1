"""Bring the database and the static files up to date: tables, first user, starter project. Safe to repeat."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands

from chimera.launch.credentials import ADMIN, password_file, write_private


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chimera.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static()
    ensure_admin(password_file(settings.DATA_DIR))
    if "load_starter" in get_commands():
        call_command("load_starter")


def ensure_admin(file: Path) -> None:
    """Make the first user with a generated password, kept in `file`; forget the file once the password was changed."""
    users = get_user_model()._default_manager
    admin = users.filter(username=ADMIN).first()
    if admin is None and not users.exists():
        password = secrets.token_urlsafe(12)
        write_private(file, password)
        users.create_superuser(ADMIN, password=password)
    elif file.exists() and (admin is None or not admin.check_password(file.read_text())):
        file.unlink()


def collect_static() -> None:
    """Copy, hash and compress the static files if one of them has changed since the last time."""
    stamp = settings.STATIC_ROOT / "sources.sha256"
    sources = _static_fingerprint()
    if not stamp.exists() or stamp.read_text() != sources:
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(sources)


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            info = Path(storage.path(name)).stat()
            digest.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
