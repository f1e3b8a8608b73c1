"""Configs of the kinds of thematic subsets: train a classifier, freeze a subset (pure; they load nothing heavy)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.columns import Columns
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.encoders.base import EncoderChoice
from curriculum_app.core.themes.classifier import Classifier
from curriculum_app.core.themes.labels import LabelSet


class TrainClassifierConfig(Config):
    """Train a yes-no classifier on the labels of a theme and score a dataset version with it."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    labels: Ref[LabelSet] = Field(title="Labels")
    dataset: Ref[DatasetVersion] = Field(title="Dataset version", description="Its documents are scored.")
    encoder: EncoderChoice = Field(default_factory=lambda: EncoderChoice(key="tfidf_svd"), title="Encoder")
    strength: float = Field(1.0, title="C", description="Inverse of the penalty on the weights.", gt=0, le=1000)
    target_precision: float = Field(
        0.8, title="Precision to aim at", description="On held-out labels; it sets the first threshold.", gt=0, le=1
    )


class SubsetConfig(Config):
    """Freeze the documents whose score, or whose value in a column, reaches a threshold as a dataset version."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    classifier: Ref[Classifier] | None = Field(None, title="Classifier", description="Or columns, below.")
    columns: Ref[Columns] | None = Field(None, title="Columns", description="Measured on this dataset version.")
    column: str = Field("", title="Column", description="Its name, for example code_quality.")
    threshold: float = Field(0.5, title="Threshold", description="Values from here on are kept.", allow_inf_nan=False)
    domains: list[str] = Field(default_factory=list, title="Domains", description="Empty takes all.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.classifier is None) == (self.columns is None):
            raise ValueError("name a classifier or columns, not both")
        if (self.columns is None) != (not self.column):
            raise ValueError("columns and column go together")
        return self
