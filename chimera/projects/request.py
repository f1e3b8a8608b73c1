"""What every view needs: the actor of its request, the way back up, and files sent piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from chimera.projects.access import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user acting in their current project (CurrentProjectMiddleware has put it there)."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def crumbs(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Breadcrumbs from (title, url) pairs; the page itself comes last with an empty url."""
    return [{"title": title, "url": url} for title, url in pairs]


async def off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Django would read a plain iterator to its end before it sends the first byte to an ASGI server."""
    following = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        yield piece
