"""What the page of a checkpoint shows, from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from chimera.projects.access import Actor
from chimera.refs import Ref
from training_app.core.averages.base import AVERAGES
from training_app.core.checkpoint import ADAPTER_WEIGHTS, MOMENTS, WEIGHTS
from training_app.core.configs_average import AverageConfig
from training_app.core.kept_names import checkpoints_of
from training_app.models import Checkpoint, TrainingRun

LAST: int = AverageConfig.model_fields["last"].default


@dataclass(frozen=True)
class Score:
    """Held-out bits per byte of one domain beside the unigram entropy that a model must beat."""

    domain: str
    bits_per_byte: float
    unigram: float | None

    @property
    def beats_unigram(self) -> bool:
        return self.unigram is not None and self.bits_per_byte < self.unigram


@dataclass(frozen=True)
class CheckpointFacts:
    """`files` are (name, bytes, sha256); `here` says whether the directory is on this host."""

    scores: list[Score]
    macro: float | None
    summary: dict[str, Any]
    files: list[tuple[str, int, str]]
    weights_sha256: str
    here: bool
    parameters: int | None


def checkpoint_facts(row: Checkpoint) -> CheckpointFacts:
    summary = row.manifest.get("summary", {})
    unigram = summary.get("unigram", {})
    scores = [Score(name, value, unigram.get(name)) for name, value in sorted(summary.get("held_out", {}).items())]
    files = [(name, facts["bytes"], facts["sha256"]) for name, facts in sorted(row.manifest.get("files", {}).items())]
    weights = next((digest for name, _, digest in files if name in (WEIGHTS, ADAPTER_WEIGHTS)), "")
    parameters = row.manifest.get("parameters") or summary.get("parameters")
    return CheckpointFacts(scores, summary.get("held_out_macro"), summary, files, weights, _is_here(row), parameters)


def fork_query(row: Checkpoint) -> str:
    """The query of the train form that goes on from here with the settings of the checkpoint's run; "" if nothing can.

    Everything is as in the run, the schedule from the row on where the checkpoint stood. The optimizer's state is
    carried on where it was kept (never an adapter's: it is merged into its base and a fresh one begins).
    """
    run, following = row.run, row.manifest.get("next_row")
    if run is None or run.schedule is None or run.job.kind != "train" or following is None:
        return ""
    if following >= run.schedule.manifest["num_rows"]:
        return ""
    carried = MOMENTS in row.manifest.get("files", {}) and ADAPTER_WEIGHTS not in row.manifest["files"]
    fields = {"from": run.job_id, "name": f"{run.name} from step {row.step}"[:200], "base": row.uid}
    return urlencode({**fields, "first_row": following, "carry_moments": "true" if carried else ""})


def last_kept(run: TrainingRun, count: int = LAST) -> list[Checkpoint]:
    """The run's newest checkpoints, at most `count`, the oldest of them first; also those an equal run made before."""
    numbers = [Ref[Any](uid).number for uid in checkpoints_of(run.job.artifacts)]
    rows = Checkpoint.objects.filter(Q(run=run) | Q(pk__in=numbers), project=run.project_id).defer("manifest")
    return list(rows.order_by("-step", "-pk")[:count])[::-1]


def average_query(run: TrainingRun | None) -> str:
    """The query of the form that averages the last checkpoints of a run; "" when it has kept fewer than two."""
    rows = last_kept(run) if run is not None else []
    if run is None or len(rows) < 2:
        return ""
    fields = {"name": f"{run.name}, last {len(rows)} averaged"[-200:], "checkpoints": [row.uid for row in rows]}
    return urlencode(fields, doseq=True)


@dataclass(frozen=True)
class Averaged:
    """One source of an average; `row` is None when it is not in the project any more."""

    digest: str
    weight: float
    row: Checkpoint | None

    @property
    def macro(self) -> float | None:
        return _macro(self.row) if self.row is not None else None


@dataclass(frozen=True)
class AverageFacts:
    """`sources` from the oldest to the newest; `settings` are of the weights' kind. Scores are bits per byte."""

    kind: str
    settings: dict[str, Any]
    sources: list[Averaged]
    macro: float | None

    @property
    def gain(self) -> float | None:
        """How far the average lies below its newest source; negative when it is worse."""
        last = self.sources[-1].macro
        return last - self.macro if last is not None and self.macro is not None else None


def average_facts(actor: Actor, row: Checkpoint) -> AverageFacts | None:
    """What an average was made of; None for any other checkpoint."""
    said = row.manifest.get("average")
    if said is None:
        return None
    digests = row.manifest["averaged"]
    found = Checkpoint.objects.filter(project=actor.project, digest__in=digests).select_related("run")
    rows = {source.digest: source for source in found}
    sources = [Averaged(key, weight, rows.get(key)) for key, weight in zip(digests, said["weights"], strict=True)]
    title = AVERAGES.get(said["key"]).title
    return AverageFacts(title, said["config"], sources, _macro(row))


def _macro(row: Checkpoint) -> float | None:
    value = row.manifest.get("summary", {}).get("held_out_macro")
    return float(value) if value is not None else None


def _is_here(row: Checkpoint) -> bool:
    try:
        row.stored()
    except FileNotFoundError:
        return False
    return True
