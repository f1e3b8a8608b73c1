"""How often the same text has been shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.order import Rows

MANY = 4.0


@PROBES.register("exposures")
class Exposures(Probe):
    """How often sequences and documents were seen so far, in full passes over their tokens.

    Up to about four epochs repeated text is worth nearly as much as new text, then ever less (Muennighoff et al.,
    arXiv 2305.16264). Counts are of what was fed, so they are right after a fork, a kill and a resumption.
    """

    title = "Exposures"
    metrics = (
        MetricKey("exposures/max", "Exposures, most seen sequence", "epochs", "none", "Full passes so far."),
        MetricKey("exposures/mean", "Exposures, mean of seen sequences", "epochs", "none", "Full passes so far."),
        MetricKey("exposures/sequences", "Different sequences seen", "sequences", "none"),
        MetricKey("exposures/over_four", "Tokens seen more than four times", "share", "none", "Of all tokens fed."),
        MetricKey("exposures/documents", "Different documents seen", "documents", "none"),
        MetricKey("exposures/document_max", "Exposures, most seen document", "epochs", "none", "Full passes so far."),
    )

    class Config(ProbeConfig):
        """Cadence."""

        every: int = Field(100, ge=1, title="Every", description="steps between two measurements")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tokens = np.zeros(0)  # of each sequence, fed so far
        self.counted = 0

    def measure(self, view: StepView) -> dict[str, float]:
        if not len(self.tokens):
            self.tokens = np.zeros(view.table.num_sequences)
            self._add(view.fed.before)
        rows, _ = view.fed.last(view.fed.count - self.counted)
        self._add(rows)
        self.counted = view.fed.count
        epochs = self.tokens / view.table.lengths
        seen = epochs > 0
        return {
            "exposures/max": float(epochs.max()),
            "exposures/mean": float(epochs[seen].mean()),
            "exposures/sequences": float(seen.sum()),
            "exposures/over_four": float(self.tokens[epochs > MANY].sum() / self.tokens.sum()),
            **_of_documents(epochs, view.table),
        }

    def _add(self, rows: Rows) -> None:
        np.add.at(self.tokens, rows["sequence"], rows["length"])


def _of_documents(epochs: NDArray[np.float64], table: SequenceTable) -> dict[str, float]:
    """A document's epochs are the mean over its tokens; nothing where the table does not say what it is made of."""
    pieces = table.pieces
    if not len(pieces.documents):
        return {}
    lengths = pieces.lengths.astype(np.float64)
    seen = np.bincount(pieces.documents, weights=lengths * epochs[pieces.sequences()])
    held = np.bincount(pieces.documents, weights=lengths)
    per_document = seen / np.maximum(held, 1.0)
    return {
        "exposures/documents": float((per_document > 0).sum()),
        "exposures/document_max": float(per_document.max()),
    }
