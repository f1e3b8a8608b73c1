"""Job tests: the small kinds are registered, no message leaves the process, scratch is temporary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chimera.jobs import bell, context, dispatch, sweep
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

real_send = dispatch.send


@pytest.fixture(autouse=True)
def quiet(test_kinds: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[list[str]]:  # noqa: F811
    """The queues that would have got a message; control is read at every check."""
    sent: list[str] = []
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(dispatch, "send", sent.append)
    monkeypatch.setattr(sweep, "send", sent.append)
    monkeypatch.setattr(bell, "ring", lambda group, payload: None)
    monkeypatch.setattr(context, "CONTROL_SECONDS", 0.0)
    yield sent
