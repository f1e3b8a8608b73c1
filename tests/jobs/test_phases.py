"""A real chain at toy size, job after job: next token on text, then supervised on conversations, then preferences."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from chimera.errors import InputError
from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import SequenceSet
from tests import factories
from tests.core.curriculum.example_factory import build_examples
from tests.core.curriculum.sequence_factory import build_sequences
from training_app.core.checkpoint import Checkpoint as Opened
from training_app.core.configs import TINY
from training_app.models import Checkpoint, TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch]

TRAIN = {"model": TINY.as_json(), "probes": [], "evaluate_every": 0, "batch_sequences": 4,
         "learning_rate": {"key": "constant", "config": {"peak": 1e-2}}}  # fmt: skip


def row(actor: Actor, table: SequenceTable, name: str) -> SequenceSet:
    return SequenceSet.objects.create(
        project=actor.project, name=name, version=1, digest=table.digest, bytes=table.stored.bytes,
        manifest=table.manifest, dataset=factories.make_dataset(actor, name),
        sequences=table.num_sequences, tokens=table.num_tokens,
    )  # fmt: skip


@pytest.fixture
def phases(editor: Actor) -> list[dict[str, Any]]:
    """16 rows of text, then at most 1,024 tokens of conversations, then of preferences; all in bytes."""

    def examples(form: str) -> SequenceTable:
        return build_examples(settings.DATA_DIR, form, vocab_size=257, sequence_length=128)[1]

    text = row(editor, build_sequences(factories.store(), num_documents=80, sequence_length=128), "text")
    chat, pairs = row(editor, examples("chat"), "chat"), row(editor, examples("pairs"), "pairs")
    return [
        {"name": "I", "sequences": text.uid, "budget_tokens": 2048},
        {"name": "III", "sequences": chat.uid, "budget_tokens": 1024, "objective": {"key": "supervised"}},
        {"name": "IV", "sequences": pairs.uid, "budget_tokens": 1024, "objective": {"key": "preference"},
         "learning_rate": {"key": "constant", "config": {"peak": 1e-4}}},
    ]  # fmt: skip


def worked_off(actor: Actor, phases: list[dict[str, Any]]) -> Job:
    job, _ = services.start(actor, "phases", {"name": "chain", "phases": phases, "train": TRAIN, "seed": 3})
    while run_next("cpu"):
        pass
    return Job.objects.get(pk=job.pk)


def test_a_chain_trains_phase_after_phase_each_from_the_checkpoint_before(
    editor: Actor, phases: list[dict[str, Any]]
) -> None:
    passed = {"metric": "held_out_macro", "value": 100.0}
    job = worked_off(editor, [{**phases[0], "gate": passed}, *phases[1:]])
    assert job.state == State.SUCCEEDED, job.error_text
    names = [phase["name"] for phase in job.summary["phases"]]
    made = [Checkpoint.objects.get(pk=job.artifacts[name].rpartition("-")[2]) for name in names]
    assert names == ["I", "III", "IV"] and job.artifacts["checkpoint"] == made[-1].uid
    assert [each.parent for each in made] == [None, *made[:-1]]
    facts = [Opened.open(each.stored()).manifest for each in made]
    objectives = [each["train_config"]["objective"]["key"] for each in facts]
    assert objectives == ["next_token", "supervised", "preference"]
    assert [each["base"] for each in facts] == [None, *(each.digest for each in made[:-1])]
    assert set(TrainingRun.objects.values_list("group", flat=True)) == {"chain"}


def test_a_gate_that_is_not_passed_fails_the_chain_and_keeps_what_was_made(
    editor: Actor, phases: list[dict[str, Any]]
) -> None:
    job = worked_off(editor, [{**phases[0], "gate": {"metric": "last_loss", "value": 0.01}}, phases[1]])
    kept = Checkpoint.objects.get()
    assert job.state == State.FAILED and job.problems[0]["field"] == "phases.0.gate"
    assert job.message.startswith("phases.0.gate: the gate of phase 'I': last_loss is ")
    assert "not below 0.01" in job.message and f"{kept.uid} was kept" in job.message
    assert not job.children.filter(slot="train/III").exists() and job.children.filter(state="succeeded").count() == 3
    services.retry(editor, job)
    assert Job.objects.get(pk=job.pk).state == State.FAILED, "the number has not changed, and neither has the gate"


def test_what_a_phase_would_be_refused_for_is_said_before_anything_is_queued(
    editor: Actor, phases: list[dict[str, Any]]
) -> None:
    wrong = [{**phases[0], "budget_tokens": 10**9}, {**phases[1], "objective": {"key": "preference"}}]
    with pytest.raises(InputError) as raised:
        services.start(editor, "phases", {"name": "chain", "phases": wrong})
    assert {problem.field for problem in raised.value.problems} == {"phases.0.budget_tokens", "phases.1.objective"}
    assert not Job.objects.exists()
