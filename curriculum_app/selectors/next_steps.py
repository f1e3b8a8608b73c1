"""What a version can be used for that has not been done with it yet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from curriculum_app.models import Clustering, ColumnSet, DatasetVersion, SequenceSet


@dataclass(frozen=True)
class NextStep:
    """A page to go to, and what is gained there."""

    title: str
    gives: str
    url: str


def next_steps(version: DatasetVersion, sequence_sets: list[SequenceSet], uncounted: bool) -> list[NextStep]:
    """The steps that are open, in the order in which most people take them; none for a deleted version.

    `uncounted`: there is a tokenizer, but it has not counted this version.
    """
    if version.deleted:
        return []
    if version.stage == DatasetVersion.Stage.RAW:
        return _of_raw(version)
    if version.stage == DatasetVersion.Stage.GENERATED:
        return [_together(version)]
    steps = [] if sequence_sets else [_group(version)]
    if uncounted:
        steps.append(_job(version, "count-tokens", "Count tokens", "raw, dropped at each stage and kept"))
    if not ColumnSet.objects.filter(dataset=version).exists():
        steps.append(_job(version, "measure", "Measure", "length, readability and more, a number per document"))
    if not Clustering.objects.filter(dataset=version).exists():
        steps.append(_job(version, "cluster", "Cluster", "find out what it is about, on a map"))
    return steps


def _of_raw(version: DatasetVersion) -> list[NextStep]:
    workbench = reverse("dataset-rules", args=[version.pk])
    curate = f"{reverse('job-new', args=['curate'])}?datasets={version.uid}"
    return [
        NextStep("Read documents", "before you decide what to keep", reverse("dataset-documents", args=[version.pk])),
        NextStep("Recipe workbench", "see on a sample what each rule would drop", workbench),
        NextStep("Curate", "with the usual recipes, into a clean version", curate),
    ]


def _together(version: DatasetVersion) -> NextStep:
    """A curation that leaves every document as it is: what puts versions together."""
    gives = "choose the text too, then group the new version with this domain apart"
    nothing = {"recipes": {"*": []}, "exact_duplicates": "off", "near_duplicates": {"enabled": False}}
    config = {"datasets": [version.uid], **nothing, "final_filters": []}
    query = urlencode({"config": json.dumps(config)})
    return NextStep("Put together with text", gives, f"{reverse('job-new', args=['curate'])}?{query}")


def _group(version: DatasetVersion) -> NextStep:
    return _job(version, "group", "Group", "train a tokenizer and pack sequences to train on")


def _job(version: DatasetVersion, kind: str, title: str, gives: str) -> NextStep:
    return NextStep(title, gives, f"{reverse('job-new', args=[kind])}?dataset={version.uid}")
