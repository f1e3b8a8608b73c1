"""The kind `train-classifier`: labels to a classifier and its scores of a dataset version (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import Stored, write_json
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.configs_themes import TrainClassifierConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.encoders.base import Encoder, save_encoder
from curriculum_app.core.provenance import code_version
from curriculum_app.core.themes.classifier import (
    DOMAINS,
    ENCODER,
    HEAD,
    HELD_OUT,
    MAX_CHARS,
    SCORES,
    SIZES,
    Classifier,
    Head,
    score_texts,
)
from curriculum_app.core.themes.labels import Labelled
from curriculum_app.core.themes.precision_recall import average_precision, curve, f1_interval, point_at, threshold_for

FITTED_ON = 5000  # documents an encoder that must be fitted sees at most
FEWEST = 5  # labels of each answer that train, and two of each that measure
FEWEST_HELD_OUT = 2


@dataclass(frozen=True)
class ClassifierResult:
    """A stored `Classifier`."""

    stored: Stored


def run(config: TrainClassifierConfig, ctx: Context) -> ClassifierResult:
    """Train on the training labels, measure on the held-out ones, score every document.

    Raises:
        InputError: too few labels of one answer.
    """
    labels, dataset = ctx.open(config.labels), ctx.open(config.dataset)
    training, held_out = labels.part(held_out=False), labels.part(held_out=True)
    _require(training, held_out)
    ctx.progress(0, unit="documents", message="fitting the encoder")
    encoder: Encoder = config.encoder.build()
    encoder.fit(_texts(dataset, FITTED_ON))
    head = Head.train(encoder.embed(_cut(training.texts)), training.values, config.strength)
    measured = head.score(encoder.embed(_cut(held_out.texts)))
    said = config.model_dump(mode="json", include={"encoder", "strength", "target_precision"})
    digest = sha256_json({"op": "train-classifier", **said, "labels": labels.digest, "dataset": dataset.digest})
    with ctx.store.stage(Classifier.ref_kind) as stage:
        save_encoder(config.encoder, encoder, stage.path / ENCODER)
        head.save(stage.path / HEAD)
        write_json(stage.path / HELD_OUT, {"scores": measured.tolist(), "labels": held_out.values})
        _score_all(encoder, head, dataset, stage.path, ctx)
        manifest = said | {
            "name": config.name,
            "labels": labels.digest,
            "theme": labels.manifest["theme"],
            "counts": labels.manifest["counts"],
            "dataset": dataset.digest,
            "domains": dataset.domains,
            "documents": dataset.num_documents,
            "encoder_name": encoder.name,
            "measured": _measured(measured, held_out, config.target_precision),
            "code_version": code_version(),
        }
        return ClassifierResult(stage.seal(digest, manifest))


def _require(training: Labelled, held_out: Labelled) -> None:
    problems = []
    for answer, word in ((True, "yes"), (False, "no")):
        found, measuring = training.values.count(answer), held_out.values.count(answer)
        if found < FEWEST or measuring < FEWEST_HELD_OUT:
            message = f"{found} texts are labelled {word} for training and {measuring} for measuring"
            hint = f"label on until there are {FEWEST} and {FEWEST_HELD_OUT}; a text's hash says which it is for"
            problems.append(Problem(message, "labels", hint=hint))
    if problems:
        raise InputError(problems)


def _cut(texts: list[str]) -> list[str]:
    return [text[:MAX_CHARS] for text in texts]


def _texts(dataset: DatasetVersion, at_most: int) -> Iterator[str]:
    """Texts spread evenly over the version, not its first ones."""
    step = max(1, dataset.num_documents // at_most)
    chosen = islice(dataset.iter_documents(), 0, step * at_most, step)
    return (document.text[:MAX_CHARS] for document in chosen)


def _score_all(encoder: Encoder, head: Head, dataset: DatasetVersion, directory: Path, ctx: Context) -> None:
    """Score, size and domain of every document, written as they are made."""
    total = dataset.num_documents
    scores, sizes, domains = (
        np.lib.format.open_memmap(directory / name, mode="w+", dtype=dtype, shape=(total,))
        for name, dtype in ((SCORES, np.float32), (SIZES, np.int64), (DOMAINS, np.int16))
    )
    places = {domain: place for place, domain in enumerate(dataset.domains)}

    def texts() -> Iterator[str]:
        for number, document in enumerate(dataset.iter_documents()):
            sizes[number], domains[number] = document.num_bytes, places[document.domain]
            yield document.text

    done = 0
    for batch in score_texts(encoder, head, texts()):
        scores[done : done + len(batch)] = batch
        done += len(batch)
        ctx.check()
        ctx.progress(done, total, "documents", "scoring")


def _measured(scores: NDArray[np.float64], held_out: Labelled, target: float) -> dict[str, Any]:
    """The threshold that the wished precision asks for (else the best F1), and what it gives."""
    points = curve(scores, held_out.values)
    best = max(points, key=lambda point: point.f1)
    threshold = threshold_for(points, target)
    reached = threshold is not None
    chosen = point_at(scores, held_out.values, best.threshold if threshold is None else threshold)
    low, high = f1_interval(scores, held_out.values, chosen.threshold)
    return {
        "threshold": chosen.threshold,
        "reaches_target": reached,
        "precision": chosen.precision,
        "recall": chosen.recall,
        "f1": chosen.f1,
        "f1_low": low,
        "f1_high": high,
        "average_precision": average_precision(scores, held_out.values),
        "base_rate": sum(held_out.values) / len(held_out.values),
        "n": len(held_out.values),
    }
