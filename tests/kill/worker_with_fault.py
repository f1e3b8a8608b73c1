"""Celery's command line in a process that knows the small test kinds, or that kills itself inside a rename.

CHIMERA_TEST_KILL_AT_RENAME=N CHIMERA_TEST_KILLED=FILE: SIGKILL in the place of the N-th rename of a resume point or of
a curated shard, once (FILE then exists). CHIMERA_TEST_SWAP=N: batches N and N + 1 (from 0) of every run change places.
CHIMERA_TEST_KINDS=1: the kinds of tests/jobs are registered.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

_rename = os.rename
_seen = 0


def _rename_or_die(source: Any, target: Any, **kwargs: Any) -> None:
    global _seen
    if Path(target).parent.name == "resume" or Path(target).name.startswith("shard-"):
        _seen += 1
        mark = Path(os.environ["CHIMERA_TEST_KILLED"])
        if _seen == int(os.environ["CHIMERA_TEST_KILL_AT_RENAME"]) and not mark.exists():
            mark.write_text(str(target))
            os.kill(os.getpid(), signal.SIGKILL)
    _rename(source, target, **kwargs)


def _swap_batches(first: int) -> None:
    """A loader with a fault of its own: right batches, two of them in each other's place."""
    from training_app.core.order import Batch, Batches

    right = Batches.__getitem__

    def swapped(self: Batches, index: int) -> Batch:
        return right(self, {first: first + 1, first + 1: first}.get(index, index))

    Batches.__getitem__ = swapped  # type: ignore[method-assign]


def main() -> None:
    if "CHIMERA_TEST_KILL_AT_RENAME" in os.environ:
        os.rename = _rename_or_die
    if "CHIMERA_TEST_SWAP" in os.environ:
        _swap_batches(int(os.environ["CHIMERA_TEST_SWAP"]))
    if "CHIMERA_TEST_KINDS" in os.environ:
        import django

        django.setup()
        from chimera.jobs import kinds
        from tests.jobs.kinds_for_tests import KINDS

        for kind in KINDS:
            kinds.register(kind)
    from celery.__main__ import main as celery

    sys.argv[0] = "celery"
    celery()


if __name__ == "__main__":
    main()
