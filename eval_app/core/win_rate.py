"""How often one model's answer is better than a baseline's to the same prompts (pure).

A tie counts half. The interval is Wilson's on the share of wins with halves, which is wider than it has to be where
there are many ties.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from eval_app.core.item_results import ItemResult

Choice = Literal["candidate", "baseline", "tie"]
Bits = Callable[[str, str], float]  # (prompt, answer) → log-likelihood of the answer in nats, per token


@dataclass(frozen=True)
class WinRate:
    """Wins, ties and losses of the candidate, and what they say."""

    wins: int
    ties: int
    losses: int

    @property
    def n(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def rate(self) -> float:
        """Share of wins, ties counted half; one half where nothing was compared."""
        return (self.wins + self.ties / 2) / self.n if self.n else 0.5

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `rate`; all of [0, 1] where nothing was compared."""
        if not self.n:
            return 0.0, 1.0
        z = float(stats.norm.isf(0.025))
        centre = (self.rate + z * z / (2 * self.n)) / (1 + z * z / self.n)
        half = z / (1 + z * z / self.n) * (self.rate * (1 - self.rate) / self.n + z * z / (4 * self.n**2)) ** 0.5
        return max(centre - half, 0.0), min(centre + half, 1.0)

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `cannot tell` where the interval holds one half."""
        low, high = self.interval
        return "better" if low > 0.5 else "worse" if high < 0.5 else "cannot tell"


def counted(choices: Iterable[Choice]) -> WinRate:
    """The win rate of choices."""
    found = list(choices)
    return WinRate(found.count("candidate"), found.count("tie"), found.count("baseline"))


def pairs_of(candidate: Sequence[ItemResult], baseline: Sequence[ItemResult]) -> list[tuple[ItemResult, ItemResult]]:
    """The items that both answered to the same prompt, in the candidate's order."""
    others = {(item.task, item.item, item.prompt): item for item in baseline}
    keys = ((item, (item.task, item.item, item.prompt)) for item in candidate)
    return [(item, others[key]) for item, key in keys if key in others]


def by_rule(pair: tuple[ItemResult, ItemResult], *, higher_is_better: bool = True) -> Choice | None:
    """Whose value of the main metric is better; None where one has no value."""
    one, other = (item.main for item in pair)
    if one != one or other != other:  # NaN
        return None
    if one == other:
        return "tie"
    return "candidate" if (one > other) == higher_is_better else "baseline"


JUDGE = "{prompt}\n\nFirst answer:\n{first}\n\nSecond answer:\n{second}\n\nThe better answer is the"


def by_judge(prompt: str, candidate: str, baseline: str, likelihood: Bits) -> Choice:
    """What a model finds likelier to be called the better answer, asked in both orders: a judge that only likes a place
    (Zheng et al., arXiv 2306.05685, section 3.3) says `tie`."""
    if candidate == baseline:
        return "tie"
    preferred = []
    for first, second in ((candidate, baseline), (baseline, candidate)):
        asked = JUDGE.format(prompt=prompt, first=first, second=second)
        preferred.append(likelihood(asked, " first") - likelihood(asked, " second"))
    if preferred[0] > 0 > preferred[1]:
        return "candidate"
    return "baseline" if preferred[0] < 0 < preferred[1] else "tie"


def sides(seed: str) -> tuple[Choice, Choice]:
    """Whose answer stands left and whose right for a person: drawn by the seed, which nobody is shown."""
    order: list[Choice] = ["candidate", "baseline"]
    random.Random(seed).shuffle(order)
    return order[0], order[1]
