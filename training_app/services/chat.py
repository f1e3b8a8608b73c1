"""Conversations with several checkpoints: a prompt becomes one job for each; words are written while they come."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat
from django.urls import reverse

from chimera.context import CheckpointNote
from chimera.errors import InputError, Problem
from chimera.jobs import refs, services
from chimera.jobs.bell import job_facts, ring
from chimera.jobs.leasing import Lease
from chimera.jobs.models import FINISHED, Job, State
from chimera.jobs.storable import storable
from chimera.projects.access import Actor
from chimera.projects.models import Role
from training_app.core.configs_models import Sampling
from training_app.core.jobs.generate_reply import WORDS
from training_app.models import Chat, ChatReply, ChatTurn, Checkpoint

MOST = 6  # checkpoints side by side
PRIORITY = 10  # somebody waits in front of the page


@transaction.atomic
def open_chat(actor: Actor, uids: Sequence[str], system: str = "") -> Chat:
    """A new conversation.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: none or too many checkpoints, or one that is not in the project.
    """
    actor.require(Role.EDITOR)
    numbers = {uid.removeprefix("checkpoint-") for uid in uids}
    known = [int(number) for number in numbers if number.isdecimal() and len(number) < 19]
    chosen = refs.choices(actor.project, Checkpoint.ref_kind).filter(pk__in=known)
    if not numbers or len(chosen) != len(numbers):
        raise InputError(Problem("choose checkpoints of this project", "checkpoints", hint="import or train one"))
    if len(chosen) > MOST:
        raise InputError(Problem(f"at most {MOST} checkpoints answer side by side", "checkpoints"))
    chat = Chat.objects.create(project=actor.project, system=storable(system.strip()), created_by=actor.user)
    chat.checkpoints.set([row.pk for row in chosen])
    return chat


@transaction.atomic
def begin(actor: Actor, uids: Sequence[str], system: str, prompt: str, sampling: Sampling) -> Chat:
    """A new conversation with its first prompt, or neither. Raises as `open_chat` and `say` do."""
    chat = open_chat(actor, uids, system)
    say(actor, chat, prompt, sampling)
    return chat


@transaction.atomic
def say(actor: Actor, chat: Chat, prompt: str, sampling: Sampling) -> ChatTurn:
    """Put `prompt` to every checkpoint of the conversation, each with its own answers so far.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: nothing is said, or somebody has not answered yet.
    """
    actor.require(Role.EDITOR)
    Chat.objects.select_for_update().get(pk=chat.pk)
    if not prompt.strip():
        raise InputError(Problem("write something first", "prompt"))
    if unanswered(chat).exists():
        hint = "wait for the last words, or stop them"
        raise InputError(Problem("not every checkpoint has answered yet", "prompt", hint=hint))
    number = chat.turns.count() + 1
    turn = ChatTurn.objects.create(chat=chat, number=number, prompt=storable(prompt), sampling=sampling.as_json())
    for checkpoint in chat.checkpoints.order_by("pk"):
        reply = ChatReply.objects.create(turn=turn, checkpoint=checkpoint)
        config = {"checkpoint": checkpoint.uid, "messages": _history(turn, checkpoint), **turn.sampling}
        reply.job, _ = services.start(actor, "generate-reply", config, priority=PRIORITY)
        reply.save(update_fields=["job"])
    return turn


def _history(turn: ChatTurn, checkpoint: Checkpoint) -> list[dict[str, str]]:
    """What this checkpoint is shown: the system prompt, its own part of the turns before, the prompt."""
    found = [{"role": "system", "content": turn.chat.system}] if turn.chat.system else []
    earlier = ChatReply.objects.filter(turn__chat=turn.chat, turn__number__lt=turn.number, checkpoint=checkpoint)
    for reply in earlier.exclude(text="").select_related("turn").order_by("turn__number"):
        found.append({"role": "user", "content": reply.turn.prompt})
        found.append({"role": "assistant", "content": reply.text})
    return [*found, {"role": "user", "content": turn.prompt}]


def unanswered(chat: Chat) -> QuerySet[ChatReply]:
    """Replies whose job has not ended."""
    return ChatReply.objects.filter(turn__chat=chat, job__isnull=False).exclude(job__state__in=FINISHED)


def stop(actor: Actor, chat: Chat) -> None:
    """Cancel every reply that is still being said; what was said so far stays.

    Raises:
        PermissionDenied: the actor is no editor.
    """
    actor.require(Role.EDITOR)
    for reply in unanswered(chat).select_related("job"):
        if reply.job is not None and reply.job.state != State.CANCELLING:
            with suppress(InputError):  # it has just ended by itself
                services.cancel(actor, reply.job)


@transaction.atomic
def delete(actor: Actor, chat: Chat) -> None:
    """Remove a conversation with all its turns; its jobs stay in the list of jobs.

    Raises:
        PermissionDenied: the actor is no editor.
    """
    actor.require(Role.EDITOR)
    stop(actor, chat)
    chat.delete()


def recorder_for(job: Job, lease: Lease) -> ReplyRecorder:
    """Where the words of a reply go; an attempt begins again with nothing said."""
    recorder = ReplyRecorder(job, lease)
    recorder.begin()
    return recorder


class ReplyRecorder:
    """Implements `chimera.context.Recorder` for replies: words are appended to the reply's row, under the lease."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self.job, self.lease = job, lease

    def begin(self) -> None:
        with self.lease.fenced():
            ChatReply.objects.filter(job=self.job).update(text="", tokens=0)

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        if kind != WORDS:
            return
        with self.lease.fenced():
            said = Concat(F("text"), Value(storable(message)))
            ChatReply.objects.filter(job=self.job).update(text=said, tokens=step or 0)
            transaction.on_commit(lambda: ring(f"job.{self.job.pk}", job_facts(self.job)), robust=True)

    def write(self, step: int, tokens: int, values: dict[str, float]) -> None:
        return None

    def flush(self) -> None:
        return None

    def checkpoint(self, note: CheckpointNote) -> None:
        return None

    def resume(self) -> CheckpointNote | None:
        return None


def reply_page(job: Job) -> str:
    """The conversation that the reply is part of; "" for one that was asked for at another door."""
    reply = ChatReply.objects.filter(job=job).select_related("turn").first()
    return reverse("chat-detail", args=[reply.turn.chat_id]) if reply is not None else ""
