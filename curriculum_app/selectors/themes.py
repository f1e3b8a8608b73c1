"""Reads of themes: labels and their agreement, classifiers, what a threshold lets through, what to label next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.shortcuts import get_object_or_404

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core import dataset_version as core
from curriculum_app.core.documents import Document
from curriculum_app.core.intervals import wilson
from curriculum_app.core.themes.classifier import Classifier as Opened
from curriculum_app.core.themes.labels import cohen_kappa, is_held_out, text_sha256
from curriculum_app.core.themes.precision_recall import point_at
from curriculum_app.core.themes.proposals import propose
from curriculum_app.models import Classifier, DatasetVersion, Label, Theme
from curriculum_app.selectors.datasets import opened

STEPS = 200  # of the threshold: 0, 0.005, ... 1
AROUND = 4  # documents shown on either side of it
COMMON_TEXTS = 10  # from which agreement is shown


def themes(actor: Actor) -> QuerySet[Theme]:
    """With the numbers of labels and classifiers."""
    return Theme.objects.filter(project=actor.project).annotate(
        yes=Count("labels", filter=Q(labels__value=True), distinct=True),
        no=Count("labels", filter=Q(labels__value=False), distinct=True),
        trained=Count("classifiers", distinct=True),
    )


def theme_get(actor: Actor, slug: str) -> Theme:
    return get_object_or_404(Theme, project=actor.project, slug=slug)


def classifier_get(actor: Actor, pk: int) -> Classifier:
    rows = Classifier.objects.select_related("theme", "dataset", "labels", "job")
    return get_object_or_404(rows, project=actor.project, pk=pk)


def classifiers(theme: Theme) -> list[Classifier]:
    """Newest first."""
    return list(theme.classifiers.select_related("dataset", "labels").order_by("-pk"))


@dataclass(frozen=True)
class Tally:
    """Labels of a theme by answer; those of `held_out` texts measure, the others train."""

    yes: int
    no: int
    held_out_yes: int
    held_out_no: int

    @property
    def total(self) -> int:
        return self.yes + self.no

    @property
    def training_yes(self) -> int:
        return self.yes - self.held_out_yes

    @property
    def training_no(self) -> int:
        return self.no - self.held_out_no


def tally(theme: Theme) -> Tally:
    rows = list(theme.labels.values_list("text_sha256", "value").distinct())
    held = [value for sha256, value in rows if is_held_out(sha256)]
    yes = sum(value for _, value in rows)
    return Tally(yes, len(rows) - yes, sum(held), len(held) - sum(held))


def agreements(theme: Theme) -> list[dict[str, Any]]:
    """Every two annotators with enough texts in common: how many, how often they agree, Cohen's kappa."""
    answers: dict[str, dict[str, bool]] = {}
    for annotator, sha256, value in theme.labels.values_list("annotator", "text_sha256", "value"):
        answers.setdefault(annotator, {})[sha256] = value
    found = []
    for first, second in combinations(sorted(answers), 2):
        common = sorted(answers[first].keys() & answers[second].keys())
        if len(common) >= COMMON_TEXTS:
            a, b = ([answers[name][sha256] for sha256 in common] for name in (first, second))
            same = sum(x == y for x, y in zip(a, b, strict=True)) / len(common)
            found.append({"pair": f"{first}, {second}", "texts": len(common), "same": same, "kappa": cohen_kappa(a, b)})
    return found


def datasets(actor: Actor) -> list[DatasetVersion]:
    """What can be labelled and scored: the newest versions that are still there."""
    rows = DatasetVersion.objects.defer("manifest").filter(project=actor.project, deleted_at=None)
    return list(rows.order_by("-pk")[:100])


def proposals(
    actor: Actor, theme: Theme, dataset: DatasetVersion, skipped: set[int], phrase: str = ""
) -> list[tuple[int, str]]:
    """`(document number, why)` of the next texts for this person; empty when everything is labelled.

    With a phrase: the first documents that hold it.
    """
    version = opened(dataset)
    if version is None:
        return []
    mine = Label.objects.filter(theme=theme, annotator=actor.name)
    labelled = set(version.numbers_of(set(mine.filter(dataset=dataset).values_list("document_id", flat=True))))
    without = labelled | skipped
    if phrase:
        found = version.numbers_containing(phrase, 20, without)
        return [(number, f"holds “{phrase}”") for number in found]
    free = np.ones(version.num_documents, dtype=bool)
    free[list(without)] = False
    return propose(_scores(theme, dataset), free, seed=mine.count())


def _scores(theme: Theme, dataset: DatasetVersion) -> Any:
    row = theme.classifiers.filter(dataset=dataset).order_by("-pk").first()
    found = None if row is None else opened_classifier(row)
    return None if found is None else np.asarray(found.scores, dtype=np.float64)


def document_at(dataset: DatasetVersion, number: int) -> Document | None:
    version = opened(dataset)
    try:
        return None if version is None else version.documents_at([number])[0]
    except IndexError:
        return None


def is_labelled(actor: Actor, theme: Theme, document: Document) -> bool:
    """Whether this person has answered about this text, in whichever version it stood."""
    sha256 = text_sha256(document.text)
    return Label.objects.filter(theme=theme, annotator=actor.name, text_sha256=sha256).exists()


def opened_classifier(row: Classifier) -> Opened | None:
    """The artefact, or None when its files are not on this machine."""
    return refs.opened(Opened, row)


def thresholds(found: Opened) -> dict[str, Any]:
    """For every step of the threshold: held-out counts with the interval of precision, and what of the data passes."""
    scores, labels = found.held_out()
    corpus = np.sort(np.asarray(found.scores, dtype=np.float64))
    order = np.argsort(np.asarray(found.scores), kind="stable")
    bytes_below = np.concatenate([[0], np.cumsum(np.asarray(found.sizes)[order])])
    rows = []
    for step in range(STEPS + 1):
        threshold = step / STEPS
        point = point_at(scores, labels, threshold)
        below = int(np.searchsorted(corpus, threshold, side="left"))
        low, high = wilson(point.true_positives, point.passed)
        rows.append(
            {
                "threshold": threshold,
                "true_positives": point.true_positives,
                "passed": point.passed,
                "positives": point.positives,
                "low": low,
                "high": high,
                "documents": len(corpus) - below,
                "bytes": int(bytes_below[-1] - bytes_below[below]),
            }
        )
    return {"rows": rows, "documents": len(corpus), "bytes": int(bytes_below[-1]), "n": len(labels)}


def by_domain(found: Opened, threshold: float) -> list[tuple[str, int, int, int]]:
    """`(domain, documents, those that pass, their bytes)`."""
    passed = np.asarray(found.scores, dtype=np.float64) >= threshold
    places, sizes = np.asarray(found.domains), np.asarray(found.sizes)
    return [
        (name, int((places == place).sum()), int((passed & (places == place)).sum()),
         int(sizes[passed & (places == place)].sum()))
        for place, name in enumerate(found.manifest["domains"])
    ]  # fmt: skip


def around(found: Opened, dataset: core.DatasetVersion, threshold: float) -> dict[str, list[tuple[float, Document]]]:
    """The documents next to the threshold: `kept` from it upwards, `dropped` below it, nearest first."""
    scores = np.asarray(found.scores, dtype=np.float64)  # as the job that freezes compares
    passed, failed = np.flatnonzero(scores >= threshold), np.flatnonzero(scores < threshold)
    nearest = {
        "kept": passed[np.argsort(scores[passed], kind="stable")[:AROUND]],
        "dropped": failed[np.argsort(-scores[failed], kind="stable")[:AROUND]],
    }
    return {
        side: list(zip(scores[numbers].tolist(), dataset.documents_at(numbers.tolist()), strict=True))
        for side, numbers in nearest.items()
    }
