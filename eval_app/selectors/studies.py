"""Reads of studies: the list, one study with its cells, held-out curves of its arms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.format import grouped
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.registry import Choice
from curriculum_app.models import SequenceSet
from eval_app.core.configs_study import ArmConfig, StudyConfig
from eval_app.core.study_evidence import numbers_of
from eval_app.core.study_templates import QuantileAxis, quantile_axis
from eval_app.core.verdicts.leaderboard import Leader, leaderboard
from eval_app.core.verdicts.outcome import MACRO
from eval_app.core.verdicts.verdict import Comparison, Interval, Verdict
from eval_app.models import Study
from training_app.core.configs import LearningRateChoice
from training_app.models import TrainingRun
from training_app.selectors.history import histories

JOB_TEXTS = ("job__config", "job__error_text", "job__summary")


def study_list(actor: Actor) -> QuerySet[Study]:
    return Study.objects.filter(project=actor.project).select_related("job", "sequence_set")


def study_get(actor: Actor, pk: int) -> Study:
    """Raises Http404 for another project's study."""
    return get_object_or_404(study_list(actor), pk=pk)


def study_config(study: Study) -> StudyConfig:
    return StudyConfig.model_validate(study.job.config)


def study_verdict(study: Study) -> Verdict | None:
    """The stored answer; what older ones do not say has its default."""
    return None if study.verdict is None else Verdict.model_validate(study.verdict)


@dataclass(frozen=True)
class Cell:
    """One arm at one seed: the run (perhaps an equal arm's) and, where the arm asks for one, the job of its average."""

    arm: str
    seed: int
    run: TrainingRun
    own: bool  # the run is this arm's, not shared with an earlier one
    metric: str
    average: Job | None = None
    evaluation: Job | None = None  # on the common held-out text

    @property
    def state(self) -> str:
        last = self.evaluation or self.average
        return last.state if last is not None else self.run.job.state

    @property
    def score(self) -> float | None:
        """What the verdict rests on."""
        scored = self.average or self.run
        return numbers_of(scored.summary | (self.evaluation.summary if self.evaluation else {})).get(self.metric)

    @property
    def alone(self) -> float | None:
        """The score of the run's last checkpoint."""
        return numbers_of(self.run.summary).get(self.metric)


def study_cells(study: Study, config: StudyConfig | None = None) -> list[Cell]:
    """The cells whose run exists by now, by seed, then arm."""
    config = config or study_config(study)
    found = TrainingRun.objects.filter(job__parent=study.job_id).select_related("job").defer("sparkline", *JOB_TEXTS)
    runs = {run.job.slot: run for run in found}
    later = Job.objects.filter(parent=study.job_id, kind__in=("average", "evaluate")).defer("config", "error_text")
    jobs = {job.slot: job for job in later}
    sources = {arm.name: config.trained_as(arm) for arm in config.arms}
    cells = []
    for seed in sorted(config.seeds):
        for name in sorted(sources):
            run = runs.get(f"train/{sources[name].name}/{seed}")
            if run is not None:
                own, metric = sources[name].name == name, config.primary_outcome.metric
                average, evaluation = (jobs.get(f"{kind}/{name}/{seed}") for kind in ("average", "evaluate"))
                cells.append(Cell(name, seed, run, own, metric, average, evaluation))
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
    parts: tuple[str, ...] = ()  # what else is the arm's own
    leader: Leader | None = None  # its place once there is a verdict


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
            tuple(_own_parts(config, arm)),
        )
        for arm in config.arms
    ]


def _own_parts(config: StudyConfig, arm: ArmConfig) -> Iterator[str]:
    if arm.model is not None:
        yield words_of(arm.model, always=("hidden_size", "num_layers"))
    if arm.sequences is not None:
        yield f"of {arm.sequences}"
    if config.tokens_of(arm) != config.budget_tokens:
        yield f"{grouped(config.tokens_of(arm))} tokens a run"


def arms_by_rank(config: StudyConfig, verdict: Verdict | None) -> list[ArmRow]:
    """The arms as the leaderboard has them; in their own order before the verdict."""
    if verdict is None:
        return study_arms(config, None)
    rows = {row.name: row for row in study_arms(config, verdict.as_json())}
    return [replace(rows[leader.arm], leader=leader) for leader in leaderboard(verdict)]


@dataclass(frozen=True)
class SecondaryCell:
    """One secondary outcome of one arm. `gained` says which way, whatever is better."""

    interval: Interval
    clear: bool
    gained: bool


@dataclass(frozen=True)
class SecondaryRow:
    arm: str
    cells: list[SecondaryCell | None]  # in the order of the names


@dataclass(frozen=True)
class SecondaryTable:
    """Arms × secondary outcomes."""

    names: list[str]
    rows: list[SecondaryRow]


def secondary_table(verdict: Verdict) -> SecondaryTable:
    """All of a verdict's secondary outcomes, the arms as the leaderboard has them."""
    found = [row.comparison for row in leaderboard(verdict) if row.comparison is not None]
    names = list(dict.fromkeys(row.domain for each in found for row in each.domains))
    return SecondaryTable(names, [SecondaryRow(each.arm, _secondary_cells(each, names)) for each in found])


def _secondary_cells(comparison: Comparison, names: list[str]) -> list[SecondaryCell | None]:
    known = {
        row.domain: SecondaryCell(row.interval, row.clear, (row.interval.mean < 0) == (row.better == "lower"))
        for row in comparison.domains
    }
    return [known.get(name) for name in names]


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
        f"{name.replace('_', ' ')} {_said(value)}"
        for name, value in choice.config.items()
        if name in always or value != usual.get(name)
    ]
    return ", ".join([entry.title, *said])


def _said(value: Any) -> str:
    """A setting in words: "code 0.7 / web 0.3" of shares, "5 of them" of a list of records."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return " / ".join(f"{key} {_said(part)}" for key, part in value.items())
    if isinstance(value, list):
        records = any(isinstance(item, Mapping) for item in value)
        return f"{len(value)} of them" if records else " ".join(map(_said, value))
    return str(value)


Curve = list[tuple[int, float]]


def quantiles_of(config: StudyConfig) -> QuantileAxis | None:
    """The axis of a study of quantiles, None of another."""
    return quantile_axis([(arm.name, arm.policy.key, arm.policy.config) for arm in config.arms if arm.policy])


def tokens_by_group(study: Study, grouping: str) -> dict[str, int]:
    """Of the study's sequences; empty where they are gone."""
    manifest = study.sequence_set.manifest if study.sequence_set else {}
    names, tokens = manifest.get("groupings", {}).get(grouping, []), manifest.get("tokens_by_group", {})
    return dict(zip(names, tokens.get(grouping, []), strict=False))


def curve_key(config: StudyConfig) -> str:
    """What is drawn over tokens: the primary outcome where it is held-out text, else the mean over domains."""
    return config.primary_outcome.metric if config.primary_outcome.is_held_out else MACRO


def held_out_curves(actor: Actor, study: Study, key: str = MACRO) -> dict[str, dict[int, Curve]]:
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
