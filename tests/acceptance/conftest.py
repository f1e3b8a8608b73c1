"""The product as a newcomer starts it: the launcher of `make run` on an empty data directory, and a browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import chromium, page, watch  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
_OWN_SERVERS = ("DATABASE_URL", "REDIS_URL", "CHIMERA_DATA_DIR", "CHIMERA_TEST_ROOT", "DJANGO_SETTINGS_MODULE", "PORT")


@dataclass(frozen=True)
class Running:
    """A running Chimera. `seconds` is the time from the command to the printed address."""

    url: str
    user: str
    password: str
    seconds: float
    data: Path


@pytest.fixture(scope="session")
def chimera() -> Iterator[Running]:
    # Not pytest's own temporary directory: another session of pytest would close it to PostgreSQL's user.
    data = Path(tempfile.mkdtemp(prefix="chimera-acceptance-"))
    environment = {key: value for key, value in os.environ.items() if key not in _OWN_SERVERS}
    environment["CHIMERA_DATA_DIR"] = str(data)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "chimera.launch"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield _announced(process, data, started)
    finally:
        process.send_signal(signal.SIGINT)
        ended = process.wait(timeout=60)
        shutil.rmtree(data, ignore_errors=True)
        assert ended == 0, "Ctrl-C ends it cleanly"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The starter study is for a newcomer, so it comes first; what goes on from there comes after it."""
    items.sort(key=lambda item: item.path.name == "test_journeys.py")


def _announced(process: subprocess.Popen[str], data: Path, started: float) -> Running:
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if "Ctrl-C ends everything" in line:
            break
    else:
        pytest.fail(f"the launcher ended before it was ready:\n{text}", pytrace=False)
    url = re.search(r"http://\S+", text)
    user = re.search(r"user\s+(\S+)", text)
    password = re.search(r"password\s+(\S+)", text)
    assert url and user and password, text
    return Running(url[0], user[1], password[1], time.monotonic() - started, data)


def shot(page: Page, name: str) -> None:  # noqa: F811
    """Keep a picture of this moment where CHIMERA_SHOTS points, if it points anywhere."""
    folder = os.environ.get("CHIMERA_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def sign_in(page: Page, chimera: Running, user: str = "", password: str = "") -> None:  # noqa: F811
    """As the first user, or as another one."""
    page.goto(chimera.url)
    page.get_by_label("Username").fill(user or chimera.user)
    page.get_by_label("Password").fill(password or chimera.password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{chimera.url}/")
