"""`Evaluation`: scores of one checkpoint as an artefact (torch-free).

Files: `held_out.parquet`, one row per window: domain, window, nll (nats), tokens, bytes. Manifest: `scores` by metric
key (bits per byte), `unigram` by domain, and the digests of `checkpoint` and `sequences`.
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.typed import sha256_json
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import Checkpoint


class Evaluation(Opened):
    """An opened evaluation."""

    ref_kind: ClassVar[str] = "evaluation"

    @property
    def scores(self) -> dict[str, float]:
        """`held_out/<domain>` and `held_out/macro`, bits per byte."""
        return dict(self.manifest["scores"])

    def windows(self) -> pa.Table:
        """The per-window results."""
        return pq.read_table(self.stored.path / "held_out.parquet")


def save_evaluation(
    store: ArtefactStore, checkpoint: Checkpoint, table: SequenceTable, windows: pa.Table, scores: dict[str, float]
) -> Stored:
    """Store the scores of one checkpoint on one table's held-out text."""
    manifest = {
        "checkpoint": checkpoint.digest,
        "sequences": table.digest,
        "scores": scores,
        "unigram": table.unigram_bits_per_byte(),
    }
    with store.stage(Evaluation.ref_kind) as stage:
        pq.write_table(windows, stage.path / "held_out.parquet")
        return stage.seal(sha256_json(manifest), manifest)
