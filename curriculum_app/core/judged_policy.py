"""What policies share that judge sequences by a combination of measured columns (pure)."""

from __future__ import annotations

from typing import Any, ClassVar

from curriculum_app.core.policies.base import Opener, Policy
from curriculum_app.core.scheduling.judged import Combination


class JudgedPolicy(Policy):
    """Its config names `columns` and `parts`; `directions` are what a measure may say of itself: more, and less."""

    directions: ClassVar[tuple[str, str]] = ("better", "")

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._combined = Combination(config.columns, config.parts, *self.directions)

    def prepare(self, dataset: str, open_: Opener) -> None:
        self._combined.open(dataset, open_)

    def meaning(self) -> dict[str, Any]:
        return {**self.config.as_json(), "columns": self._combined.digest or None}
