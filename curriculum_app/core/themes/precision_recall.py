"""Precision and recall of a score on held-out labels, over every threshold (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Point:
    """What passes at `threshold` (score ≥ threshold)."""

    threshold: float
    true_positives: int
    passed: int
    positives: int

    @property
    def precision(self) -> float:
        return self.true_positives / self.passed if self.passed else float("nan")

    @property
    def recall(self) -> float:
        return self.true_positives / self.positives if self.positives else float("nan")

    @property
    def f1(self) -> float:
        both = self.passed + self.positives
        return 2 * self.true_positives / both if both else float("nan")


def curve(scores: Sequence[float] | Float, labels: Sequence[bool]) -> list[Point]:
    """A point at every distinct score, thresholds rising."""
    score, label = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    positives = int(label.sum())
    points = []
    for threshold in np.unique(score):
        passed = score >= threshold
        points.append(Point(float(threshold), int((passed & label).sum()), int(passed.sum()), positives))
    return points


def threshold_for(points: Sequence[Point], precision: float) -> float | None:
    """The smallest threshold whose held-out precision reaches `precision`; None if none does."""
    return next((point.threshold for point in points if point.passed and point.precision >= precision), None)


def point_at(scores: Sequence[float] | Float, labels: Sequence[bool], threshold: float) -> Point:
    """What passes at any threshold."""
    score, label = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    passed = score >= threshold
    return Point(threshold, int((passed & label).sum()), int(passed.sum()), int(label.sum()))


def f1_interval(
    scores: Sequence[float] | Float, labels: Sequence[bool], threshold: float, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap over held-out texts of F1 at a threshold (Efron 1979), 95 %."""
    score, label = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(score), (RESAMPLES, len(score)))
    passed, true = (score >= threshold)[drawn], label[drawn]
    f1 = 2 * (passed & true).sum(axis=1) / np.maximum(passed.sum(axis=1) + true.sum(axis=1), 1)
    low, high = np.percentile(f1, [2.5, 97.5])
    return float(low), float(high)


def average_precision(scores: Sequence[float] | Float, labels: Sequence[bool]) -> float:
    """Area under the precision-recall steps."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)))
