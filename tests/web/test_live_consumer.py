"""The socket: who may listen to what, and that rows arrive exactly once through gaps, reconnects and rewinds."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from chimera.asgi import application
from chimera.context import CheckpointNote
from chimera.jobs import bell
from chimera.jobs.models import Job
from chimera.projects.models import Membership, Role
from tests.conftest import member
from tests.web.run_factory import Clock, checkpoint_directory, feed, make_run, next_attempt, recorder_of
from training_app.consumers import LiveConsumer

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
in_thread: Callable[..., Any] = sync_to_async


class Tab:
    """A browser tab's socket."""

    def __init__(self, user: Any, session: dict[str, str] | None = None) -> None:
        self.socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/ws/live/")
        self.socket.scope |= {"user": user, "session": session or {}}

    async def __aenter__(self) -> "Tab":
        connected, _ = await self.socket.connect()
        assert connected
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.socket.disconnect()

    async def ask(self, topic: str, after: int = 0) -> None:
        await self.socket.send_json_to({"subscribe": topic, "after": after})

    async def settle(self) -> None:
        """Wait until everything said so far was dealt with: messages are answered in turn."""
        await self.ask("run-999999")
        assert "error" in await self.hear()

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json_from(timeout=5)
        return message

    async def steps(self, last: int) -> list[int]:
        """Steps of all rows until `last` was among them."""
        found: list[int] = []
        while last not in found:
            for row in (await self.hear()).get("rows", []):
                found += row["points"]["step"]
        return found


def fed(recorder: Any, clock: Clock, first: int, last: int) -> None:
    feed(recorder, clock, first, last, 600)
    recorder.flush()


async def test_an_anonymous_socket_is_refused():
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/ws/live/")
    socket.scope["user"] = AnonymousUser()
    connected, _ = await socket.connect()
    assert not connected


async def test_another_sites_page_cannot_open_the_socket():
    headers = [(b"origin", b"https://evil.example"), (b"host", b"localhost")]
    connected, _ = await WebsocketCommunicator(application, "/ws/live/", headers=headers).connect()
    assert not connected


@pytest.mark.parametrize("topic", ["run-{run}", "job-{job}"])
async def test_topics_of_another_project_are_as_unknown_as_those_that_do_not_exist(editor, stranger, topic):
    run = await in_thread(make_run)(editor)
    topic = topic.format(run=run.pk, job=run.job_id)
    async with Tab(stranger.user) as tab:
        for asked in (topic, "run-999999", "run-01", "run-x", "jobs-1", "run-9999999999999999999"):
            await tab.ask(asked)
            assert await tab.hear() == {"topic": asked, "error": "no such topic, or not yours"}


@pytest.mark.parametrize("message", [[], {"hello": 1}, {"subscribe": 3}])
async def test_nonsense_is_answered_and_does_not_end_the_socket(viewer, message):
    async with Tab(viewer.user) as tab:
        await tab.socket.send_json_to(message)
        assert "error" in await tab.hear()
        await tab.ask("run-1")
        assert (await tab.hear())["topic"] == "run-1"


async def test_history_then_news_arrive_in_order_and_once(editor, viewer):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    await in_thread(fed)(recorder, clock, 1, 20)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        assert await tab.steps(20) == list(range(1, 21))
        await in_thread(fed)(recorder, clock, 21, 60)
        assert await tab.steps(60) == list(range(21, 61))
        assert await tab.socket.receive_nothing(timeout=0.2)


async def test_a_second_tab_and_a_reconnect_get_exactly_what_they_lack(editor, viewer):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    await in_thread(fed)(recorder, clock, 1, 10)
    async with Tab(viewer.user) as first:
        await first.ask(f"run-{run.pk}")
        message = await first.hear()
        seen = message["seq"]
    await in_thread(fed)(recorder, clock, 11, 30)
    async with Tab(viewer.user) as again, Tab(editor.user) as other:
        await again.ask(f"run-{run.pk}", after=seen)
        assert await again.steps(30) == list(range(11, 31))
        await other.ask(f"run-{run.pk}")
        assert await other.steps(30) == list(range(1, 31))


async def test_asking_again_heals_a_lost_bell(editor, viewer, monkeypatch):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        await tab.settle()
        monkeypatch.setattr("training_app.services.recorder.ring", lambda group, payload: None)
        await in_thread(fed)(recorder, clock, 1, 10)
        assert await tab.socket.receive_nothing(timeout=0.2)
        await tab.ask(f"run-{run.pk}", after=0)
        assert await tab.steps(10) == list(range(1, 11))


async def test_a_rewind_tells_open_tabs_and_late_ones_to_read_the_series_again(editor, viewer, tmp_path: Path):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    await in_thread(fed)(recorder, clock, 1, 5)
    await in_thread(recorder.checkpoint)(CheckpointNote(checkpoint_directory(tmp_path, 5), 5, 5000))
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        await tab.steps(5)
        await in_thread(fed)(recorder, clock, 6, 9)
        await tab.steps(9)
        await in_thread(next_attempt)(run)
        await in_thread((await in_thread(recorder_of)(run, clock)).resume)()
        message = await tab.hear()
        assert message["topic"] == f"run-{run.pk}" and message["reset"] > 0
    async with Tab(viewer.user) as late:
        await late.ask(f"run-{run.pk}", after=message["reset"] - 1)
        assert (await late.hear())["reset"] == message["reset"]
    async with Tab(viewer.user) as fresh:
        await fresh.ask(f"run-{run.pk}")
        assert "rows" in await fresh.hear()


async def test_events_ring_too(editor, viewer):
    run = await in_thread(make_run)(editor)
    recorder = await in_thread(recorder_of)(run)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        await tab.settle()
        await in_thread(recorder.event)("alert", "spike", 3)
        assert await tab.hear() == {"topic": f"run-{run.pk}", "events": True}


async def test_a_job_is_told_at_once_and_when_it_changes(editor, viewer):
    run = await in_thread(make_run)(editor)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"job-{run.job_id}")
        assert (await tab.hear())["state"] == "running"
        await in_thread(Job.objects.filter(pk=run.job_id).update)(done=7, total=600)
        await in_thread(lambda: bell.job_changed(Job.objects.get(pk=run.job_id)))()
        message = await tab.hear()
        assert (message["topic"], message["job"], message["done"], message["total"]) == (
            f"job-{run.job_id}", run.job_id, 7, 600,
        )  # fmt: skip


async def test_the_list_of_jobs_follows_the_current_project_only(editor, stranger, viewer):
    mine, foreign = await in_thread(make_run)(editor), await in_thread(make_run)(stranger)
    async with Tab(viewer.user, {"project": "reading"}) as tab:
        await tab.ask("jobs")
        await tab.settle()
        for run in (foreign, mine):
            await in_thread(lambda run=run: bell.job_changed(Job.objects.get(pk=run.job_id)))()
        message = await tab.hear()
        assert (message["topic"], message["job"]) == ("jobs", mine.job_id)
        assert await tab.socket.receive_nothing(timeout=0.2)


async def test_who_left_the_project_hears_nothing_more(editor, project):
    guest = await in_thread(member)(project, "greta", Role.VIEWER)
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    async with Tab(guest.user) as tab:
        await tab.ask(f"run-{run.pk}")
        await in_thread(fed)(recorder, clock, 1, 5)
        await tab.steps(5)
        await in_thread(Membership.objects.filter(user=guest.user).delete)()
        await in_thread(fed)(recorder, clock, 6, 10)
        assert await tab.socket.receive_nothing(timeout=0.3)


async def test_unsubscribing_ends_the_news(editor, viewer):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        await tab.socket.send_json_to({"unsubscribe": f"run-{run.pk}"})
        await tab.settle()
        await in_thread(fed)(recorder, clock, 1, 5)
        assert await tab.socket.receive_nothing(timeout=0.2)


async def test_a_burst_reaches_the_tab_whole(editor, viewer):
    run, clock = await in_thread(make_run)(editor), Clock()
    recorder = await in_thread(recorder_of)(run, clock)
    async with Tab(viewer.user) as tab:
        await tab.ask(f"run-{run.pk}")
        writing = asyncio.ensure_future(in_thread(fed)(recorder, clock, 1, 300))
        assert await tab.steps(300) == list(range(1, 301))
        await writing
