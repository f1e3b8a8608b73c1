"""One call to the server: JSON in, JSON out, and errors told apart by whether trying again can help."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

TIMEOUT = 15.0  # seconds
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class ClientError(Exception):
    """The server has said no, or what was asked of the client makes no sense. `status` is HTTP's, 0 without a call."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Away(Exception):
    """The server cannot be reached, or not just now."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to wherever it leads."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Transport:
    """Calls with a token below `url`/api.

    Raises:
        ClientError: the address is no http(s) address.
    """

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ClientError(f"{url!r} is no address: it begins with http:// or https://")
        self._base = url.rstrip("/").removesuffix("/api") + "/api"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_NoRedirect)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer.

        Raises:
            Away: no connection, no answer in time, or an error that may pass.
            ClientError: refused; the message is the server's list of problems.
        """
        data = json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
        request = urllib.request.Request(self._base + path, data, self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                said: dict[str, Any] = json.loads(answer.read())
                return said
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, ValueError) as error:  # also what is no HTTP: another program on that port
            raise Away(str(getattr(error, "reason", "") or error)) from None


def _refusal(error: urllib.error.HTTPError) -> Exception:
    with error:
        text = error.read().decode("utf-8", "replace")
    if error.code in _PASSING:
        return Away(f"status {error.code}")
    if 300 <= error.code < 400:
        return ClientError(f"the address leads to {error.headers.get('Location')}: give that one", error.code)
    try:
        problems = [_sentence(problem) for problem in json.loads(text)["problems"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        problems = [text[:200] or "no reason given"]
    return ClientError(f"{'; '.join(problems)} (status {error.code})", error.code)


def _sentence(problem: dict[str, Any]) -> str:
    said = ": ".join(part for part in (problem.get("field"), problem.get("message")) if part)
    return said + (f" - {problem['hint']}" if problem.get("hint") else "")
