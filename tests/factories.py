"""Rows and small real artefacts for tests; artefacts go to `settings.DATA_DIR`."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

from chimera.artefacts import ArtefactStore, Stored
from chimera.context import LocalContext
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from chimera.projects.services import create_project, set_member
from chimera.typed import sha256_json
from curriculum_app.core import dataset_version as core
from curriculum_app.core.configs_rules import SampleRulesConfig
from curriculum_app.core.dataset_version import (
    DROPPED_FILE,
    DROPPED_SCHEMA,
    QUARANTINE_FILE,
    QUARANTINE_SCHEMA,
    DatasetWriter,
    DroppedDocument,
    QuarantinedRecord,
)
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import sample_rules
from curriculum_app.models import Curriculum, DatasetVersion, RuleSample, Schedule, SequenceSet
from tests.core.curriculum.sequence_factory import build_schedule, build_sequences

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def make_user(name: str | None = None, **fields: Any) -> AbstractUser:
    user: AbstractUser = get_user_model().objects.create(username=name or f"user{next(_numbers)}", **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def make_project(owner: AbstractUser | None = None, name: str | None = None) -> Project:
    name = name or f"Project {next(_numbers)}"
    return create_project(owner or make_user(), name, name.lower().replace(" ", "-"))


def make_actor(role: Role = Role.OWNER, project: Project | None = None) -> Actor:
    """A new user with `role` in `project` (a new one if none is given)."""
    user, project = make_user(), project or make_project()
    set_member(project, user, role)
    return Actor(user, project, role)


def store() -> ArtefactStore:
    return ArtefactStore(settings.DATA_DIR / "artefacts")


def make_documents(count: int = 6, *, start: int = 0) -> list[Document]:
    """Short documents of two domains, alternating, with two licences."""
    return [
        Document(
            id=f"doc-{number}",
            text=f"Document {number} says something of its own about number {number}.",
            domain=("prose", "code")[number % 2],
            source="made-up",
            license=("CC0-1.0", "MIT")[number % 2],
            title=f"Title {number}",
            url=f"https://example.org/{number}",
        )
        for number in range(start, start + count)
    ]


def make_dropped(documents: Sequence[Document], kept: Document) -> list[DroppedDocument]:
    """One near-duplicate of `kept`, the rest too short."""
    return [
        DroppedDocument(document, "length", "too_short", statistic=61.0)
        if number
        else DroppedDocument(document, "near_duplicates", "near_duplicate", None, kept.id, 0.91)
        for number, document in enumerate(documents)
    ]


def make_dataset(
    actor: Actor,
    name: str = "corpus",
    *,
    stage: str = "raw",
    documents: Sequence[Document] | None = None,
    dropped: Sequence[DroppedDocument] = (),
    quarantined: Sequence[QuarantinedRecord] = (),
    parents: Sequence[DatasetVersion] = (),
) -> DatasetVersion:
    """A dataset version whose artefact holds `documents` (default six)."""
    documents = make_documents() if documents is None else documents
    facts = {"name": name, "stage": stage, "parents": [parent.digest for parent in parents]}
    stored = _store_dataset(facts, documents, dropped, quarantined)
    row = DatasetVersion.objects.create(
        project=actor.project, name=name, version=_version(DatasetVersion, actor, name), digest=stored.digest,
        bytes=stored.bytes, manifest=stored.manifest, stage=stage, documents=len(documents),
    )  # fmt: skip
    row.parents.set(parents)
    return row


def _store_dataset(
    facts: dict[str, Any],
    documents: Sequence[Document],
    dropped: Sequence[DroppedDocument],
    quarantined: Sequence[QuarantinedRecord],
) -> Stored:
    recipe = {"name": facts["name"], "number": next(_numbers)}
    with store().stage("dataset") as staged:
        with DatasetWriter(staged.path, recipe) as writer:
            for document in documents:
                writer.add(document)
        if dropped:
            rows = [item.as_row() for item in dropped]
            pq.write_table(pa.Table.from_pylist(rows, DROPPED_SCHEMA), staged.path / DROPPED_FILE)
        if facts["stage"] == "raw":
            rows = [item.as_row() for item in quarantined]
            pq.write_table(pa.Table.from_pylist(rows, QUARANTINE_SCHEMA), staged.path / QUARANTINE_FILE)
            reasons = Counter(item.reason for item in quarantined)
            facts = {**facts, "quarantine": {"records": len(quarantined), "reasons": dict(reasons)}}
        funnel = _funnel(documents, dropped)
        facts = {**facts, **writer.facts(), "recipe": recipe, "funnel": funnel, "code_version": "test"}
        return staged.seal(writer.digest(), facts)


def _funnel(documents: Sequence[Document], dropped: Sequence[DroppedDocument]) -> dict[str, list[dict[str, Any]]]:
    """What curation would have written: per domain the stages in order."""
    funnel: dict[str, list[dict[str, Any]]] = {}
    for domain in sorted({item.domain for item in documents}):
        gone = [item for item in dropped if item.document.domain == domain]
        left = sum(item.domain == domain for item in documents) + len(gone)
        more = {item.stage for item in dropped} - {"length", "near_duplicates"}
        for stage in ("length", *sorted(more), "near_duplicates"):
            here = [item for item in gone if item.stage == stage]
            reasons = {reason: sum(item.reason == reason for item in here) for reason in {item.reason for item in here}}
            entry = {"stage": stage, "in": left, "out": left - len(here), "dropped": len(here), "reasons": reasons}
            funnel.setdefault(domain, []).append(
                {**entry, "bytes_in": 60 * left, "bytes_out": 60 * entry["out"], "seconds": 0.1}
            )
            left -= len(here)
    return funnel


def make_sequences(actor: Actor, dataset: DatasetVersion | None = None, name: str = "sequences") -> SequenceSet:
    """A sequence set with a real table of a few hundred short sequences."""
    table = build_sequences(store(), num_documents=80, seed=next(_numbers))
    return SequenceSet.objects.create(
        project=actor.project, name=name, version=_version(SequenceSet, actor, name), digest=table.digest,
        bytes=table.stored.bytes, manifest=table.manifest, dataset=dataset or make_dataset(actor),
        sequences=table.num_sequences, tokens=table.num_tokens,
    )  # fmt: skip


def make_curriculum(actor: Actor, name: str = "shuffled", policy: str = "shuffle", **config: Any) -> Curriculum:
    return Curriculum.objects.create(
        project=actor.project, name=name, version=_version(Curriculum, actor, name), policy=policy, config=config,
        fingerprint=sha256_json([name, policy, config, next(_numbers)]),
    )  # fmt: skip


def make_schedule(
    actor: Actor, curriculum: Curriculum | None = None, sequences: SequenceSet | None = None, seed: int = 0
) -> Schedule:
    """A schedule of the whole table in a shuffled order."""
    from curriculum_app.core.sequences import SequenceTable

    curriculum, sequences = curriculum or make_curriculum(actor), sequences or make_sequences(actor)
    schedule = build_schedule(store(), SequenceTable.open(sequences.stored()), seed=seed)
    pool = schedule.manifest["pool"]
    return Schedule.objects.create(
        project=actor.project, name=f"{curriculum.name} · seed {seed}",
        version=_version(Schedule, actor, f"{curriculum.name} · seed {seed}"), digest=schedule.digest,
        bytes=schedule.stored.bytes, manifest=schedule.manifest, curriculum=curriculum, sequence_set=sequences,
        seed=seed, budget_tokens=pool["tokens"], pool_digest=pool["digest"], order_digest=schedule.order_digest,
    )  # fmt: skip


def _version(model: Any, actor: Actor, name: str) -> int:
    return 1 + model.objects.filter(project=actor.project, name=name).count()


def make_rule_sample(actor: Actor, dataset: DatasetVersion, **chosen: Any) -> RuleSample:
    """The rules of recipes measured on `dataset`; `chosen` are settings of the job."""
    config = SampleRulesConfig.model_validate({"datasets": [dataset.uid], **chosen})
    ctx = LocalContext(settings.DATA_DIR, {dataset.uid: core.DatasetVersion.open(dataset.stored())})
    stored = sample_rules.run(config, ctx).stored
    row = RuleSample.objects.create(
        project=actor.project, name=config.name, version=_version(RuleSample, actor, config.name), digest=stored.digest,
        bytes=stored.bytes, manifest=stored.manifest, documents=stored.manifest["documents"],
    )  # fmt: skip
    row.datasets.set([dataset])
    return row
