"""The plan of a reproduction: one study, from the frozen description of another (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from chimera.jobs.kinds import Child, Finished
from eval_app.core.configs_reproduce import ReproduceConfig

SLOT = "study"


def plan(config: ReproduceConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """The study again. Its schedules may be found in the store; its runs are trained again, as of any study."""
    assert config.frozen is not None, "filled in before the job was made"
    return [Child(SLOT, "study", config.frozen)]
