"""Reads of studies: the list, one study with its cells, held-out curves of its arms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.registry import Choice
from curriculum_app.models import SequenceSet
from eval_app.core.configs_study import ArmConfig, StudyConfig
from eval_app.models import Study
from training_app.core.configs import LearningRateChoice
from training_app.models import TrainingRun
from training_app.selectors.history import histories


def study_list(actor: Actor) -> QuerySet[Study]:
    return Study.objects.filter(project=actor.project).select_related("job", "sequence_set")


def study_get(actor: Actor, pk: int) -> Study:
    """Raises Http404 for another project's study."""
    return get_object_or_404(study_list(actor), pk=pk)


def study_config(study: Study) -> StudyConfig:
    return StudyConfig.model_validate(study.job.config)


@dataclass(frozen=True)
class Cell:
    """One arm at one seed: the run (perhaps an equal arm's) and, where the arm asks for one, the job of its average."""

    arm: str
    seed: int
    run: TrainingRun
    own: bool  # the run is this arm's, not shared with an earlier one
    average: Job | None = None

    @property
    def state(self) -> str:
        return self.average.state if self.average is not None else self.run.job.state

    @property
    def macro(self) -> float | None:
        """What the verdict rests on."""
        score: float | None = (self.average or self.run).summary.get("held_out_macro")
        return score

    @property
    def alone(self) -> float | None:
        """The score of the run's last checkpoint."""
        score: float | None = self.run.summary.get("held_out_macro")
        return score


def study_cells(study: Study) -> list[Cell]:
    """The cells whose run exists by now, by seed, then arm."""
    config = study_config(study)
    runs = {run.job.slot: run for run in TrainingRun.objects.filter(job__parent=study.job_id).select_related("job")}
    averages = {job.slot: job for job in Job.objects.filter(parent=study.job_id, kind="average")}
    cells = []
    for seed in sorted(config.seeds):
        for arm in sorted(config.arms, key=lambda each: each.name):
            source = config.trained_as(arm)
            run = runs.get(f"train/{source.name}/{seed}")
            if run is not None:
                average = averages.get(f"average/{arm.name}/{seed}")
                cells.append(Cell(arm.name, seed, run, source is arm, average))
    return cells


@dataclass(frozen=True)
class GridRow:
    """The cells of one seed, in the order of the arms; None where no run exists yet."""

    seed: int
    cells: list[Cell | None]


def study_grid(config: StudyConfig, cells: Iterable[Cell]) -> list[GridRow]:
    by_place = {(cell.arm, cell.seed): cell for cell in cells}
    return [GridRow(seed, [by_place.get((arm.name, seed)) for arm in config.arms]) for seed in config.seeds]


@dataclass(frozen=True)
class ArmRow:
    """One arm in words: its curriculum, its learning rate (`own`: not the study's), and what its comparison shows.

    `average` says which mean of checkpoints is scored, `shares` whose runs these are; empty: the arm's own last ones.
    """

    name: str
    curriculum: str
    learning_rate: str
    own: bool
    compares: str  # what differs from the baseline; empty for the baseline and before the verdict
    mean: float | None
    average: str
    shares: str


def study_arms(config: StudyConfig, verdict: dict[str, Any] | None) -> list[ArmRow]:
    """The arms in their order."""
    compared = {item["arm"]: item["compares"] for item in verdict["comparisons"]} if verdict else {}
    means = {item["name"]: item["mean"] for item in verdict["arms"]} if verdict else {}
    return [
        ArmRow(
            arm.name,
            _curriculum_words(arm),
            rate_words(config.learning_rate_of(arm)),
            arm.learning_rate is not None,
            compared.get(arm.name, ""),
            means.get(arm.name),
            _average_words(arm),
            "" if config.trained_as(arm) is arm else config.trained_as(arm).name,
        )
        for arm in config.arms
    ]


def _curriculum_words(arm: ArmConfig) -> str:
    """The policy with the settings that are not its defaults."""
    if arm.shuffled_of:
        return f"What {arm.shuffled_of} is shown, shuffled"
    if arm.policy is None:
        return f"{len(arm.schedules)} ready schedules"
    return words_of(arm.policy)


def _average_words(arm: ArmConfig) -> str:
    """Such as "last 6 checkpoints averaged: Exponential (EMA), alpha 0.2"."""
    if arm.average is None:
        return ""
    return f"last {arm.average.last} checkpoints averaged: {words_of(arm.average.weights, always=('alpha',))}"


def rate_words(choice: LearningRateChoice) -> str:
    """Such as "Cosine, peak 0.008": the peak or factor is always said."""
    return words_of(choice, always=("peak", "factor"))


def words_of(choice: Choice, always: tuple[str, ...] = ()) -> str:
    """An extension's title and those of its settings that are not the defaults."""
    entry = choice.registry().get(choice.key)
    usual = entry.config().as_json()
    said = [
        f"{name.replace('_', ' ')} {value:g}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in choice.config.items()
        if name in always or value != usual.get(name)
    ]
    return ", ".join([entry.title, *said])


Curve = list[tuple[int, float]]


def held_out_curves(actor: Actor, study: Study, key: str = "held_out/macro") -> dict[str, dict[int, Curve]]:
    """Arm → seed → (tokens, bits per byte) at every evaluation logged so far."""
    cells = [cell for cell in study_cells(study) if cell.own]
    found = histories(actor, [cell.run for cell in cells], [key])
    curves: dict[str, dict[int, Curve]] = {}
    for cell in cells:
        series = found[cell.run.pk].series[key]
        if len(series):
            finite = series.take(series.finite)
            points = list(zip(finite.tokens.tolist(), finite.value.tolist(), strict=True))
            curves.setdefault(cell.arm, {})[cell.seed] = points
    return curves


def studies_on_sequences(actor: Actor, sequences: SequenceSet) -> dict[str, Any]:
    """The studies over a sequence set with their verdicts, for its page; empty if there is none."""
    studies = list(study_list(actor).filter(sequence_set=sequences)[:12])
    return {"studies": studies} if studies else {}
