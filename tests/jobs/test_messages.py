"""Messages at the real broker."""

from __future__ import annotations

import uuid

import pytest

from chimera.jobs import dispatch, sweep
from tests.jobs.conftest import real_send

pytestmark = pytest.mark.django_db


def test_the_broker_counts_the_messages_that_wait_in_a_queue() -> None:
    queue = f"nobody-listens-{uuid.uuid4()}"
    assert sweep.messages_in(queue) == 0
    for _ in range(3):
        real_send(queue)
    assert sweep.messages_in(queue) == 3


def test_a_broker_that_is_away_is_no_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from kombu.exceptions import OperationalError

    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(dispatch.app, "send_task", away)
    real_send("cpu")
    assert "no message to queue cpu" in caplog.text
    assert dispatch.send is not real_send
