"""Diagnoses of a project, and what one of them says in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from chimera.projects.access import Actor
from training_app.core.diagnosis import Diagnosis as Opened
from training_app.core.diagnosis import OrderFacts
from training_app.models import Diagnosis


def diagnoses(actor: Actor) -> QuerySet[Diagnosis]:
    """All of the project, newest first."""
    return Diagnosis.objects.filter(project=actor.project).select_related("checkpoint", "schedule")


def diagnosis_get(actor: Actor, pk: int) -> Diagnosis:
    """
    Raises:
        Diagnosis.DoesNotExist: not in this project.
    """
    return diagnoses(actor).get(pk=pk)


def opened(row: Diagnosis) -> Opened | None:
    """The artefact; None if its files are not on this machine."""
    try:
        return Opened.open(row.stored())
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class OrderRow:
    """One line of the comparison: `low` and `high` bound the cosines of different chunks."""

    name: str
    mean: float
    low: float
    high: float
    drift: float
    least_rank: float | None
    mean_rank: float | None
    noise_scale: float | None


def comparison(orders: list[OrderFacts]) -> list[OrderRow]:
    """The schedule's own order and every shuffle."""
    return [_row(order) for order in orders]


def _row(order: OrderFacts) -> OrderRow:
    pairs = order.off_diagonal
    return OrderRow(
        name=order.name,
        mean=float(pairs.mean()),
        low=float(pairs.min()),
        high=float(pairs.max()),
        drift=order.drift,
        least_rank=order.least_rank,
        mean_rank=order.mean_rank,
        noise_scale=order.noise_scale,
    )


def verdict(orders: list[OrderFacts]) -> str:
    """Whether the schedule's cosines lie outside those of its shuffles, in one sentence."""
    own, shuffles = orders[0].off_diagonal.mean(), [order.off_diagonal.mean() for order in orders[1:]]
    if own < min(shuffles):
        return "Chunks of the schedule are less alike than those of every shuffle."
    if own > max(shuffles):
        return "Chunks of the schedule are more alike than those of every shuffle."
    return "Chunks of the schedule are as alike as those of its shuffles: no drift is visible in these gradients."


def too_small(orders: list[OrderFacts], sequences: int) -> float | None:
    """The noise scale if it is above the sequences of a chunk: then cosines are low from noise alone."""
    scale = orders[0].noise_scale
    return scale if scale is not None and scale > sequences else None
