"""Configs of the kinds of thematic subsets: train a classifier, freeze a subset (pure; they load nothing heavy)."""

from __future__ import annotations

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
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
    """Freeze the documents whose score reaches a threshold as a dataset version."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    classifier: Ref[Classifier] = Field(title="Classifier")
    threshold: float = Field(0.5, title="Threshold", description="Scores from here on are kept.", ge=0, le=1)
    domains: list[str] = Field(default_factory=list, title="Domains", description="Empty takes all.")
