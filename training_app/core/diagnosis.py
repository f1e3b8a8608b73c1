"""`Diagnosis`: what the gradients of a frozen checkpoint look like along a schedule (torch-free).

Files: `orders.json`, one entry per order ("schedule", then the shuffles) as `OrderFacts` says. Manifest: the digests of
`checkpoint` and `schedule`, `chunks`, `batches` (of a chunk), `batch_sequences`, `tokens` (of a chunk, on average).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import ArtefactStore, Opened, Stored, write_json
from chimera.typed import sha256_json

Float = NDArray[np.float64]


@dataclass(frozen=True)
class LayerRanks:
    """Stable rank of dL/dW of one layer over all batches; None where every gradient was zero."""

    layer: str
    least: float | None
    mean: float | None
    zero_gradients: int


@dataclass(frozen=True)
class OrderFacts:
    """One order: cosines of the chunks' gradients, stable ranks by layer, noise scale in sequences (None: unknown)."""

    name: str
    cosines: list[list[float]]
    layers: list[LayerRanks]
    noise_scale: float | None

    @property
    def off_diagonal(self) -> Float:
        """The cosines of different chunks."""
        square = np.array(self.cosines)
        found: Float = square[np.triu_indices(len(square), 1)]
        return found

    @property
    def drift(self) -> float:
        """Slope of the cosine of the first chunk with chunk q over q: the change from one chunk to the next."""
        first = np.array(self.cosines)[0, 1:]
        return float(np.polyfit(np.arange(len(first)), first, 1)[0]) if len(first) > 1 else math.nan

    @property
    def least_rank(self) -> float | None:
        """The smallest stable rank of all layers and batches."""
        return min((each.least for each in self.layers if each.least is not None), default=None)

    @property
    def mean_rank(self) -> float | None:
        """Mean over layers of their means."""
        means = [each.mean for each in self.layers if each.mean is not None]
        return sum(means) / len(means) if means else None


class Diagnosis(Opened):
    """An opened diagnosis."""

    ref_kind: ClassVar[str] = "diagnosis"

    @cached_property
    def orders(self) -> list[OrderFacts]:
        """The schedule's own order first, then the shuffles of the same rows."""
        found: list[dict[str, Any]] = json.loads((self.path / "orders.json").read_text())
        return [OrderFacts(**{**each, "layers": [LayerRanks(**layer) for layer in each["layers"]]}) for each in found]


def save_diagnosis(
    store: ArtefactStore, facts: dict[str, Any], recipe: dict[str, Any], orders: list[OrderFacts]
) -> Stored:
    """Store what was found. `facts` join the manifest; digest: the facts, the recipe and what was found."""
    found = [asdict(order) for order in orders]
    with store.stage(Diagnosis.ref_kind) as stage:
        write_json(stage.path / "orders.json", found)
        return stage.seal(sha256_json({"facts": facts, "recipe": recipe, "orders": found}), facts)
