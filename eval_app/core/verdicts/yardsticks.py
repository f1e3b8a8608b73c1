"""What an arm's gain is worth in tokens, by an arm that had more of them (pure)."""

from __future__ import annotations

import math

from eval_app.core.statistics import ratio_of_means
from eval_app.core.verdicts.evidence import StudyEvidence
from eval_app.core.verdicts.verdict import Comparison, Worth


def worth_of(evidence: StudyEvidence, comparisons: list[Comparison]) -> list[Worth]:
    """Every arm at the baseline's budget against every arm with a larger one that has gained by it."""
    sticks = [each for each in comparisons if not each.matched and each.ratio is not None and each.ratio > 1]
    rivals = [each for each in comparisons if each.matched and each.interval is not None]
    found = [_worth(evidence, rival, stick) for stick in sticks for rival in rivals]
    return [worth for worth in found if worth is not None]


def _worth(evidence: StudyEvidence, rival: Comparison, stick: Comparison) -> Worth | None:
    assert stick.ratio is not None
    sign = -evidence.outcome.sign
    gained = {pair.seed: sign * pair.difference for pair in stick.seeds}
    pairs = [(sign * pair.difference, gained[pair.seed]) for pair in rival.seeds if pair.seed in gained]
    if len(pairs) < 2 or sum(more for _, more in pairs) <= 0:
        return None
    ratio = ratio_of_means([own for own, _ in pairs], [more for _, more in pairs], evidence.alpha)

    def tokens(share: float | None) -> float | None:
        """Times the budget, within what a float and a reader can hold."""
        return None if share is None else math.exp(max(-20.0, min(20.0, share * math.log(stick.ratio or 1.0))))

    return Worth(
        arm=rival.arm,
        yardstick=stick.arm,
        factor=tokens(ratio.value) or 1.0,
        low=tokens(ratio.low),
        high=tokens(ratio.high),
    )
