"""The verdict of a study in plain words, from held-out scores of arms paired by seed (pure).

One primary outcome, named before the start: the macro mean over domains of held-out bits per byte, lower is better.
A verdict needs at least three pairs, models that beat token frequencies, and a paired t test below alpha (Holm-adjusted
over arms). Domains are secondary: Holm-corrected, never the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chimera.typed import Config
from eval_app.core.statistics import LIMIT, MeanTest, detectable_effect, holm, paired_t, pairs_needed

Word = Literal["better", "worse", "cannot tell", "not trained enough to compare"]
CARRIES_A_VERDICT = 3  # pairs


class ArmEvidence(BaseModel):
    """What one arm's runs gave: by seed, hashes of what was shown and in which order, and bits per byte of each domain.

    `learning_rate` is equal for arms that learnt with the same one, `average` for arms scored on equal means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    multisets: dict[int, str]
    scores: dict[int, dict[str, float | None]]  # None and NaN both mean: no number
    orders: dict[int, str] = {}
    learning_rate: str = ""
    average: str = ""


class StudyEvidence(BaseModel):
    """Everything a verdict rests on. `unigram` is bits per byte of each domain under training token frequencies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: list[int] = Field(min_length=1)
    arms: list[ArmEvidence] = Field(min_length=2)
    baseline: str
    unigram: dict[str, float] = Field(min_length=1)
    alpha: float = 0.05


class Interval(Config):
    """A mean paired difference, arm minus baseline, in bits per byte: negative is better."""

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float
    p_holm: float
    effect: float | None


class SeedDifference(Config):
    """One pair of runs."""

    seed: int
    arm: float
    baseline: float
    difference: float


class DomainResult(Config):
    """A secondary outcome. `clear` says whether the Holm-adjusted p is below alpha."""

    domain: str
    interval: Interval
    clear: bool


class Comparison(Config):
    """One arm against the baseline."""

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


class ArmSummary(Config):
    """An arm by itself: primary outcome by seed, its mean, and whether that beats token frequencies."""

    name: str
    mean: float | None
    by_seed: dict[int, float | None]
    multisets: dict[int, str]
    beats_unigram: bool


class Verdict(Config):
    """The answer. `word` and `sentence` are of the first arm beside the baseline; `comparisons` hold all arms."""

    word: Word
    sentence: str
    primary_outcome: str = "macro mean of held-out bits per byte (lower is better)"
    baseline: str
    alpha: float
    unigram: float
    compares: str
    arms: list[ArmSummary]
    comparisons: list[Comparison]
    failures: list[str]


def decide(evidence: StudyEvidence) -> Verdict:
    """The verdict on the evidence; equal evidence gives equal verdicts, and swapping arms negates the difference.

    Raises:
        ValueError: the baseline is not among the arms.
    """
    base = _arm_of(evidence, evidence.baseline)
    others = [arm for arm in evidence.arms if arm.name != evidence.baseline]
    unigram = math.fsum(evidence.unigram.values()) / len(evidence.unigram)
    summaries = [_summary(evidence, arm, unigram) for arm in evidence.arms]
    failures = [text for arm in evidence.arms if (text := _failure(evidence, arm))]
    comparisons = _compare_all(evidence, base, others, summaries, unigram)
    return Verdict(
        word=comparisons[0].word,
        sentence=comparisons[0].sentence,
        baseline=evidence.baseline,
        alpha=evidence.alpha,
        unigram=unigram,
        compares=comparisons[0].compares,
        arms=summaries,
        comparisons=comparisons,
        failures=failures,
    )


def _arm_of(evidence: StudyEvidence, name: str) -> ArmEvidence:
    for arm in evidence.arms:
        if arm.name == name:
            return arm
    raise ValueError(f"the baseline {name!r} is not an arm of the study")


def _score(arm: ArmEvidence, seed: int, domain: str) -> float | None:
    value = arm.scores.get(seed, {}).get(domain)
    return value if value is not None and math.isfinite(value) else None


def _macro(evidence: StudyEvidence, arm: ArmEvidence, seed: int) -> float | None:
    """Mean over domains; None unless every domain has a number."""
    values = [_score(arm, seed, domain) for domain in evidence.unigram]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _summary(evidence: StudyEvidence, arm: ArmEvidence, unigram: float) -> ArmSummary:
    by_seed = {seed: _macro(evidence, arm, seed) for seed in evidence.seeds}
    known = [value for value in by_seed.values() if value is not None]
    mean = math.fsum(known) / len(known) if known else None
    return ArmSummary(
        name=arm.name,
        mean=mean,
        by_seed=by_seed,
        multisets={seed: arm.multisets[seed] for seed in evidence.seeds if seed in arm.multisets},
        beats_unigram=mean is not None and mean < unigram,
    )


def _failure(evidence: StudyEvidence, arm: ArmEvidence) -> str:
    """Which arm gave no number at which seeds; empty if it gave them all."""
    seeds = [str(seed) for seed in evidence.seeds if _macro(evidence, arm, seed) is None]
    if not seeds:
        return ""
    return f"arm {arm.name} failed, without a held-out score at seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"


def _compare_all(
    evidence: StudyEvidence,
    base: ArmEvidence,
    others: list[ArmEvidence],
    summaries: list[ArmSummary],
    unigram: float,
) -> list[Comparison]:
    pairs = [_pairs(evidence, arm, base) for arm in others]
    tests = [_test([pair.difference for pair in each], evidence.alpha) for each in pairs]
    intervals = _adjusted(tests)
    return [
        _compare(evidence, arm, base, each, interval, summaries, unigram)
        for arm, each, interval in zip(others, pairs, intervals, strict=True)
    ]


def _pairs(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> list[SeedDifference]:
    found = []
    for seed in evidence.seeds:
        mine, theirs = _macro(evidence, arm, seed), _macro(evidence, base, seed)
        if mine is not None and theirs is not None:
            found.append(SeedDifference(seed=seed, arm=mine, baseline=theirs, difference=mine - theirs))
    return found


def _test(differences: list[float], alpha: float) -> MeanTest | None:
    return paired_t(differences, alpha) if len(differences) > 1 else None


def _adjusted(tests: list[MeanTest | None]) -> list[Interval | None]:
    """Tests with Holm's adjustment over those that exist."""
    adjusted = iter(holm([test.p for test in tests if test is not None]))
    return [None if test is None else _interval(test, next(adjusted)) for test in tests]


def _interval(test: MeanTest, p_holm: float) -> Interval:
    return Interval(**vars(test), p_holm=p_holm)


def _compare(
    evidence: StudyEvidence,
    arm: ArmEvidence,
    base: ArmEvidence,
    pairs: list[SeedDifference],
    interval: Interval | None,
    summaries: list[ArmSummary],
    unigram: float,
) -> Comparison:
    failures = [text for each in (arm, base) if (text := _failure(evidence, each))]
    weak = [summary for summary in summaries if summary.name in (arm.name, base.name) and not summary.beats_unigram]
    more = _more_seeds(len(pairs), interval, evidence.alpha)
    word, sentence = _judge(evidence, arm.name, pairs, interval, failures, weak, unigram, more)
    spread = interval.sd if interval is not None and interval.sd > 0 else None
    return Comparison(
        arm=arm.name,
        word=word,
        sentence=sentence,
        compares=_compares(evidence, arm, base),
        interval=interval,
        seeds=pairs,
        domains=_domains(evidence, arm, base),
        detectable_difference=None if spread is None else detectable_effect(len(pairs), evidence.alpha) * spread,
        more_seeds=more if word == "cannot tell" else 0,
    )


def _compares(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> str:
    """What differs between two arms: "order", "order + learning rate", "averaging" ...

    Selection unless every seed showed both the same multiset of sequences; order unless every seed had the same one.
    """
    differs = [] if _same(evidence, arm.multisets, base.multisets) else ["selection"]
    if not _same(evidence, arm.orders, base.orders):
        differs.append("order")
    if arm.learning_rate != base.learning_rate:
        differs.append("learning rate")
    if arm.average != base.average:
        differs.append("averaging")
    return " + ".join(differs) or "nothing"


def _same(evidence: StudyEvidence, mine: Mapping[int, str], theirs: Mapping[int, str]) -> bool:
    """Known and equal at every seed."""
    return all(mine.get(seed) is not None and mine.get(seed) == theirs.get(seed) for seed in evidence.seeds)


def _domains(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> list[DomainResult]:
    tests: dict[str, MeanTest] = {}
    for domain in evidence.unigram:
        scores = [(_score(arm, seed, domain), _score(base, seed, domain)) for seed in evidence.seeds]
        test = _test([a - b for a, b in scores if a is not None and b is not None], evidence.alpha)
        if test is not None:
            tests[domain] = test
    adjusted = holm([test.p for test in tests.values()])
    return [
        DomainResult(domain=domain, interval=_interval(test, p), clear=p < evidence.alpha)
        for (domain, test), p in zip(tests.items(), adjusted, strict=True)
    ]


def _more_seeds(n: int, interval: Interval | None, alpha: float) -> int | None:
    """Pairs still lacking for 80 % power if the true difference is what was seen, and for any verdict at all."""
    lacking = max(0, CARRIES_A_VERDICT - n)
    if interval is None:
        return lacking
    if interval.effect is None:  # no spread: nothing to extrapolate from
        return lacking or None
    needed = pairs_needed(interval.effect, alpha)
    return None if needed is None else max(needed - n, lacking, 1)


def _judge(
    evidence: StudyEvidence,
    arm: str,
    pairs: list[SeedDifference],
    interval: Interval | None,
    failures: list[str],
    weak: list[ArmSummary],
    unigram: float,
    more: int | None,
) -> tuple[Word, str]:
    base = evidence.baseline
    if failures:
        return "cannot tell", f"Cannot tell: {'; '.join(failures)}. Run what failed again."
    if len(pairs) < CARRIES_A_VERDICT or interval is None:
        return "cannot tell", _too_few(arm, base, pairs, weak, unigram, more)
    if weak:
        return "not trained enough to compare", _untrained(weak, unigram)
    if interval.sd == 0 and interval.mean == 0:
        return "cannot tell", f"Cannot tell: {arm} and {base} gave identical scores at every seed."
    if interval.p_holm < evidence.alpha:
        word: Word = "better" if interval.mean < 0 else "worse"
        return word, f"{arm} is {word} than {base}: {_difference(interval, evidence.alpha)}."
    seen = _difference(interval, evidence.alpha)
    return "cannot tell", f"Cannot tell whether {arm} is better or worse than {base}: {seen}. {_need(more)}"


def _too_few(
    arm: str, base: str, pairs: list[SeedDifference], weak: list[ArmSummary], unigram: float, more: int | None
) -> str:
    seeds = "no seed" if not pairs else f"{len(pairs)} seed" + ("s" if len(pairs) > 1 else "")
    parts = [f"Cannot tell: {seeds} cannot carry a verdict on {arm} against {base}; it takes at least three."]
    parts.append(_need(more))
    if weak and pairs:
        parts.append(_untrained(weak, unigram))
    return " ".join(parts)


def _need(more: int | None) -> str:
    if more is None:
        return f"More than {LIMIT:,} seeds would be needed if the true difference is the one seen."
    return f"It needs about {more} more seed{'s' if more != 1 else ''} if the true difference is the one seen."


def _untrained(weak: list[ArmSummary], unigram: float) -> str:
    reached = " and ".join(f"{arm.name} reaches {arm.mean:.3f}" for arm in weak if arm.mean is not None)
    return (
        f"Not trained enough to compare: {reached} bits per byte of held-out text, and token frequencies alone "
        f"reach {unigram:.3f}. Train on more tokens or raise the learning rate."
    )


def _difference(interval: Interval, alpha: float) -> str:
    share = f"{100 * (1 - alpha):g} %"
    direction = "fewer" if interval.mean < 0 else "more"
    return (
        f"{bits(abs(interval.mean))} {direction} bits per byte on average over {interval.n} seeds "
        f"({share} interval of the difference {bits(interval.low)} to {bits(interval.high)}, p = {interval.p_holm:.2g})"
    )


def bits(value: float) -> str:
    """A number of bits per byte with four decimals, or two significant digits if that shows nothing."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 5e-4 else f"{value:.2g}"
