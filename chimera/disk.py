"""A full disk said with numbers (pure)."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chimera.format import byte_size

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def space_for(folder: Path, needed: int, what: str) -> Iterator[None]:
    """Say of a write that finds the disk full what was written, where, how many bytes it takes and how many are free.

    Raises:
        OSError: ENOSPC, in the place of whatever a library made of it. The job is tried again later, as after any
            hiccup of a disk.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        free = shutil.disk_usage(folder).free
        message = (
            f"the disk is full: {what} takes about {byte_size(needed)} ({needed:,} bytes) in {folder}, "
            f"{byte_size(free)} are free; make room, or keep fewer checkpoints"
        )
        raise OSError(errno.ENOSPC, message) from error


def is_full(error: Exception) -> bool:
    """Whether there was no space left; `safetensors` says so in an error of its own, with the number in words."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any(f"os error {number})" in str(error) for number in FULL)
