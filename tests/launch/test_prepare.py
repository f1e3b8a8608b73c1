"""The first user, the generated password and the generated secret."""

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from chimera.launch import credentials, prepare

pytestmark = pytest.mark.django_db


def test_the_first_user_gets_a_generated_password_that_only_its_owner_can_read(tmp_path: Path) -> None:
    file = credentials.password_file(tmp_path)
    prepare.ensure_admin(file)
    assert authenticate(username=credentials.ADMIN, password=file.read_text()) is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    file = credentials.password_file(tmp_path)
    prepare.ensure_admin(file)
    password = file.read_text()
    prepare.ensure_admin(file)
    assert file.read_text() == password and User.objects.count() == 1


def test_the_file_goes_when_the_password_was_changed(tmp_path: Path) -> None:
    file = credentials.password_file(tmp_path)
    prepare.ensure_admin(file)
    admin = User.objects.get()
    admin.set_password("chosen by hand")
    admin.save()
    prepare.ensure_admin(file)
    assert not file.exists() and User.objects.get().check_password("chosen by hand")


def test_a_database_with_users_gets_no_other(tmp_path: Path) -> None:
    User.objects.create_user("someone")
    prepare.ensure_admin(credentials.password_file(tmp_path))
    assert list(User.objects.values_list("username", flat=True)) == ["someone"]


def test_a_secret_is_generated_once(tmp_path: Path) -> None:
    first = credentials.kept_secret(tmp_path / "secret_key")
    assert credentials.kept_secret(tmp_path / "secret_key") == first and len(first) >= 50
