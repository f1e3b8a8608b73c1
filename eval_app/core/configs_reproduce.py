"""Config of the composite kind `reproduce` (torch-free)."""

from __future__ import annotations

from pydantic import Field

from chimera.typed import Config
from eval_app.core.configs_study import StudyConfig


class ReproduceConfig(Config):
    """A study that is run again from its frozen description."""

    study: str = Field(title="Study", pattern=r"^study-[1-9][0-9]{0,17}$", description="Has a verdict; such as study-1")
    frozen: StudyConfig | None = Field(
        default=None, title="Frozen description", description="Always the one of the study: filled in at the start"
    )

    @property
    def name(self) -> str:
        """Of its job."""
        return f"{self.study} again"

    @property
    def number(self) -> int:
        """The study's primary key."""
        return int(self.study.removeprefix("study-"))
