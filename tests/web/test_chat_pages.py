"""Chat: one prompt, an answer from each checkpoint that grows on the page, further turns, what stands in the way."""

from __future__ import annotations

import pytest
from django.urls import reverse

from chimera.jobs import leasing, runner, services
from chimera.jobs.models import Job, State
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.model_factory import make_checkpoints
from training_app.models import Chat, ChatReply
from training_app.services.chat import ReplyRecorder, recorder_for

pytestmark = [pytest.mark.django_db, pytest.mark.torch]
SAMPLING = {"temperature": "0.9", "top_p": "1", "max_tokens": "8", "seed": "3"}


@pytest.fixture
def checkpoints(editor, tmp_path):
    return make_checkpoints(editor, tmp_path)


def ask(client, checkpoints, prompt="abc", **more):
    chosen = [row.uid for row in checkpoints]
    return client.post(reverse("chat"), {"checkpoint": chosen, "prompt": prompt, **SAMPLING, **more}, follow=True)


def answer_all():
    for job in Job.objects.filter(kind="generate-reply", state=State.QUEUED).order_by("pk"):
        assert runner.run_job(job.pk)


def page_of(client, chat, **query):
    response = client.get(reverse("chat-detail", args=[chat.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def test_every_checkpoint_answers_the_same_prompt_side_by_side(editor_client, checkpoints):
    waiting = ask(editor_client, checkpoints, system="k").content.decode()
    assert waiting.count("waiting for a worker") == 1 and "1 job ahead in the queue" in waiting
    assert "No worker is alive" in waiting and waiting.count("data-live-topic") == 2
    answer_all()
    chat, replies = Chat.objects.get(), ChatReply.objects.order_by("pk")
    page = page_of(editor_client, chat)
    assert [reply.checkpoint for reply in replies] == checkpoints
    assert all(reply.tokens and reply.seconds and reply.text in page for reply in replies)
    assert [reply.templated for reply in replies] == [True, False]
    assert "by its chat template" in page and "no chat template: it continues the text" in page
    assert "tokens/s" in page and "data-live-topic" not in page, "nothing more is waited for"
    assert {job.priority for job in Job.objects.filter(kind="generate-reply")} == {10}


def test_a_further_turn_shows_each_model_its_own_answers(editor_client, checkpoints):
    ask(editor_client, checkpoints, system="k")
    answer_all()
    chat = Chat.objects.get()
    said = list(ChatReply.objects.order_by("pk").values_list("text", flat=True))
    assert said[0] != said[1]
    editor_client.post(reverse("chat-detail", args=[chat.pk]), {"prompt": "d", **SAMPLING})
    shown = [job.config["messages"] for job in Job.objects.filter(kind="generate-reply").order_by("pk")[2:]]
    assert [[turn["content"] for turn in turns] for turns in shown] == [["k", "abc", text, "d"] for text in said]
    early = editor_client.post(reverse("chat-detail", args=[chat.pk]), {"prompt": "e", **SAMPLING}, follow=True)
    assert early.status_code == 422 and "not every checkpoint has answered yet" in early.content.decode()
    assert chat.turns.count() == 2


def test_words_appear_while_they_are_said(editor_client, checkpoints, editor):
    ask(editor_client, checkpoints)
    job, lease = leasing.claim_job(Job.objects.filter(kind="generate-reply").earliest("pk").pk, "w")
    recorder = recorder_for(job, lease)
    recorder.event("words", "once ", 1)
    recorder.event("words", "upon\0 <b>", 3)
    page = page_of(editor_client, Chat.objects.get())
    assert "once upon\ufffd &lt;b&gt;" in page and "3 tokens" in page, "text of a model is never markup"
    ReplyRecorder(job, lease).begin()
    assert ChatReply.objects.get(job=job).text == "", "an attempt begins again"


def test_what_differs_from_the_first_answer_is_marked(editor_client, checkpoints):
    ask(editor_client, checkpoints)
    for reply, text in zip(ChatReply.objects.order_by("pk"), ("one two three", "one 2 three"), strict=True):
        ChatReply.objects.filter(pk=reply.pk).update(text=text)
    assert "one <mark>2</mark> three" in page_of(editor_client, Chat.objects.get(), compare="1")


def test_stop_keeps_what_was_said_and_remove_removes(editor_client, checkpoints):
    ask(editor_client, checkpoints)
    chat = Chat.objects.get()
    editor_client.post(reverse("chat-stop", args=[chat.pk]))
    assert set(Job.objects.filter(kind="generate-reply").values_list("state", flat=True)) == {"cancelled"}
    assert "said nothing" in page_of(editor_client, chat)
    editor_client.post(reverse("chat-delete", args=[chat.pk]))
    assert not Chat.objects.exists() and Job.objects.filter(kind="generate-reply").count() == 2


def test_a_prompt_that_is_too_long_is_told_in_the_place_of_the_answer(editor_client, checkpoints):
    ask(editor_client, checkpoints, prompt="a" * 200)
    answer_all()
    assert "tokens, the model reads 56" in page_of(editor_client, Chat.objects.get())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"checkpoint": []}, "choose checkpoints of this project"),
        ({"checkpoint": ["checkpoint-999"]}, "choose checkpoints of this project"),
        ({"prompt": "  "}, "write something first"),
        ({"temperature": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_asked_is_told_and_starts_nothing(editor_client, checkpoints, more, said):
    response = ask(editor_client, checkpoints, **more)
    assert response.status_code == 422 and said in response.content.decode()
    assert not Chat.objects.exists() and not Job.objects.filter(kind="generate-reply").exists()


def test_others_see_nothing_and_viewers_only_read(editor_client, viewer_client, stranger, checkpoints):
    ask(editor_client, checkpoints)
    chat = Chat.objects.get()
    assert "Ask" not in page_of(viewer_client, chat)
    assert viewer_client.post(reverse("chat-detail", args=[chat.pk]), {"prompt": "x"}).status_code == 403
    assert signed_in(stranger).get(reverse("chat-detail", args=[chat.pk])).status_code == 404
    assert reverse("chat-detail", args=[chat.pk]) in viewer_client.get(reverse("chat")).content.decode()


def test_without_checkpoints_the_page_says_the_next_step(editor_client):
    page = editor_client.get(reverse("chat")).content.decode()
    assert "No checkpoint to talk to" in page and reverse("job-new", args=["import-model"]) in page


def test_a_reply_asked_for_at_another_door_is_in_the_summary_of_its_job(editor, checkpoints):
    config = {"checkpoint": checkpoints[0].uid, "messages": [{"role": "user", "content": "abc"}], "max_tokens": 4}
    job, _ = services.start(editor, "generate-reply", config)
    assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "succeeded" and job.summary["tokens"] <= 4 and job.summary["templated"]
