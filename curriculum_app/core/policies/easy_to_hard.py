"""The predefined easy-to-hard curriculum (Phase I)."""

from __future__ import annotations

from typing import ClassVar

from curriculum_app.core.difficulty_policy import DifficultyPolicy
from curriculum_app.core.policies.base import POLICIES


@POLICIES.register("easy_to_hard")
class EasyToHard(DifficultyPolicy):
    """A mixture curve over difficulty bins, realised by the greedy scheduler.

    Sources: curriculum learning (Bengio et al. 2009); mixture curve and scheduler of TerRIFIC Curricula, see
    docs/curricula.md. Difficulty is a proxy: length and density of documents.
    """

    direction = 1
    title: ClassVar[str] = "Easy to hard"
    summary: ClassVar[str] = (
        "Easy difficulty bins lead at first, hard ones at the end; every sequence of the pool is shown once."
    )
