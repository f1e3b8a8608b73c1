"""What the pages of chat show."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Prefetch, QuerySet

from chimera.jobs.models import FINISHED, State
from chimera.jobs.selectors import ahead_in_queue, queue_is_served
from chimera.projects.access import Actor
from curriculum_app.core.text_difference import Piece, text_difference
from training_app.models import Chat, ChatReply, ChatTurn, Checkpoint

SHOWN = 40  # conversations in the list


@dataclass(frozen=True)
class ReplyView:
    """One answer. `pieces` mark what differs from the first checkpoint's answer, None where nothing is compared."""

    reply: ChatReply
    pieces: list[Piece] | None
    ahead: int | None

    @property
    def state(self) -> str:
        return self.reply.job.state if self.reply.job is not None else State.SUCCEEDED

    @property
    def busy(self) -> bool:
        return self.state not in FINISHED

    @property
    def rate(self) -> float | None:
        """Tokens a second."""
        return self.reply.tokens / self.reply.seconds if self.reply.seconds else None

    @property
    def problem(self) -> str:
        """Why there is no answer, in the words of the job."""
        job = self.reply.job
        if job is None or job.state != State.FAILED:
            return ""
        return str(job.problems[0]["message"]) if job.problems else job.error_text.strip().rpartition("\n")[2][:300]


@dataclass(frozen=True)
class TurnView:
    """One prompt and its answers, in the order of the checkpoints."""

    turn: ChatTurn
    replies: list[ReplyView]

    @property
    def busy(self) -> bool:
        return any(view.busy for view in self.replies)


def chats(actor: Actor) -> QuerySet[Chat]:
    """Conversations of the project, newest first, with their first prompt and checkpoints."""
    first = Prefetch("turns", ChatTurn.objects.order_by("number"))
    rows = Chat.objects.filter(project=actor.project).annotate(count=Count("turns", distinct=True))
    return rows.order_by("-id").select_related("created_by").prefetch_related(first, _checkpoints())


def _checkpoints() -> Prefetch[str]:
    return Prefetch("checkpoints", Checkpoint.objects.defer("manifest").order_by("pk"))


def get_chat(actor: Actor, pk: int) -> Chat:
    """The conversation.

    Raises:
        Chat.DoesNotExist: not in the actor's project.
    """
    return Chat.objects.filter(project=actor.project).prefetch_related(_checkpoints()).get(pk=pk)


def turns_of(actor: Actor, chat: Chat, *, compare: bool = False) -> list[TurnView]:
    """Every turn with its answers; `compare` marks what differs from the first answer of a turn."""
    answers = ChatReply.objects.select_related("job", "checkpoint").defer("checkpoint__manifest", "job__summary")
    rows = chat.turns.prefetch_related(Prefetch("replies", answers.order_by("checkpoint_id")))
    return [_turn(turn, compare) for turn in rows.filter(chat__project=actor.project)]


def _turn(turn: ChatTurn, compare: bool) -> TurnView:
    replies = list(turn.replies.all())
    views = []
    for place, reply in enumerate(replies):
        pieces = text_difference(replies[0].text, reply.text).after if compare and place else None
        ahead = ahead_in_queue(reply.job) if reply.job is not None else None
        views.append(ReplyView(reply, pieces, ahead))
    return TurnView(turn, views)


def choices(actor: Actor) -> QuerySet[Checkpoint]:
    """The checkpoints that can answer: imported ones, then run by run along its steps."""
    rows = Checkpoint.objects.filter(project=actor.project).select_related("run").defer("manifest")
    return rows.order_by(F("run_id").desc(nulls_first=True), "step", "pk")


def workers_answer() -> bool:
    """Whether a live worker would take a reply."""
    return queue_is_served("cpu")
