"""The alert rules, with numbers worked by hand."""

from __future__ import annotations

import math
import time
from typing import Any

from training_app.core.alert_rules import PRESETS, AlertRuleConfig, AlertSet
from training_app.core.alerts.base import ALERTS, matches


def said(key: str, values: list[float], series: str = "x", **config: Any) -> list[int]:
    """The steps (from 1) at which the rule speaks."""
    watch = ALERTS.build(key, config).watch(series)
    return [step for step, value in enumerate(values, 1) if watch.add(step, step * 100, value)]


def test_nan_and_both_infinities_are_no_numbers() -> None:
    assert said("non_finite", [1.0, math.nan, math.inf, -math.inf, 0.0]) == [2, 3, 4]


def test_a_spike_is_measured_in_robust_deviations() -> None:
    """Window 0, 1 … 15: median 7.5, MAD 4; factor 3 means 3 · 1.4826 · 4 = 17.79 away."""
    window = [float(n) for n in range(16)]
    settings = {"window": 16, "factor": 3.0, "floor": 0.0}
    assert said("spike", [*window, 7.5 + 17.7], **settings) == []
    assert said("spike", [*window, 7.5 + 17.9], **settings) == [17]
    assert said("spike", [*window, 7.5 - 17.9], **settings) == []
    assert said("spike", [*window, 7.5 - 17.9], side="below", **settings) == [17]
    assert said("spike", [*window, 7.5 - 17.9], side="both", **settings) == [17]


def test_a_spike_in_a_constant_series_must_exceed_the_smallest_change() -> None:
    assert said("spike", [2.0] * 20 + [2.1], window=16, floor=0.1) == []
    assert said("spike", [2.0] * 20 + [2.3], window=16, floor=0.1) == [21]


def test_a_spike_does_not_hide_the_next_one_and_nan_is_left_to_its_own_rule() -> None:
    series = [1.0, 1.1] * 12 + [9.0, math.nan, 9.0, 1.0]
    assert said("spike", series, window=16) == [25, 27]


def test_a_level_that_stays_is_the_new_normal_once_it_fills_half_the_window() -> None:
    assert said("spike", [1.0, 1.1] * 16 + [3.0, 3.1] * 16, window=16)[-1] == 32 + 8


def test_a_rising_series_is_judged_by_its_median_against_its_lowest() -> None:
    """Medians of four: 2 at step 5, the lowest; 3.25 = (3 + 3.5) / 2 at step 9 is the first above 2 · 1.5."""
    falling = [4.0, 3.0, 2.0, 1.0]  # median 2.5
    assert said("rising", [*falling, 2.0, 2.0, 3.0, 3.5, 3.5], window=4, share=0.5) == [9]
    assert said("rising", [2.0] * 8 + [50.0, math.nan, 2.0, 2.0, 2.0] * 5, window=8) == []
    assert said("rising", [-4.0] * 4 + [-1.9] * 4, window=4, share=0.5) == [7, 8]


def test_a_plateau_is_no_gain_of_delta_for_so_long_and_then_waits_anew() -> None:
    falling, flat = [5.0, 4.0, 3.0], [2.995] * 9
    assert said("plateau", falling + flat, over=4, delta=0.01, smoothing=0.0) == [7, 11]
    assert said("plateau", falling + flat, over=400, unit="tokens", delta=0.01, smoothing=0.0) == [7, 11]
    assert said("plateau", [1.0, 2.0, 3.0, 4.0, 5.0], over=2, better="higher", smoothing=0.0) == []


def test_the_plateau_looks_at_the_debiased_moving_average() -> None:
    """Keep 0.5: 4, then (0.5·4 + 1·2)/1.5 = 2.667, then (0.5·(0.5·4 + 2) + 2)/1.75 = 2.286."""
    watch = ALERTS.build("plateau", {"smoothing": 0.5, "over": 1, "delta": 0.5}).watch("loss")
    assert watch.add(1, 1, 4.0) is None and watch.add(2, 2, 2.0) is None
    assert "best 2.667" in (watch.add(3, 3, 2.0) or "")


def test_rank_collapse_needs_three_measurements_below_a_share_of_the_early_level() -> None:
    early = [4.0, 4.2, 3.8, 4.1, 3.9]
    levels = [*early, 1.9, 1.9, 2.1, 1.9, 1.9, 1.9]
    assert said("rank_collapse", levels, share=0.5) == [11] and said("rank_collapse", levels) == []
    assert said("rank_collapse", [1.01] * 4, bound=1.05) == [3, 4]


def test_the_entropy_band_is_the_users_and_saturation_counts_in_a_row() -> None:
    assert said("entropy_band", [0.0, 9.0] * 5, "token_entropy") == []
    assert not ALERTS.build("entropy_band").watches("token_entropy")
    assert said("entropy_band", [1.25, 1.1, 1.1, 1.1, 1.25], "token_entropy", low=1.2, high=1.3) == [4]
    assert said("entropy_band", [0.09, 0.09, 0.11, 0.09, 0.09, 0.09], "attention_entropy/layer/3") == [6]
    assert said("entropy_band", [0.96, 0.96, 0.96, 0.5], "spectral/top_share/0") == [3]


def test_a_threshold_may_ask_for_several_in_a_row() -> None:
    assert said("threshold", [1.0, 3.0, 3.0, 1.0, 3.0], value=2.0) == [2, 3, 5]
    assert said("threshold", [1.0, 3.0, 3.0, 1.0, 3.0], value=2.0, times=2) == [3]
    assert said("threshold", [1.0, math.nan, 3.0], value=2.0, side="below") == [1]


def test_patterns_name_series() -> None:
    assert matches("held_out/code", "held_out/*") and matches("loss", " loss ")
    assert not matches("loss", "") and not matches("train_loss", "loss")


def rules(**config: Any) -> dict[str, AlertRuleConfig]:
    rule = {"key": "threshold", "config": {"value": 2.0, "metric": "a, b"}}
    return {"r": AlertRuleConfig.model_validate({"name": "High", "rule": rule, **config})}


def test_the_cool_down_holds_per_series() -> None:
    watched = AlertSet(rules(cooldown=3))
    found = [(alert.key, alert.step) for step in range(1, 9) for alert in watched.add(step, step, {"a": 3.0, "b": 3.0})]
    assert found == [(key, step) for step in (1, 4, 7) for key in ("a", "b")]


def test_a_replay_gives_the_same_alerts_and_the_same_state() -> None:
    points = [{"loss": 3 + 0.1 * math.sin(n) + (5 if n % 97 == 0 else 0), "grad_norm": 1.0} for n in range(1, 400)]
    first, again = AlertSet(PRESETS), AlertSet(PRESETS)
    whole = [alert for n, values in enumerate(points) for alert in first.add(n, n, values)]
    half = [alert for n, values in enumerate(points[:200]) for alert in again.add(n, n, values)]
    half += [alert for n, values in enumerate(points[200:], 200) for alert in again.add(n, n, values)]
    assert whole == half and len(whole) >= 1


def test_other_rules_begin_anew_and_the_same_ones_go_on() -> None:
    watched = AlertSet(rules(cooldown=100))
    assert watched.add(1, 1, {"a": 3.0})
    watched.change(rules(cooldown=100))
    assert not watched.add(2, 2, {"a": 3.0}), "it cools down as before"
    watched.change(rules(cooldown=50))
    assert watched.add(3, 3, {"a": 3.0})
    watched.change(rules(active=False))
    assert not watched.add(4, 4, {"a": 3.0})


def test_the_default_rules_cost_less_than_a_hundredth_of_a_step_of_10_ms() -> None:
    """20 metrics a step; the best of three rounds, as the machine may be busy."""
    keys = ["loss", "grad_norm", "stable_rank/min", "attention_entropy", *(f"other/{n}" for n in range(16))]
    points = [dict.fromkeys(keys, 1 + n * 7919 % 101 / 1000) for n in range(500)]
    seconds = []
    for _ in range(3):
        watched, started = AlertSet(PRESETS), time.perf_counter()
        for step, values in enumerate(points):
            watched.add(step, step, values)
        seconds.append((time.perf_counter() - started) / len(points))
    assert min(seconds) < 1e-4
