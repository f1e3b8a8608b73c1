"""TF-IDF and SVD: vectors from the words alone, no model needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import chimera.typed
from chimera.errors import InputError, Problem
from curriculum_app.core.encoders.base import ENCODERS, Encoder, Vectors, unit_rows

LEARNED = "learned.npz"
TERMS = "terms.json"
_FREQUENT = 0.5  # terms of more than half of the documents say nothing about any


@ENCODERS.register("tfidf_svd")
class TfidfSvd(Encoder):
    """Latent semantic analysis (Deerwester et al. 1990): TF-IDF of words and pairs of words, reduced by an SVD.

    Term frequencies count as 1 + ln(tf). A text without a single known term gets a dimension of its own, the last, so
    that every row has length one and such texts lie together, at a right angle to all others.
    """

    title = "TF-IDF + SVD"
    summary = "From the words of this very dataset; needs no model and is fast, but sees words, not meanings."

    class Config(chimera.typed.Config):
        dimensions: int = Field(
            128, title="Dimensions", description="At most; fewer if the sample is small.", ge=2, le=512
        )
        max_terms: int = Field(
            50_000, title="Terms", description="The most frequent words and pairs.", ge=100, le=500_000
        )
        characters: int = Field(
            20_000, title="Characters", description="Of each text; what follows is not read.", ge=100, le=1_000_000
        )
        seed: int = Field(0, title="Seed", ge=0, le=2**31 - 1)

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self._terms: list[str] = []
        self._idf: NDArray[np.float64] = np.zeros(0)
        self._components: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._vectorizer: Any = None

    @property
    def name(self) -> str:
        kind = f"TF-IDF + SVD, {self._components.shape[0]} dimensions"
        return f"{kind}, {self._digest()[:12]}" if self._terms else kind

    def fit(self, texts: Iterable[str]) -> None:
        from threadpoolctl import threadpool_limits

        try:
            weighted, vectorizer = self._weigh([text[: self.config.characters] for text in texts])
        except ValueError as error:  # scikit-learn's word for a vocabulary that is empty
            message = "the sample holds no words to learn from"
            raise InputError(Problem(message, field="encoder", hint="choose another dataset or sample")) from error
        self._terms = list(map(str, vectorizer.get_feature_names_out()))
        self._idf = np.asarray(vectorizer.idf_, dtype=np.float64)
        with threadpool_limits(1):  # the sums of an SVD depend on how many threads share them
            self._components = self._reduce(weighted)
        self._vectorizer = None

    def _weigh(self, texts: list[str]) -> tuple[Any, Any]:
        """The sample's TF-IDF matrix; terms of one document only, or of most, count where there is nothing else."""
        least, most = (2, _FREQUENT) if len(texts) >= 20 else (1, 1.0)
        vectorizer = self._new_vectorizer(min_df=least, max_df=most, max_features=self.config.max_terms)
        try:
            return vectorizer.fit_transform(texts), vectorizer
        except ValueError:
            vectorizer = self._new_vectorizer(max_features=self.config.max_terms)
            return vectorizer.fit_transform(texts), vectorizer

    def _reduce(self, weighted: Any) -> NDArray[np.float32]:
        from sklearn.decomposition import TruncatedSVD

        dimensions = min(self.config.dimensions, *weighted.shape)
        svd = TruncatedSVD(dimensions, algorithm="randomized", n_iter=7, random_state=self.config.seed)
        return np.asarray(svd.fit(weighted).components_, dtype=np.float32)

    def _new_vectorizer(self, **how: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32, **how)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self._vectorizer is None:
            self._vectorizer = self._new_vectorizer(vocabulary={term: at for at, term in enumerate(self._terms)})
            self._vectorizer.idf_ = self._idf
        weighted = self._vectorizer.transform([text[: self.config.characters] for text in texts])
        known = unit_rows(np.asarray(weighted @ self._components.T))
        unknown = (np.linalg.norm(known, axis=1, keepdims=True) == 0).astype(np.float32)
        return np.hstack([known, unknown])

    def _digest(self) -> str:
        parts = [json.dumps(self._terms).encode(), self._idf.tobytes(), self._components.tobytes()]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def save(self, directory: Path) -> None:
        np.savez(directory / LEARNED, idf=self._idf, components=self._components)
        (directory / TERMS).write_text(json.dumps(self._terms, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path) -> None:
        self._terms = json.loads((directory / TERMS).read_text(encoding="utf-8"))
        with np.load(directory / LEARNED, allow_pickle=False) as learned:
            self._idf, self._components = learned["idf"], learned["components"]
        self._vectorizer = None
