"""Request bodies over the limit never reach the application."""

import asyncio

import pytest

from chimera.bounded_body import BoundedBody


def run(chunks, headers=(), limit=10):
    """`(statuses sent, bodies the application received)` for a request of these chunks."""
    sent, received, queue = [], [], [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def app(scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            received.append(message["body"])
            if not queue:
                break
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        return queue.pop(0)

    async def send(message):
        sent.append(message.get("status"))

    asyncio.run(BoundedBody(app, limit)({"type": "http", "headers": list(headers)}, receive, send))
    return [status for status in sent if status], received


def test_a_body_within_the_limit_passes():
    assert run([b"12345", b"67890"], [(b"content-length", b"10")]) == ([200], [b"12345", b"67890"])


def test_a_declared_length_over_the_limit_is_refused_unread():
    assert run([b"x" * 11], [(b"content-length", b"11")]) == ([413], [])


@pytest.mark.parametrize("headers", [(), [(b"content-length", b"5")]])
def test_a_body_that_says_too_little_is_cut_off(headers):
    assert run([b"12345", b"678901"], headers) == ([200], [b"12345"])
