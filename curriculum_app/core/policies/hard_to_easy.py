"""The anti-curriculum: the control that easy-to-hard needs (Wu, Dyer & Neyshabur 2021, arXiv 2012.03107)."""

from __future__ import annotations

from typing import ClassVar

from curriculum_app.core.difficulty_policy import DifficultyPolicy
from curriculum_app.core.policies.base import POLICIES


@POLICIES.register("hard_to_easy")
class HardToEasy(DifficultyPolicy):
    """The easy-to-hard mixture curve with its tilt reversed, realised by the same scheduler.

    Source: anti-curriculum of Wu, Dyer & Neyshabur 2021 (arXiv 2012.03107).
    """

    direction = -1
    title: ClassVar[str] = "Hard to easy"
    summary: ClassVar[str] = "The reverse of easy to hard: the control that shows whether the direction matters."
