"""`Classifier`: a logistic regression on embeddings, with its scores of one dataset version (pure).

FineWeb-Edu (Penedo et al. 2024, arXiv 2406.17557, §4) trains only a head on frozen embeddings; so does this, with
scikit-learn and on yes-no labels of people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import Opened, write_json
from curriculum_app.core.encoders.base import Encoder, load_encoder

HEAD, HELD_OUT, ENCODER = "head.json", "held_out.json", "encoder"
SCORES, SIZES, DOMAINS = "scores.npy", "sizes.npy", "domains.npy"
MAX_CHARS = 4000  # what of a text is read: about 1,000 tokens, twice what FineWeb-Edu's encoder sees
_BATCH = 64


class Head:
    """p(yes) = 1 / (1 + exp(−(x · coefficients + intercept)))."""

    def __init__(self, coefficients: NDArray[np.float64], intercept: float) -> None:
        self.coefficients, self.intercept = coefficients, intercept

    @classmethod
    def train(cls, vectors: NDArray[np.float32], labels: Sequence[bool], strength: float) -> Self:
        """Fit with balanced classes; `strength` is scikit-learn's C (inverse of the L2 penalty)."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        model.fit(vectors.astype(np.float64), np.asarray(labels, dtype=bool))
        return cls(model.coef_[0], float(model.intercept_[0]))

    def score(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities `[n]` of vectors `[n, d]`."""
        logits = vectors.astype(np.float64) @ self.coefficients + self.intercept
        result: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return result

    def save(self, path: Path) -> None:
        write_json(path, {"coefficients": self.coefficients.tolist(), "intercept": self.intercept})

    @classmethod
    def load(cls, path: Path) -> Self:
        said = json.loads(path.read_text(encoding="utf-8"))
        return cls(np.array(said["coefficients"]), said["intercept"])


def score_texts(encoder: Encoder, head: Head, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
    """Scores in batches, in order."""
    for batch in _batches(texts):
        yield head.score(encoder.embed(batch))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text[:MAX_CHARS])
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Classifier(Opened):
    """A sealed classifier. `scores` are those of every document of the version it was trained beside, in order."""

    ref_kind: ClassVar[str] = "classifier"

    @property
    def dataset_digest(self) -> str:
        return str(self.manifest["dataset"])

    @property
    def scores(self) -> NDArray[np.float32]:
        """float32 `[documents]`, memory-mapped."""
        found: NDArray[np.float32] = np.load(self.stored.path / SCORES, mmap_mode="r", allow_pickle=False)
        return found

    @property
    def sizes(self) -> NDArray[np.int64]:
        """UTF-8 bytes of every document, int64 `[documents]`."""
        found: NDArray[np.int64] = np.load(self.stored.path / SIZES, mmap_mode="r", allow_pickle=False)
        return found

    @property
    def domains(self) -> NDArray[np.int16]:
        """Place of every document's domain in `manifest["domains"]`, int16 `[documents]`."""
        found: NDArray[np.int16] = np.load(self.stored.path / DOMAINS, mmap_mode="r", allow_pickle=False)
        return found

    def held_out(self) -> tuple[list[float], list[bool]]:
        """Scores and labels of the held-out texts."""
        said = json.loads((self.stored.path / HELD_OUT).read_text(encoding="utf-8"))
        return said["scores"], said["labels"]

    def score(self, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
        """Scores of any texts, in batches, with the stored encoder and head."""
        return score_texts(load_encoder(self.stored.path / ENCODER), Head.load(self.stored.path / HEAD), texts)
