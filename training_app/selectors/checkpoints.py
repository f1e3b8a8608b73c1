"""What the page of a checkpoint shows, from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from training_app.core.checkpoint import ADAPTER_WEIGHTS, MOMENTS, WEIGHTS
from training_app.models import Checkpoint


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


def _is_here(row: Checkpoint) -> bool:
    try:
        row.stored()
    except FileNotFoundError:
        return False
    return True
