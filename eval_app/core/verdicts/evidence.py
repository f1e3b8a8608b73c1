"""What a verdict rests on: by arm and seed, the numbers, and what was shown for how much (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from eval_app.core.verdicts.outcome import HELD_OUT, MACRO, Outcome
from eval_app.core.verdicts.stopping import EarlyStop

MATCHED_WITHIN = 0.02  # of the baseline's budget: sequences of unequal length seldom meet it exactly

Match = Literal["tokens", "compute"]


class ArmEvidence(BaseModel):
    """What one arm's runs gave, by seed: hashes of what was shown and in which order, and numbers by metric key.

    `learning_rate`, `average`, `model` and `data` are equal for arms that learnt with the same rate, are scored on the
    same kind of mean, have the same model, and saw sequences of the same table. `tokens` were shown, to `parameters`.
    `shuffled_of` names the arm of whose sequences this one is another order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    multisets: dict[int, str]
    scores: dict[int, dict[str, float | None]]  # None and NaN both mean: no number
    orders: dict[int, str] = {}
    learning_rate: str = ""
    average: str = ""
    model: str = ""
    data: str = ""
    tokens: dict[int, int] = {}
    parameters: int = 0
    shuffled_of: str = ""

    def amount(self, match: Match) -> float | None:
        """Tokens shown in a run on average, or floating-point operations, 6 per parameter and token (arXiv 2001.08361,
        section 2.1); None if unknown."""
        known = [value for value in self.tokens.values() if value]
        if not known or (match == "compute" and not self.parameters):
            return None
        mean = sum(known) / len(known)
        return mean if match == "tokens" else 6.0 * self.parameters * mean


class StudyEvidence(BaseModel):
    """Everything a verdict rests on. `unigram` is bits per byte of each domain under training token frequencies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: list[int] = Field(min_length=1)
    arms: list[ArmEvidence] = Field(min_length=2)
    baseline: str
    unigram: dict[str, float]
    alpha: float = 0.05
    outcome: Outcome = Outcome()
    secondary: list[Outcome] = []
    match: Match = "tokens"
    early_stop: EarlyStop | None = None

    def arm(self, name: str) -> ArmEvidence:
        """The arm of that name.

        Raises:
            ValueError: there is none.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise ValueError(f"the baseline {name!r} is not an arm of the study")

    def value(self, arm: ArmEvidence, seed: int, metric: str = "") -> float | None:
        """A number of one run, of the primary outcome if no other is named. The macro mean needs every domain."""
        metric = metric or self.outcome.metric
        if metric == MACRO and self.unigram:
            return self._macros.get((arm.name, seed))
        return _finite(arm.scores.get(seed, {}).get(metric))

    @cached_property
    def _macros(self) -> dict[tuple[str, int], float | None]:
        """(arm, seed) → mean over the held-out domains."""
        keys = [HELD_OUT + domain for domain in self.unigram]
        rows = [(arm.name, seed, scores) for arm in self.arms for seed, scores in arm.scores.items()]
        return {(name, seed): _mean([scores.get(key) for key in keys]) for name, seed, scores in rows}

    def secondary_outcomes(self) -> list[Outcome]:
        """Every domain, the mean over them and what the study names, but for the primary outcome."""
        held_out = [Outcome(metric=HELD_OUT + domain) for domain in self.unigram]
        macro = [Outcome()] if self.unigram else []
        named = {each.metric: each for each in [*held_out, *macro, *self.secondary]}
        return [each for metric, each in named.items() if metric != self.outcome.metric]

    @property
    def trained_metric(self) -> str:
        """What token frequencies are compared on."""
        return self.outcome.metric if self.outcome.domain in self.unigram else MACRO

    @property
    def floor(self) -> float | None:
        """Bits per byte that token frequencies alone reach on `trained_metric`; None where no text is held out."""
        if not self.unigram:
            return None
        if self.outcome.domain in self.unigram:
            return self.unigram[self.outcome.domain]
        return math.fsum(self.unigram.values()) / len(self.unigram)

    def ratio(self, arm: ArmEvidence) -> float | None:
        """How many times the baseline's budget the arm had; None if unknown."""
        mine, theirs = arm.amount(self.match), self.arm(self.baseline).amount(self.match)
        return None if mine is None or theirs is None else mine / theirs

    def matched(self, arm: ArmEvidence) -> bool:
        """Whether the arm had the baseline's budget, as far as is known."""
        ratio = self.ratio(arm)
        return ratio is None or abs(ratio - 1) <= MATCHED_WITHIN


def differing(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> str:
    """What differs between two arms: "order", "selection + order", "order + learning rate", "averaging" ...

    Selection unless every seed showed both the same multiset of sequences; order unless every seed had the same one.
    Sequences of two tables cannot be compared by number: they are other data.
    """
    differs = ["data"] if arm.data != base.data else _shown(evidence, arm, base)
    if arm.learning_rate != base.learning_rate:
        differs.append("learning rate")
    if arm.average != base.average:
        differs.append("averaging")
    if arm.model != base.model:
        differs.append("model")
    if not evidence.matched(arm):
        differs.append("budget")
    return " + ".join(differs) or "nothing"


def _shown(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> list[str]:
    selection = [] if _same(evidence, arm.multisets, base.multisets) else ["selection"]
    return selection if _same(evidence, arm.orders, base.orders) else [*selection, "order"]


def _same(evidence: StudyEvidence, mine: Mapping[int, str], theirs: Mapping[int, str]) -> bool:
    """Known and equal at every seed."""
    return all(mine.get(seed) is not None and mine.get(seed) == theirs.get(seed) for seed in evidence.seeds)


def _mean(values: list[float | None]) -> float | None:
    """None unless all of them are numbers."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
