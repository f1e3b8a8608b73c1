"""`Evaluation`: scores of one checkpoint as an artefact (torch-free).

Files: `held_out.parquet`, one row per window: domain, window, nll (nats), tokens, bytes (where held-out text was
scored); `items.parquet`, one row per item of every task (see `item_results`; where tasks were run). Manifest: `scores`
by metric key (`held_out/<domain>` in bits per byte, `<task>/<metric>`), `unigram` by domain, `task_scores` (see
`task_scores.TaskScore`), `tasks` (what was asked, with digests), `missing` (task → why it was not run), and the digests
of `checkpoint` and, where there is one, `sequences`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.typed import sha256_json
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.item_results import ITEMS_FILE, ItemResult, read_items, write_items
from eval_app.core.task_scores import TaskScore
from training_app.core.checkpoint import Checkpoint

if TYPE_CHECKING:
    from eval_app.core.examination import Examination

HELD_OUT_FILE = "held_out.parquet"


class Evaluation(Opened):
    """An opened evaluation."""

    ref_kind: ClassVar[str] = "evaluation"

    @property
    def scores(self) -> dict[str, float]:
        """`held_out/<domain>` and `held_out/macro`, bits per byte; `<task>/<metric>`."""
        return dict(self.manifest["scores"])

    @property
    def task_scores(self) -> list[TaskScore]:
        return [TaskScore.model_validate(each) for each in self.manifest.get("task_scores", [])]

    def windows(self) -> pa.Table:
        """The per-window results of held-out text."""
        return pq.read_table(self.path / HELD_OUT_FILE)

    def items(self, task: str | None = None) -> list[ItemResult]:
        """The per-item results of one task, or of all."""
        return read_items(self.path / ITEMS_FILE, task)


def save_evaluation(
    store: ArtefactStore,
    checkpoint: Checkpoint,
    *,
    held_out: tuple[SequenceTable, pa.Table, dict[str, float]] | None = None,
    examined: Examination | None = None,
) -> Stored:
    """Store the scores of one checkpoint: `(table, windows, scores)` of its held-out text, and what tasks gave."""
    manifest: dict[str, Any] = {"checkpoint": checkpoint.digest, "scores": {}}
    if held_out is not None:
        table, _, scores = held_out
        manifest |= {"sequences": table.digest, "unigram": table.unigram_bits_per_byte(), "scores": dict(scores)}
    if examined is not None:
        manifest |= _of_tasks(examined)
        manifest["scores"] |= {f"{score.task}/{score.metric}": score.value for score in examined.scores}
    with store.stage(Evaluation.ref_kind) as stage:
        if held_out is not None:
            pq.write_table(held_out[1], stage.path / HELD_OUT_FILE)
        if examined is not None:
            write_items(stage.path / ITEMS_FILE, examined.results)
        return stage.seal(sha256_json(manifest), manifest)


def _of_tasks(examined: Examination) -> dict[str, Any]:
    return {
        "task_scores": [score.as_json() for score in examined.scores],
        "tasks": examined.tasks,
        "missing": examined.missing,
    }
