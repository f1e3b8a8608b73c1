"""`Evaluation`: scores of one checkpoint as an artefact (torch-free).

Files: `held_out.parquet`, one row per window: domain, window, nll (nats), tokens, bytes, words, document (row of the
index of the sequences, or a number where they do not say), seen (the checkpoint was trained on it); where held-out text
was scored. `items.parquet`, one row per item of every task (see `item_results`); where tasks were run.

Manifest: `scores` by metric key (`held_out/<domain>` in bits per byte, `<task>/<metric>`), `unigram` by domain,
`held_out` (see `held_out_scores.HeldOutResult`, and `cut`: how text became windows), `task_scores` (see
`task_scores.TaskScore`), `tasks` (what was asked, with digests), `missing` (task → why it was not run), `suite`
(its means over the tasks that ran), and the digests of `checkpoint` and, where there is one, `sequences`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.typed import sha256_json
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.held_out_scores import HeldOutResult, result_of
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
    def held_out(self) -> HeldOutResult | None:
        """Held-out text by domain; None where there was none, and of evaluations of before this was kept."""
        found = self.manifest.get("held_out")
        return None if found is None else HeldOutResult.model_validate({"domains": found["domains"]})

    @property
    def task_scores(self) -> list[TaskScore]:
        return [TaskScore.model_validate(each) for each in self.manifest.get("task_scores", [])]

    def windows(self) -> pa.Table:
        """The per-window results of held-out text."""
        return pq.read_table(self.path / HELD_OUT_FILE)

    def items(self, task: str | None = None) -> list[ItemResult]:
        """The per-item results of one task, or of all."""
        return read_items(self.path / ITEMS_FILE, task)


@dataclass(frozen=True)
class HeldOutScored:
    """Held-out text of `table`: one row per `window`, scores by metric key, and how text was cut."""

    table: SequenceTable
    windows: pa.Table
    scores: dict[str, float]
    cut: dict[str, object]


def save_evaluation(
    store: ArtefactStore,
    checkpoint: Checkpoint,
    *,
    held_out: HeldOutScored | None = None,
    examined: Examination | None = None,
) -> Stored:
    """Store the scores of one checkpoint: of held-out text, and what tasks gave."""
    manifest: dict[str, Any] = {"checkpoint": checkpoint.digest, "scores": {}}
    if held_out is not None:
        table = held_out.table
        manifest |= {
            "sequences": table.digest,
            "unigram": table.unigram_bits_per_byte(),
            "scores": dict(held_out.scores),
        }
        manifest["held_out"] = result_of(held_out.windows).as_json() | {"cut": held_out.cut}
    if examined is not None:
        manifest |= _of_tasks(examined)
        manifest["scores"] |= {f"{score.task}/{score.metric}": score.value for score in examined.scores}
        means = examined.suite.get("means", {})
        manifest["scores"] |= {f"{examined.suite['key']}/{name}": mean["value"] for name, mean in means.items()}
    with store.stage(Evaluation.ref_kind) as stage:
        if held_out is not None:
            pq.write_table(held_out.windows, stage.path / HELD_OUT_FILE)
        if examined is not None:
            write_items(stage.path / ITEMS_FILE, examined.results)
        return stage.seal(sha256_json(manifest), manifest)


def _of_tasks(examined: Examination) -> dict[str, Any]:
    return {
        "task_scores": [score.as_json() for score in examined.scores],
        "tasks": examined.tasks,
        "missing": examined.missing,
        "suite": examined.suite,
    }
