"""Bands of near-duplicates in Redis, where the processes and hosts of several workers reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import redis
from django.conf import settings

from chimera.errors import InputError, Problem

LIFETIME_SECONDS = 6 * 3600  # after the last write: what a killed search leaves is gone by then
_NAMES = 2000  # in one round trip
_TIMEOUT_SECONDS = 60


class RedisBands:
    """Implements `chimera.capabilities.BandStore`: one string a piece, grown by APPEND, so no write loses another."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=_TIMEOUT_SECONDS)
        self._where, self._prefix = url.rpartition("@")[2], f"{prefix}:bands:"

    def append(self, pieces: Mapping[str, bytes]) -> None:
        with self._explained():
            for names in _portions(list(pieces)):
                pipeline = self._redis.pipeline(transaction=False)
                for name in names:
                    pipeline.append(self._prefix + name, pieces[name])
                    pipeline.expire(self._prefix + name, LIFETIME_SECONDS)
                pipeline.execute()

    def read(self, names: Sequence[str]) -> list[bytes]:
        with self._explained():
            found = self._redis.mget([self._prefix + name for name in names])
        return [data if isinstance(data, bytes) else b"" for data in found]

    def remove(self, names: Sequence[str]) -> None:
        with self._explained():
            for some in _portions(names):
                self._redis.unlink(*(self._prefix + name for name in some))

    def ping(self) -> None:
        """Raises InputError if the server does not answer."""
        with self._explained():
            self._redis.ping()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            message = f"Redis at {self._where} does not keep the index: {error}"
            hint = "see that the server of REDIS_URL runs and has room, or choose memory"
            raise InputError(Problem(message, "near_duplicates.index", hint=hint)) from error


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one round trip takes."""
    return (names[start : start + _NAMES] for start in range(0, len(names), _NAMES))


def band_store() -> RedisBands:
    """The Redis of this installation.

    Raises:
        InputError: it does not answer.
    """
    store = RedisBands(settings.REDIS_URL, settings.REDIS_PREFIX)
    store.ping()
    return store
