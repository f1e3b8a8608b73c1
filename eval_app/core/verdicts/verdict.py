"""`Verdict`: what is stored of a study's answer. Fields that came later have defaults: old verdicts can be read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chimera.typed import Config
from eval_app.core.statistics import MeanTest
from eval_app.core.verdicts.outcome import MACRO

Word = Literal["better", "worse", "cannot tell", "not trained enough to compare", "yardstick"]


class Interval(Config):
    """A mean paired difference, arm minus baseline. `effect` is d_z, `hedges` the same without its bias."""

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float
    p_holm: float
    effect: float | None
    hedges: float | None = None

    @classmethod
    def of(cls, test: MeanTest, p_holm: float) -> Interval:
        return cls(**vars(test), p_holm=p_holm, hedges=test.hedges)


class SeedDifference(Config):
    """One pair of runs."""

    seed: int
    arm: float
    baseline: float
    difference: float


class DomainResult(Config):
    """A secondary outcome. `clear` says whether its p, Holm-adjusted over all of the study, is below alpha."""

    domain: str = Field(description="of held-out text; the name of the metric where it is another one")
    interval: Interval
    clear: bool
    better: Literal["lower", "higher"] = "lower"


class Comparison(Config):
    """One arm against the baseline. `interval` is of confidence 1 - `level`."""

    arm: str
    word: Word
    sentence: str
    compares: str
    interval: Interval | None
    seeds: list[SeedDifference]
    domains: list[DomainResult]
    detectable_difference: float | None = Field(description="at 80 % power with this many pairs and this spread")
    more_seeds: int | None = Field(
        description="about how many, if the true difference is what was seen; None: more than 1,000"
    )
    level: float | None = Field(None, description="of the look that decided; None: the study's alpha")
    stopped_after: int | None = Field(None, description="seeds, where a look before the last one decided")
    ratio: float | None = Field(None, description="the arm's budget over the baseline's; None: not known")
    matched: bool = True


class ArmSummary(Config):
    """An arm by itself: primary outcome by seed, its mean, and whether that beats token frequencies."""

    name: str
    mean: float | None
    by_seed: dict[int, float | None]
    multisets: dict[int, str]
    beats_unigram: bool
    tokens: float | None = Field(None, description="shown in a run, on average")
    flops: float | None = Field(None, description="of a run: 6 per parameter and token")


class OrderAlone(Config):
    """An arm against its own sequences shuffled: what is left when the selection is equal. A secondary test."""

    arm: str
    against: str
    interval: Interval
    clear: bool


class Worth(Config):
    """An arm's gain as tokens: how many times the baseline's budget the baseline would need for it (Fieller interval).

    Bits per byte are taken to fall in proportion to the logarithm of the tokens between the baseline and the yardstick.
    """

    arm: str
    yardstick: str
    factor: float
    low: float | None = Field(description="None: the yardstick's own gain is not clear enough for an interval")
    high: float | None


class LookTaken(Config):
    """One declared look: after so many seeds, at this level, and which arms it decided."""

    seeds: int
    level: float
    decided: list[str]


class Verdict(Config):
    """The answer. `word` and `sentence` are of the first arm beside the baseline that had its budget; `comparisons`
    hold all arms."""

    word: Word
    sentence: str
    primary_outcome: str = "macro mean of held-out bits per byte (lower is better)"
    baseline: str
    alpha: float
    unigram: float | None
    compares: str
    arms: list[ArmSummary]
    comparisons: list[Comparison]
    failures: list[str]
    metric: str = MACRO
    better: Literal["lower", "higher"] = "lower"
    unit: str = "bits per byte"
    match: Literal["tokens", "compute"] = "tokens"
    num_secondary: int = Field(0, description="tests that the secondary outcomes are corrected over; 0: by arm")
    orders: list[OrderAlone] = []
    worth: list[Worth] = []
    looks: list[LookTaken] = []
