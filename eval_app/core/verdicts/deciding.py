"""From evidence to verdict: paired t over seeds on one primary outcome named before the start (pure; docs/studies.md).

A verdict needs at least three pairs, models that beat token frequencies, a budget like the baseline's, and a test below
the level (Holm-adjusted over arms). Secondary outcomes are Holm-corrected over all of them, and never the verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval_app.core.statistics import MeanTest, detectable_effect, holm, paired_t, pairs_needed
from eval_app.core.verdicts import sentences
from eval_app.core.verdicts.evidence import ArmEvidence, StudyEvidence, differing
from eval_app.core.verdicts.outcome import Outcome
from eval_app.core.verdicts.stopping import CARRIES_A_VERDICT, Look, adjusted, looks_of
from eval_app.core.verdicts.verdict import (
    ArmSummary,
    Comparison,
    DomainResult,
    Interval,
    LookTaken,
    OrderAlone,
    SeedDifference,
    Verdict,
    Word,
)
from eval_app.core.verdicts.yardsticks import worth_of


@dataclass(frozen=True)
class Standing:
    """An arm at the look that decided it, else at the last: its pairs, their test, and whether that decides."""

    look: Look
    pairs: list[SeedDifference]
    interval: Interval | None
    decided: bool


def decide(evidence: StudyEvidence) -> Verdict:
    """The verdict on the evidence; equal evidence gives equal verdicts, and swapping arms negates the difference.

    Raises:
        ValueError: the baseline is not among the arms.
    """
    base = evidence.arm(evidence.baseline)
    others = [arm for arm in evidence.arms if arm.name != base.name]
    standings = stand(evidence)
    secondary = _secondary(evidence, base, others, standings)
    comparisons = [_compare(evidence, arm, base, standings[arm.name], secondary[arm.name]) for arm in others]
    main = next((each for each in comparisons if each.matched), comparisons[0])
    return Verdict(
        word=main.word,
        sentence=main.sentence,
        primary_outcome=evidence.outcome.words,
        baseline=evidence.baseline,
        alpha=evidence.alpha,
        unigram=evidence.floor,
        compares=main.compares,
        arms=[summary_of(evidence, arm, _seeds_of(evidence, standings, arm)) for arm in evidence.arms],
        comparisons=comparisons,
        failures=[text for arm in evidence.arms if (text := _failure(evidence, arm, standings))],
        metric=evidence.outcome.metric,
        better=evidence.outcome.better,
        unit=evidence.outcome.unit,
        match=evidence.match,
        num_secondary=sum(len(each) for each, _ in secondary.values())
        + sum(1 for _, each in secondary.values() if each),
        orders=[order for _, order in secondary.values() if order is not None],
        worth=worth_of(evidence, comparisons),
        looks=_looks_taken(evidence, standings),
    )


def stand(evidence: StudyEvidence, looks: list[Look] | None = None) -> dict[str, Standing]:
    """Every arm but the baseline, look by look (by default all): one that is decided stands as it stood then.

    Arms that had another budget are never tested, and stand as they are when the last of the others is decided.
    """
    base = evidence.arm(evidence.baseline)
    still = [arm for arm in evidence.arms if arm.name != base.name]
    found: dict[str, Standing] = {}
    for look in looks or looks_of(len(evidence.seeds), evidence.alpha, evidence.early_stop):
        standing = _at(at_look(evidence, look), look, base, still)
        found |= standing
        still = [arm for arm in still if not standing[arm.name].decided]
        if not any(evidence.matched(arm) for arm in still):
            break
    return found


def at_look(evidence: StudyEvidence, look: Look) -> StudyEvidence:
    """The evidence of the look's seeds, tested at its level."""
    return evidence.model_copy(update={"seeds": evidence.seeds[: look.seeds], "alpha": look.level})


def _at(part: StudyEvidence, look: Look, base: ArmEvidence, arms: list[ArmEvidence]) -> dict[str, Standing]:
    pairs = {arm.name: pairs_of(part, arm, base) for arm in arms}
    tests = {name: _test([pair.difference for pair in each], part.alpha) for name, each in pairs.items()}
    matched = {arm.name for arm in arms if part.matched(arm)}
    corrected = adjusted({name: test.p for name, test in tests.items() if test is not None and name in matched})
    found = {}
    for arm in arms:
        test = tests[arm.name]
        interval = None if test is None else Interval.of(test, corrected.get(arm.name) or test.p)
        sound = arm.name in matched and not _missing(part, arm) and not _missing(part, base)
        decided = sound and interval is not None and _clear(part, interval) and not _weak(part, arm, base)
        found[arm.name] = Standing(look, pairs[arm.name], interval, decided)
    return found


def _clear(part: StudyEvidence, interval: Interval) -> bool:
    identical = interval.sd == 0 and interval.mean == 0
    return interval.n >= CARRIES_A_VERDICT and not identical and interval.p_holm < part.alpha


def pairs_of(
    evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence, outcome: Outcome | None = None
) -> list[SeedDifference]:
    """The seeds at which both have a number."""
    metric, found = (outcome or evidence.outcome).metric, []
    for seed in evidence.seeds:
        mine, theirs = evidence.value(arm, seed, metric), evidence.value(base, seed, metric)
        if mine is not None and theirs is not None:
            found.append(SeedDifference(seed=seed, arm=mine, baseline=theirs, difference=mine - theirs))
    return found


def _test(differences: list[float], alpha: float) -> MeanTest | None:
    return paired_t(differences, alpha) if len(differences) > 1 else None


def summary_of(evidence: StudyEvidence, arm: ArmEvidence, seeds: list[int]) -> ArmSummary:
    """An arm by itself over these seeds."""
    by_seed = {seed: evidence.value(arm, seed) for seed in seeds}
    return ArmSummary(
        name=arm.name,
        mean=_mean(list(by_seed.values())),
        by_seed=by_seed,
        multisets={seed: arm.multisets[seed] for seed in seeds if seed in arm.multisets},
        beats_unigram=trained(evidence, arm, seeds),
        tokens=arm.amount("tokens"),
        flops=arm.amount("compute"),
    )


def trained(evidence: StudyEvidence, arm: ArmEvidence, seeds: list[int]) -> bool:
    """Whether the arm's mean over these seeds is below what token frequencies reach."""
    floor = evidence.floor
    mean = _mean([evidence.value(arm, seed, evidence.trained_metric) for seed in seeds])
    return floor is None or (mean is not None and mean < floor)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _seeds_of(evidence: StudyEvidence, standings: dict[str, Standing], arm: ArmEvidence) -> list[int]:
    """The seeds an arm was to be run at: those of its look; of the baseline, of the longest."""
    ends = [each.look.seeds for name, each in standings.items() if name == arm.name or arm.name == evidence.baseline]
    return evidence.seeds[: max(ends)]


def _missing(evidence: StudyEvidence, arm: ArmEvidence) -> list[int]:
    """The seeds at which the arm gave no number."""
    return [seed for seed in evidence.seeds if evidence.value(arm, seed) is None]


def _failure(evidence: StudyEvidence, arm: ArmEvidence, standings: dict[str, Standing]) -> str:
    due = evidence.model_copy(update={"seeds": _seeds_of(evidence, standings, arm)})
    return sentences.failure(due.outcome, arm.name, _missing(due, arm))


def _weak(evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence) -> list[ArmSummary]:
    """Which of the two does not beat token frequencies."""
    both, seeds = [each for each in evidence.arms if each.name in (arm.name, base.name)], evidence.seeds
    return [summary_of(evidence, each, seeds) for each in both if not trained(evidence, each, seeds)]


def _compare(
    evidence: StudyEvidence,
    arm: ArmEvidence,
    base: ArmEvidence,
    standing: Standing,
    secondary: tuple[list[DomainResult], OrderAlone | None],
) -> Comparison:
    part, interval, pairs = at_look(evidence, standing.look), standing.interval, standing.pairs
    word, sentence = _judge(part, arm, base, standing)
    spread = interval.sd if interval is not None and interval.sd > 0 else None
    early = standing.look.seeds < len(evidence.seeds)
    if early:
        sentence += f" Decided at the look after {standing.look.seeds} seeds that was declared before the start."
    return Comparison(
        arm=arm.name,
        word=word,
        sentence=sentence,
        compares=differing(part, arm, base),
        interval=interval,
        seeds=pairs,
        domains=secondary[0],
        detectable_difference=None if spread is None else detectable_effect(len(pairs), part.alpha) * spread,
        more_seeds=more_seeds(len(pairs), interval, part.alpha) if word == "cannot tell" else 0,
        level=part.alpha,
        stopped_after=standing.look.seeds if early else None,
        ratio=evidence.ratio(arm),
        matched=evidence.matched(arm),
    )


def _judge(part: StudyEvidence, arm: ArmEvidence, base: ArmEvidence, standing: Standing) -> tuple[Word, str]:
    pairs, interval, weak = standing.pairs, standing.interval, _weak(part, arm, base)
    said = sentences.About(part.outcome, arm.name, base.name, part.alpha, part.floor)
    failures = [
        text for each in (arm, base) if (text := sentences.failure(part.outcome, each.name, _missing(part, each)))
    ]
    if failures:
        return "cannot tell", f"Cannot tell: {'; '.join(failures)}. Run what failed again."
    if not part.matched(arm):
        return "yardstick", said.yardstick(part.ratio(arm) or 1.0, part.match, interval)
    more = more_seeds(len(pairs), interval, part.alpha)
    if len(pairs) < CARRIES_A_VERDICT or interval is None:
        return "cannot tell", said.too_few(len(pairs), weak, more)
    if weak:
        return "not trained enough to compare", said.untrained(weak)
    if interval.sd == 0 and interval.mean == 0:
        return "cannot tell", f"Cannot tell: {arm.name} and {base.name} gave identical scores at every seed."
    if standing.decided:
        word: Word = "better" if part.outcome.sign * interval.mean < 0 else "worse"
        return word, f"{arm.name} is {word} than {base.name}: {said.difference(interval)}."
    return "cannot tell", said.cannot_tell(interval, more)


def more_seeds(n: int, interval: Interval | None, alpha: float) -> int | None:
    """Pairs still lacking for 80 % power if the true difference is what was seen, and for any verdict at all."""
    lacking = max(0, CARRIES_A_VERDICT - n)
    if interval is None:
        return lacking
    if interval.effect is None:  # no spread: nothing to extrapolate from
        return lacking or None
    needed = pairs_needed(interval.effect, alpha)
    return None if needed is None else max(needed - n, lacking, 1)


@dataclass(frozen=True)
class _Secondary:
    """One secondary test: of an outcome, or (None) of the primary one against the arm's own sequences shuffled."""

    arm: str
    outcome: Outcome | None
    against: str
    test: MeanTest
    scaled: float  # p as it counts at the study's alpha, whatever the level of the look was


def _secondary(
    evidence: StudyEvidence, base: ArmEvidence, others: list[ArmEvidence], standings: dict[str, Standing]
) -> dict[str, tuple[list[DomainResult], OrderAlone | None]]:
    """Arm → its results on the other outcomes, and against its own sequences in another order.

    All of these tests of the study are one family for Holm.
    """
    tests = [test for arm in others for test in _tests_of(evidence, arm, base, standings)]
    corrected = holm([test.scaled for test in tests])
    found: dict[str, tuple[list[DomainResult], OrderAlone | None]] = {arm.name: ([], None) for arm in others}
    for test, p in zip(tests, corrected, strict=True):
        interval, clear = Interval.of(test.test, p), p < evidence.alpha
        domains, order = found[test.arm]
        if test.outcome is None:
            order = OrderAlone(arm=test.arm, against=test.against, interval=interval, clear=clear)
        else:
            better = test.outcome.better
            domains = [
                *domains,
                DomainResult(domain=test.outcome.domain, interval=interval, clear=clear, better=better),
            ]
        found[test.arm] = (domains, order)
    return found


def _tests_of(
    evidence: StudyEvidence, arm: ArmEvidence, base: ArmEvidence, standings: dict[str, Standing]
) -> list[_Secondary]:
    look = standings[arm.name].look
    part = at_look(evidence, look)
    wanted: list[tuple[Outcome | None, ArmEvidence]] = [(each, base) for each in evidence.secondary_outcomes()]
    wanted += [(None, each) for each in evidence.arms if each.shuffled_of == arm.name]
    found = []
    for outcome, other in wanted:
        test = _test([pair.difference for pair in pairs_of(part, arm, other, outcome)], part.alpha)
        if test is not None:
            scaled = min(1.0, test.p * evidence.alpha / look.level)
            found.append(_Secondary(arm.name, outcome, other.name, test, scaled))
    return found


def _looks_taken(evidence: StudyEvidence, standings: dict[str, Standing]) -> list[LookTaken]:
    if evidence.early_stop is None:
        return []
    looks = looks_of(len(evidence.seeds), evidence.alpha, evidence.early_stop)
    last = max(each.look.seeds for each in standings.values())
    decided = {
        look.seeds: [name for name, each in standings.items() if each.decided and each.look.seeds == look.seeds]
        for look in looks
    }
    return [
        LookTaken(seeds=look.seeds, level=look.level, decided=decided[look.seeds])
        for look in looks
        if look.seeds <= last
    ]
