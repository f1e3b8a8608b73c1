"""How often verdicts err: 2,000 simulated studies with the noise of real runs, and 200,000 for the third digit.

The noise is that of `tests/fixtures/seed_scores.json` (80 runs, `benchmarks/seed_noise.py`). Arms without a difference
must get "better" or "worse" in at most 5 % of studies in all, 95 % intervals must hold the truth in 93 to 97 %, and a
planted difference must be found as often as the power says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.report import Figure, at_least, at_most, plain
from benchmarks.simulated_studies import SeedNoise, simulate
from eval_app.core.statistics import detectable_effect, paired_t, welch_t
from eval_app.core.verdicts.deciding import decide
from eval_app.core.verdicts.stopping import EarlyStop
from eval_app.core.verdicts.verdict import Verdict

NAME = "verdicts"
SCORES = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "seed_scores.json"
SEEDS, RIVALS, STUDIES, MANY = 5, 3, 2000, 200_000
CLAIMS = ("better", "worse")


def measure(quick: bool) -> dict[str, Figure]:
    """Shares of studies, in per cent."""
    recorded = json.loads(SCORES.read_text(encoding="utf-8"))
    noise, rng = SeedNoise.of(recorded["scores"]), np.random.default_rng(2026)
    null = studies(noise, rng, STUDIES, [0.0] * (RIVALS + 1))
    planted = studies(noise, rng, STUDIES // 2, [0.0, -detectable_effect(SEEDS) * noise.paired_sd])
    rates = long_run(noise, rng, MANY // (10 if quick else 1))
    stops = {
        rule: studies(noise, rng, STUDIES // 2, [0.0] * (RIVALS + 1), EarlyStop(looks=[4, 6], spending=rule), seeds=8)
        for rule in ("obrien_fleming", "pocock")
    }
    paired, unpaired = interval_widths(recorded)
    found = 100 * share(planted, "better")
    return {
        "false_verdicts": at_most(100 * share(null, *CLAIMS), 5.0, "%"),
        "false_verdicts_long_run": at_most(100 * rates[0], 5.0, "%"),
        "coverage_least": at_least(100 * coverage(null), 93.0, "%"),
        "coverage_most": at_most(100 * coverage(null), 97.0, "%"),
        "coverage_long_run": plain(100 * rates[1], "%"),
        "false_secondary": at_most(100 * false_secondary(null), 5.0, "%"),
        "power_stated_80_least": at_least(found, 76.0, "%"),
        "power_stated_80_most": at_most(found, 84.0, "%"),
        "power_unpaired": plain(100 * found_unpaired(planted), "%"),
        "interval_paired_to_unpaired": at_most(paired / unpaired, 1.0, "ratio"),
        **{f"false_verdicts_{rule}": at_most(100 * share(each, *CLAIMS), 5.0, "%") for rule, each in stops.items()},
    }


def studies(
    noise: SeedNoise,
    rng: np.random.Generator,
    count: int,
    effects: Sequence[float],
    early: EarlyStop | None = None,
    seeds: int = SEEDS,
) -> list[Verdict]:
    """Verdicts of `count` simulated studies."""
    return [decide(simulate(noise, rng, seeds, effects, early)) for _ in range(count)]


def share(verdicts: Sequence[Verdict], *words: str) -> float:
    """Of studies in which any arm got one of these words."""
    return sum(any(each.word in words for each in verdict.comparisons) for verdict in verdicts) / len(verdicts)


def coverage(verdicts: Sequence[Verdict]) -> float:
    """Of intervals that hold the true difference, none."""
    held = [each.interval.low <= 0 <= each.interval.high for v in verdicts for each in v.comparisons if each.interval]
    return sum(held) / len(held)


def false_secondary(verdicts: Sequence[Verdict]) -> float:
    """Of studies in which any domain of any arm is called clear."""
    return sum(any(row.clear for each in v.comparisons for row in each.domains) for v in verdicts) / len(verdicts)


def found_unpaired(verdicts: Sequence[Verdict]) -> float:
    """Of studies in which Welch's test would have found the arm better on the very same runs."""
    return sum(_welch(verdict) for verdict in verdicts) / len(verdicts)


def _welch(verdict: Verdict) -> bool:
    pairs = verdict.comparisons[0].seeds
    test = welch_t([pair.arm for pair in pairs], [pair.baseline for pair in pairs])
    return test.p < verdict.alpha and test.mean < 0


def long_run(noise: SeedNoise, rng: np.random.Generator, count: int) -> tuple[float, float]:
    """False verdicts and coverage of as many studies at once: the same test, without the words."""
    macro = noise.residuals.mean(axis=1)
    drawn = macro[rng.integers(0, len(macro), (count, RIVALS + 1, SEEDS))]
    p = _paired_p(drawn[:, 1:] - drawn[:, :1])
    return float((RIVALS * p.min(axis=1) < 0.05).mean()), float((p >= 0.05).mean())


def _paired_p(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    size = differences.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = differences.mean(axis=-1) / (differences.std(axis=-1, ddof=1) / math.sqrt(size))
    return np.asarray(np.nan_to_num(2 * special.stdtr(size - 1, -np.abs(t)), nan=1.0), dtype=np.float64)


def interval_widths(recorded: dict[str, Any]) -> tuple[float, float]:
    """Half widths of the paired and of Welch's interval on runs that share their seed and their order."""
    first = [sum(run.values()) / len(run) for run in recorded["scores"][0]]
    second = [sum(run.values()) / len(run) for run in recorded["same_order_other_rate"]]
    paired = paired_t([b - a for a, b in zip(first, second, strict=True)])
    unpaired = welch_t(second, first)
    return paired.high - paired.low, unpaired.high - unpaired.low
