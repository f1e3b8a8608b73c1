"""The kind `subset`: the documents that a classifier scores high enough, as a dataset version (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.configs_themes import SubsetConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter, VersionResult
from curriculum_app.core.media_store import carry_media
from curriculum_app.core.provenance import code_version
from curriculum_app.core.themes.classifier import Classifier

_CHECK_EVERY = 256


def run(config: SubsetConfig, ctx: Context) -> VersionResult:
    """Keep documents with a score of at least the threshold, in order and unchanged.

    Raises:
        InputError: a domain the version lacks, or nothing reaches the threshold.
    """
    dataset, classifier = ctx.open(config.dataset), ctx.open(config.classifier)
    _require_domains(config, dataset)
    said = config.model_dump(mode="json", include={"threshold", "domains"})
    recipe = {"op": "subset", "params": said | {"classifier": classifier.digest}, "parents": [dataset.digest]}
    scores = _scores(dataset, classifier)
    with ctx.store.stage(DatasetVersion.ref_kind) as stage:
        with DatasetWriter(stage.path, recipe) as documents:
            for number, document in enumerate(dataset.iter_documents()):
                if number % _CHECK_EVERY == 0:
                    ctx.check()
                    ctx.progress(number, dataset.num_documents, "documents", "choosing")
                passes = next(scores) >= np.float32(config.threshold)
                if passes and (not config.domains or document.domain in config.domains):
                    documents.add(document)
        if not documents.num_documents:
            raise InputError(Problem("no document reaches the threshold", "threshold", hint="lower it"))
        carry_media([dataset.stored.path], stage.path)
        manifest = {
            "name": config.name,
            "stage": "subset",
            "parents": [dataset.digest],
            "recipe": recipe,
            "funnel": {},
            "theme": classifier.manifest["theme"],
            "classifier": {"name": classifier.manifest["name"], "digest": classifier.digest},
            "code_version": code_version(),
        }
        return VersionResult(stage.seal(documents.digest(), manifest | documents.facts()))


def _require_domains(config: SubsetConfig, dataset: DatasetVersion) -> None:
    unknown = [domain for domain in config.domains if domain not in dataset.domains]
    if unknown:
        hint = f"one of {', '.join(dataset.domains)}"
        raise InputError([Problem(f"no domain {domain!r} in the version", "domains", hint=hint) for domain in unknown])


def _scores(dataset: DatasetVersion, classifier: Classifier) -> Iterator[np.float32]:
    """Scores in order: the stored ones of the classifier's own version, else new ones."""
    if classifier.dataset_digest == dataset.digest:
        return iter(classifier.scores)
    batches: Iterator[NDArray[np.float64]] = classifier.score(document.text for document in dataset.iter_documents())
    return (np.float32(score) for score in chain.from_iterable(batches))
