"""A curriculum as it is written down before it is saved: what every door posts (pure)."""

from __future__ import annotations

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.sequences import SequenceTable


class CurriculumDraft(Config):
    """A policy with its settings under a name, and the data it was designed on."""

    name: str = Field(title="Name", min_length=1, max_length=120)
    policy: PolicyChoice = Field(title="Policy")
    sequences: Ref[SequenceTable] | None = Field(
        None, title="Sequences", description="Its groups and tokens are what the curriculum is checked against."
    )
    budget_tokens: int | None = Field(
        None, title="Token budget", description="Tokens of a run; positions are shares of it.", ge=1, le=10**15
    )
