"""What a finished run says of itself in a table row (pure, torch-free)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from chimera.typed import Config

SPARKLINE_POINTS = 60


class TrainSummary(Config):
    """Results and circumstances of one run. Losses are nats per token, scores bits per byte."""

    steps: int
    tokens: int
    parameters: int
    seconds: float = Field(description="of training and evaluating, over all attempts")
    tokens_per_second: float = Field(description="tokens / seconds, evaluations and checkpoints included")
    device: str
    threads: int
    processes: int = 1
    first_loss: float
    last_loss: float = Field(description="of the smoothed loss")
    sparkline: list[float] = Field(description=f"smoothed loss, at most {SPARKLINE_POINTS} points, evenly spaced")
    held_out: dict[str, float]
    held_out_macro: float
    unigram: dict[str, float] = Field(description="bits per byte under training token frequencies: to be beaten")
    planned_digest: str = Field(description="of the schedule's rows in order")
    delivered_digest: str = Field(description="of the rows fed, in order; the run fails unless equal")
    multiset_digest: str = Field(description="of the sorted sequence ids fed: equal for arms shown the same sequences")
    non_finite_steps: int = Field(0, description="steps whose loss or gradient was NaN or infinite; they moved nothing")
    environment: dict[str, str] = Field({}, description="machine and versions; empty in runs of before it was noted")

    @property
    def beats_unigram(self) -> bool:
        """Below the unigram entropy on every domain: trained enough to compare."""
        return all(score < self.unigram[domain] for domain, score in self.held_out.items())


def smoothed(losses: Sequence[float], span: int) -> list[float]:
    """Mean of the last `span` values (fewer at the beginning) at every position."""
    totals = [0.0]
    for loss in losses:
        totals.append(totals[-1] + loss)
    starts = [max(0, end - span) for end in range(1, len(totals))]
    return [(totals[end] - totals[start]) / (end - start) for end, start in enumerate(starts, start=1)]


def sparkline(losses: Sequence[float]) -> list[float]:
    """The smoothed loss at no more than `SPARKLINE_POINTS` evenly spaced steps, the last always among them."""
    span = max(1, len(losses) // SPARKLINE_POINTS)
    smooth = smoothed(losses, span)
    count = min(SPARKLINE_POINTS, len(smooth))
    return [round(smooth[(i + 1) * len(smooth) // count - 1], 5) for i in range(count)]
