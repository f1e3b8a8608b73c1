"""Tokens of a curated version stage by stage, out of its funnel and its counted tokens."""

from __future__ import annotations

from dataclasses import dataclass

from curriculum_app.selectors.funnel import DomainFunnel
from curriculum_app.selectors.tokens import DomainTokens


@dataclass(frozen=True)
class StageTokens:
    """Tokens that came into a stage, were dropped with documents, were cut from texts that stayed, and left it.

    None where it is not known: what was dropped is counted as it came into its stage, so between two stages that
    change texts nothing tells which of them cut how much, and nothing tells it without a count of the raw versions.
    """

    name: str
    came: int | None
    dropped: int
    cut: int | None
    left: int | None


def stage_tokens(funnel: DomainFunnel, counted: DomainTokens) -> list[StageTokens]:
    """One entry per stage: counted from the raw tokens on, and from the kept ones back, as far as no text changed."""
    dropped = {item.stage: item.tokens for item in counted.lost}
    lost = [dropped.get(stage.name, 0) for stage in funnel.stages]
    changing = [number for number, stage in enumerate(funnel.stages) if stage.changed]
    first, last = (changing[0], changing[-1]) if changing else (len(lost), -1)
    before: list[int | None] = []  # tokens ahead of each stage, and after the last one
    for place in range(len(lost) + 1):
        if place > last:
            before.append(counted.kept + sum(lost[place:]))
        elif place <= first and counted.raw is not None:
            before.append(counted.raw - sum(lost[:place]))
        else:
            before.append(None)
    return [
        StageTokens(stage.name, came, gone, _cut(stage.changed, came, gone, left), left)
        for stage, gone, came, left in zip(funnel.stages, lost, before, before[1:], strict=False)
    ]


def _cut(changed: int, came: int | None, dropped: int, left: int | None) -> int | None:
    if not changed:
        return 0
    return None if came is None or left is None else came - dropped - left
