"""Writes of themes: a theme, labels one by one, labels frozen for training, the jobs that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify

from chimera.artefacts import ArtefactStore, Stored
from chimera.errors import InputError, Problem
from chimera.jobs import services as jobs
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from curriculum_app.core.documents import Document
from curriculum_app.core.themes import labels as core
from curriculum_app.core.themes.presets import PRESETS
from curriculum_app.models import DatasetVersion, Label, LabelSet, Theme

MAX_LABEL_CHARS = 1_000_000


def theme_add(actor: Actor, name: str, question: str) -> Theme:
    """A new theme.

    Raises:
        InputError: no name or question, or the project has one of that name.
    """
    actor.require(Role.EDITOR)
    name, question = name.strip(), question.strip()
    slug = slugify(name)[:60]
    problems = []
    if not slug:
        problems.append(Problem("a theme needs a name with a letter or digit", "name"))
    if not question:
        problems.append(Problem("say what a person must answer about a text", "question"))
    if problems:
        raise InputError(problems)
    try:
        with transaction.atomic():
            return Theme.objects.create(
                project=actor.project, slug=slug, name=name, question=question, created_by=actor.name
            )
    except IntegrityError as error:
        raise InputError(Problem(f"there is a theme {slug!r} already", "name", hint="choose another name")) from error


def presets_add(actor: Actor) -> None:
    """The themes of the blueprint that the project does not have yet."""
    actor.require(Role.EDITOR)
    for preset in PRESETS:
        Theme.objects.get_or_create(
            project=actor.project,
            slug=preset.slug,
            defaults={"name": preset.name, "question": preset.question, "created_by": actor.name},
        )


def label_put(actor: Actor, theme: Theme, dataset: DatasetVersion, document: Document, value: bool) -> Label:
    """The actor's answer about a text; a second one replaces the first."""
    actor.require(Role.EDITOR)
    label, _ = Label.objects.update_or_create(
        theme=theme,
        text_sha256=core.text_sha256(document.text),
        annotator=actor.name,
        defaults={
            "dataset": dataset,
            "document_id": document.id,
            "text": document.text[:MAX_LABEL_CHARS].replace("\0", " "),
            "value": value,
        },
    )
    return label


def label_undo(actor: Actor, theme: Theme) -> Label | None:
    """Take back the actor's latest answer; the label that is gone, None if there was none."""
    actor.require(Role.EDITOR)
    with transaction.atomic():
        mine = Label.objects.select_for_update().filter(theme=theme, annotator=actor.name)
        latest = mine.order_by("-at", "-id").first()
        if latest is not None:
            Label.objects.filter(pk=latest.pk).delete()
        return latest


def labels_freeze(actor: Actor, theme: Theme) -> LabelSet:
    """The labels as they are now, as an artefact; unchanged labels give the set that exists."""
    actor.require(Role.EDITOR)
    rows = list(Label.objects.filter(theme=theme))
    answers = [core.Answer(row.text_sha256, row.annotator, row.value) for row in rows]
    texts = {row.text_sha256: row.text for row in rows}
    pairs = [(texts[sha256], verdict) for sha256, verdict in core.verdicts(answers).items()]
    about = {"slug": theme.slug, "name": theme.name, "question": theme.question}
    stored = core.freeze_labels(ArtefactStore(settings.DATA_DIR / "artefacts"), about, pairs)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=actor.project.pk)
        return _row(actor, theme, stored)


def _row(actor: Actor, theme: Theme, stored: Stored) -> LabelSet:
    of_project = LabelSet.objects.filter(project=actor.project)
    existing = of_project.filter(digest=stored.digest).first()
    if existing is not None:
        return existing
    latest = of_project.filter(name=theme.slug).aggregate(latest=Max("version"))["latest"]
    counts = stored.manifest["counts"].values()
    return LabelSet.objects.create(
        project=actor.project,
        theme=theme,
        name=theme.slug,
        version=(latest or 0) + 1,
        digest=stored.digest,
        bytes=stored.bytes,
        manifest=stored.manifest,
        positive=sum(part["positive"] for part in counts),
        negative=sum(part["negative"] for part in counts),
    )


def classifier_train(actor: Actor, theme: Theme, dataset: DatasetVersion, settings_: Mapping[str, Any]) -> Job:
    """Freeze the labels and start the training on them. `settings_` go over the config's defaults.

    Raises:
        InputError: the config is wrong.
    """
    frozen = labels_freeze(actor, theme)
    config = {"name": theme.slug, "labels": frozen.uid, "dataset": dataset.uid, **settings_}
    job, _ = jobs.start(actor, "train-classifier", config)
    return job
