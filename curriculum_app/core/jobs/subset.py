"""The kind `subset`: the documents whose score or column reaches a threshold, as a dataset version (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.configs_themes import SubsetConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter, VersionResult
from curriculum_app.core.media_store import carry_media
from curriculum_app.core.provenance import code_version

_CHECK_EVERY = 256
_Said = dict[str, dict[str, Any]]  # by what was chosen: for the `recipe` and for the `manifest`


def run(config: SubsetConfig, ctx: Context) -> VersionResult:
    """Keep documents with a value of at least the threshold, in order and unchanged; without a value they go.

    Raises:
        InputError: a domain or column that is not there, columns of another version, or nothing reaches the threshold.
    """
    dataset = ctx.open(config.dataset)
    _require_domains(config, dataset)
    values, by = _by_classifier(config, dataset, ctx) if config.classifier else _by_column(config, dataset, ctx)
    said = config.model_dump(mode="json", include={"threshold", "domains"}) | by["recipe"]
    recipe = {"op": "subset", "params": said, "parents": [dataset.digest]}
    with ctx.store.stage(DatasetVersion.ref_kind) as stage:
        with DatasetWriter(stage.path, recipe) as documents:
            for number, document in enumerate(dataset.iter_documents()):
                if number % _CHECK_EVERY == 0:
                    ctx.check()
                    ctx.progress(number, dataset.num_documents, "documents", "choosing")
                passes = next(values) >= config.threshold
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
            "code_version": code_version(),
            **by["manifest"],
        }
        return VersionResult(stage.seal(documents.digest(), manifest | documents.facts()))


def _require_domains(config: SubsetConfig, dataset: DatasetVersion) -> None:
    unknown = [domain for domain in config.domains if domain not in dataset.domains]
    if unknown:
        hint = f"one of {', '.join(dataset.domains)}"
        raise InputError([Problem(f"no domain {domain!r} in the version", "domains", hint=hint) for domain in unknown])


def _by_classifier(config: SubsetConfig, dataset: DatasetVersion, ctx: Context) -> tuple[Iterator[float], _Said]:
    """Scores in order: the stored ones of the classifier's own version, else new ones."""
    assert config.classifier is not None
    classifier = ctx.open(config.classifier)
    if classifier.dataset_digest == dataset.digest:
        scores: Iterator[np.floating[Any]] = iter(classifier.scores)
    else:
        batches = classifier.score(document.text for document in dataset.iter_documents())
        scores = (np.float32(score) for score in chain.from_iterable(batches))
    about = {"name": classifier.manifest["name"], "digest": classifier.digest}
    manifest = {"theme": classifier.manifest["theme"], "classifier": about}
    return map(float, scores), {"recipe": {"classifier": classifier.digest}, "manifest": manifest}


def _by_column(config: SubsetConfig, dataset: DatasetVersion, ctx: Context) -> tuple[Iterator[float], _Said]:
    """A stored column, by the identity of what it measures."""
    assert config.columns is not None
    columns = ctx.open(config.columns)
    if columns.dataset_digest != dataset.digest:
        hint = "measure this version first"
        raise InputError(Problem("these columns were measured on another dataset version", "columns", hint=hint))
    facts = next((item for item in columns.facts if item.name == config.column), None)
    if facts is None:
        hint = f"one of {', '.join(columns.names)}"
        raise InputError(Problem(f"there is no column {config.column!r}", "column", hint=hint))
    said: _Said = {"recipe": {"column": facts.identity}, "manifest": {"column": facts.name}}
    return map(float, columns.column(facts.name)), said
