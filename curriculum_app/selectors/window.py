"""A long list of which only one page is ever read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Window(Sequence[T], Generic[T]):
    """`count` items of which `load(offset, limit)` gives a page; made for Django's `Paginator`."""

    def __init__(self, count: int, load: Callable[[int, int], list[T]]) -> None:
        self._count, self._load = count, load

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, int):
            return self._load(index, 1)[0]
        start, stop, _ = index.indices(self._count)
        return self._load(start, max(0, stop - start))
