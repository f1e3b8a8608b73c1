"""What a classifier of one's own says of a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import Field

import chimera.typed
from chimera.errors import Problem
from chimera.refs import Ref
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, ModelMeasure
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.themes.classifier import Classifier


@MEASURES.register("classifier_score")
class ClassifierScore(ModelMeasure):
    """Probability of "yes" by a theme's classifier, as FineWeb-Edu scores documents (arXiv 2406.17557)."""

    title = "Score of a classifier"
    unit = "probability"
    direction = "better"

    class Config(chimera.typed.Config):
        classifier: Ref[Classifier] | None = Field(
            None, title="Classifier", description="Trained on labels of a theme."
        )

    def __init__(self, config: Config) -> None:
        self.config = config
        self._classifier: Classifier | None = None

    def problems(self) -> list[Problem]:
        if self.config.classifier is not None:
            return []
        return [Problem("names no classifier", "classifier", hint="choose one, or train one on the page of a theme")]

    def attach(self, open_ref: Callable[[Ref[Any]], Any]) -> dict[str, str]:
        assert self.config.classifier is not None, "see problems()"
        self._classifier = open_ref(self.config.classifier)
        return {"classifier": self._classifier.digest}

    def values(self, documents: Sequence[Document]) -> Float:
        assert self._classifier is not None, "the classifier is opened first"
        return np.concatenate(list(self._classifier.score(document.text for document in documents)))
