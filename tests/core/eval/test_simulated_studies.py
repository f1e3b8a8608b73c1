"""Simulated studies with the noise of real runs: verdicts err no more often than they say."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import verdicts as benchmark
from benchmarks.simulated_studies import SeedNoise
from eval_app.core.statistics import detectable_effect, paired_t, welch_t
from eval_app.core.verdicts.stopping import EarlyStop, looks_of

SCORES = Path(__file__).parents[2] / "fixtures" / "seed_scores.json"
RECORDED = json.loads(SCORES.read_text(encoding="utf-8"))
NOISE = SeedNoise.of(RECORDED["scores"])


@pytest.fixture(scope="module")
def null():
    return benchmark.studies(NOISE, np.random.default_rng(2026), 2000, [0.0] * 3)


def test_the_noise_is_that_of_sixty_real_runs():
    assert NOISE.residuals.shape == (60, 5) and NOISE.seeds.shape == (20, 5)
    macros = [sum(run.values()) / len(run) for order in RECORDED["scores"] for run in order]
    assert np.std(macros) == pytest.approx(np.hypot(NOISE.residuals.mean(1).std(), NOISE.seeds.mean(1).std()), rel=0.1)


def test_of_2000_studies_without_a_difference_at_most_5_percent_get_a_word(null):
    assert benchmark.share(null, "better", "worse") <= 0.05
    assert {each.word for verdict in null for each in verdict.comparisons} == {"better", "worse", "cannot tell"}


def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent(null):
    assert 0.93 <= benchmark.coverage(null) <= 0.97


def test_secondary_outcomes_of_all_arms_are_one_family(null):
    assert null[0].num_secondary == 2 * len(NOISE.domains)
    assert benchmark.false_secondary(null) <= 0.05


def test_a_planted_difference_is_found_with_the_power_that_is_stated():
    effect = detectable_effect(5) * NOISE.paired_sd
    verdicts = benchmark.studies(NOISE, np.random.default_rng(7), 300, [0.0, -effect])
    found = benchmark.share(verdicts, "better")
    assert 0.74 <= found <= 0.87  # 0.80 for normal noise; the standard error of 300 studies is 0.023
    assert benchmark.share(verdicts, "worse") == 0


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_looks_declared_in_advance_keep_the_error_of_the_whole_study(spending):
    rule = EarlyStop(looks=[4, 6], spending=spending)
    verdicts = benchmark.studies(NOISE, np.random.default_rng(8), 120, [0.0] * 3, rule, seeds=8)
    assert benchmark.share(verdicts, "better", "worse") <= 0.05


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_the_long_run_error_of_looks_is_at_most_alpha_and_that_of_peeking_is_not(spending):
    macro, rng = NOISE.residuals.mean(axis=1), np.random.default_rng(9)
    drawn = macro[rng.integers(0, len(macro), (40_000, 2, 8))]
    differences = drawn[:, 1] - drawn[:, 0]
    looks = looks_of(8, 0.05, EarlyStop(looks=[3, 4, 5, 6, 7], spending=spending))
    p = np.stack([benchmark._paired_p(differences[:, : look.seeds]) for look in looks])
    levels = np.array([look.level for look in looks])[:, None]
    assert (p < levels).any(axis=0).mean() <= 0.05
    assert (p < 0.05).any(axis=0).mean() > 0.10


def test_pairs_find_on_the_same_runs_what_unpaired_seeds_hide():
    first = [sum(run.values()) / 5 for run in RECORDED["scores"][0]]
    second = [sum(run.values()) / 5 for run in RECORDED["same_order_other_rate"]]
    shifted = [value - 0.02 for value in second]
    assert paired_t([b - a for a, b in zip(first, shifted, strict=True)]).p < 0.05 < welch_t(shifted, first).p
    paired, unpaired = benchmark.interval_widths(RECORDED)
    assert paired < 0.8 * unpaired
