"""The bytes of one image, sound or film of a dataset version, for the pages that show it."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from chimera.projects.request import actor_of
from curriculum_app.core.media_types import MIME_TYPES
from curriculum_app.selectors import datasets as selectors

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",  # named by its hash: it never changes
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Accept-Ranges": "bytes",
}


@require_safe
def media(request: HttpRequest, pk: int, sha256: str) -> HttpResponse:
    """One item of the version, to members of its project; players may ask for a part of it (RFC 9110, 14.2)."""
    opened = selectors.opened(selectors.version_get(actor_of(request), pk))
    blob = opened.media(sha256) if opened is not None else None
    if blob is None or blob.mime not in MIME_TYPES:
        raise Http404("no such media in this version")
    wanted = _RANGE.fullmatch(request.headers.get("Range", ""))
    if wanted is None or not any(wanted.groups()):
        return HttpResponse(blob.data, content_type=blob.mime, headers=_HEADERS)
    return _part(blob.data, blob.mime, *wanted.groups())


def _part(data: bytes, mime: str, first: str, last: str) -> HttpResponse:
    size = len(data)
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        return HttpResponse(status=416, headers={**_HEADERS, "Content-Range": f"bytes */{size}"})
    headers = {**_HEADERS, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return HttpResponse(data[start:stop], status=206, content_type=mime, headers=headers)
