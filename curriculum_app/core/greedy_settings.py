"""Settings of every policy that the greedy scheduler realises (pure)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from curriculum_app.core.scheduling.greedy import ALWAYS_EXACT, LIMIT, Mode

SearchMode = Literal["automatic", "exact", "bounded"]
LengthTerm = Annotated[
    float, Field(title="Length term", description="Weight of keeping document lengths to plan.", ge=0.0, le=100.0)
]
Search = Annotated[
    SearchMode,
    Field(
        title="Search",
        description="exact: every choice is the best there is, however long that takes. bounded: the best of the "
        f"{LIMIT} most promising blocks; how far that strays is measured on a sample. automatic: exact up to "
        f"{ALWAYS_EXACT:,} sequences.",
    ),
]


def mode_of(search: SearchMode) -> Mode | None:
    """What `greedy_order` is asked for; None where the number of sequences decides."""
    return None if search == "automatic" else search
