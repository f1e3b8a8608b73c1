"""One POST: to a checked address, within a time limit, without redirects, proxies or a long answer (pure)."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from chimera.webhooks.addresses import Refused, safe_address

STEP_SECONDS = 5.0  # to connect, to write, to read a piece
TOTAL_SECONDS = 10.0
MOST_READ = 2048  # bytes of the answer that are looked at
MOST_SENT = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back: the status (0: the address was refused, nothing was sent), or None and why there is none."""

    status: int | None
    text: str
    seconds: float

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def worth_another_try(self) -> bool:
        """False when the same call would be refused again: wrong address, wrong body, a redirect."""
        return self.status is None or self.status >= 500 or self.status in (408, 409, 425, 429)


class _Pinned(http.client.HTTPConnection):
    """Connects to a given address, whatever the name says by now."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=STEP_SECONDS)
        self._address, self._tls = address, tls
        self.default_port = 443 if tls else 80  # the Host header names other ports only

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), STEP_SECONDS)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    """Send `body`; never raises."""
    started = time.monotonic()
    try:
        status, text = _post(url, body[:MOST_SENT], headers, allow_private)
    except Refused as error:
        status, text = 0, str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        status, text = None, f"{type(error).__name__}: {error}"
    return Answer(status, text[:300], time.monotonic() - started)


def _post(url: str, body: bytes, headers: Mapping[str, str], allow_private: bool) -> tuple[int, str]:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = safe_address(host, port, allow_private=allow_private)
    connection = _Pinned(host, port, address, ssl.create_default_context() if secure else None)
    limit = threading.Timer(TOTAL_SECONDS, _hang_up, [connection])
    limit.daemon = True
    limit.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        text = response.read(MOST_READ).decode("utf-8", "replace").replace("\0", "")
        if 300 <= response.status < 400:
            text = f"answers with a redirect to {response.headers.get('Location', '?')}; redirects are not followed"
        return response.status, text
    finally:
        limit.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End a call that drips: whoever reads from the socket gets an error."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
