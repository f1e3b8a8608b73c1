"""What a repetition shows: bit for bit, or by how much, where first, and what may explain it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval_app.core.reproduction import Trace, compare
from training_app.core.series import Series

DIGESTS = {"schedule": "a", "delivered order": "b", "final weights": "c"}


def series(values: list[float], steps: list[int] | None = None) -> Series:
    step = np.array(steps or range(1, len(values) + 1), dtype=np.int64)
    return Series(step, step * 100, step.astype(np.float64), np.array(values, dtype=np.float64))


def trace(values: list[float], name: str = "shuffled · seed 1", **more: object) -> Trace:
    said = {"digests": DIGESTS, "circumstances": {"torch": "2.12", "host": "desk"}} | more
    return Trace(name, {"loss": series(values), "held_out/macro": series([2.0, 1.5])}, **said)  # type: ignore[arg-type]


def test_equal_in_every_bit_is_equal_and_nan_equals_nan() -> None:
    found = compare([(trace([3.0, math.nan]), trace([3.0, math.nan]))], same_verdict=True)
    assert found.word == "equal" and found.points == 4 and found.runs[0].differences == []
    assert found.sentence == (
        "Equal: all 1 runs gave the same curves, orders and final weights, bit for bit, in 4 points; "
        "the verdict is the same in every digit."
    )
    assert found.explanations == []


def test_one_bit_is_a_difference_and_is_told_with_its_place() -> None:
    again = trace([3.0, np.nextafter(2.0, 3), 1.5], circumstances={"torch": "2.13", "host": "desk"})
    found = compare([(trace([3.0, 2.0, 1.0]), again)], same_verdict=False)
    gap = found.runs[0].differences[0]
    assert found.word == "not equal" and (gap.curve, gap.points, gap.unequal, gap.only_in_one) == ("loss", 3, 2, 0)
    assert gap.largest == 0.5 and gap.largest_at == 300 and gap.begins_at == 200
    assert "most loss of shuffled · seed 1, by 0.5 at 300 tokens, first at 200" in found.sentence
    assert "every run was shown the same order" in found.sentence and "the verdict is not the same" in found.sentence
    assert found.explanations == ["torch: 2.12, again 2.13 (all runs)"]


@pytest.mark.parametrize("after", [[3.0], [3.0, 2.0, 1.0, 0.5]])
def test_points_that_one_run_did_not_log_are_a_difference(after: list[float]) -> None:
    found = compare([(trace([3.0, 2.0, 1.0]), trace(after))], same_verdict=True)
    assert found.word == "not equal" and found.runs[0].differences[0].only_in_one == abs(3 - len(after))


def test_a_value_that_became_nan_has_no_largest_difference_but_a_place() -> None:
    gap = compare([(trace([3.0, 2.0]), trace([3.0, math.nan]))], True).runs[0].differences[0]
    assert gap.largest is None and gap.largest_at == 200 and gap.unequal == 1


def test_other_orders_and_weights_are_said_and_unknown_ones_are_no_difference() -> None:
    other = trace([3.0], digests=DIGESTS | {"delivered order": "x", "final weights": "y"})
    found = compare([(trace([3.0]), other)], True)
    assert found.runs[0].digests == {"schedule": True, "delivered order": False, "final weights": False}
    assert found.word == "not equal" and "1 runs were shown another order" in found.sentence
    unknown = compare([(trace([3.0]), trace([3.0], digests=DIGESTS | {"final weights": ""}))], True)
    assert unknown.word == "equal" and "unknown: final weights" in unknown.sentence


def test_runs_that_are_missing_or_were_changed_on_the_way_are_said() -> None:
    edited = trace([3.0], events=["its plan was edited after step 5"])
    found = compare([(edited, trace([3.0])), (trace([1.0], "hard · seed 2"), None)], True)
    assert "hard · seed 2 was not run again" in found.sentence and found.runs[1].missing
    assert found.explanations == ["shuffled · seed 1, at first: its plan was edited after step 5"]


def test_machines_that_were_not_noted_are_said_so() -> None:
    found = compare([(trace([1.0], circumstances={}), trace([1.0]))], True)
    assert found.explanations == ["not noted at first: torch, host"]
