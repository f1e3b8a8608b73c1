"""What the checkpoints of a run are called among the things that its job has made (pure, torch-free).

Equal runs make equal checkpoints, and of those there is one row, which names the run that made it first: which
checkpoints *this* run went through is said by its job alone.
"""

from __future__ import annotations

from collections.abc import Mapping

FINAL = "checkpoint"
_KEPT = "step "


def kept_at(step: int) -> str:
    """The name of the checkpoint kept after `step` steps."""
    return f"{_KEPT}{step}"


def checkpoints_of(made: Mapping[str, str]) -> list[str]:
    """The uids of all checkpoints in `made` (name → uid), the oldest first, the final one last, each once."""
    steps = sorted(int(name.removeprefix(_KEPT)) for name in made if name.startswith(_KEPT))
    names = [*map(kept_at, steps), *([FINAL] if FINAL in made else [])]
    return list(dict.fromkeys(made[name] for name in names))
