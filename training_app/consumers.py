"""The one WebSocket: news of runs and jobs by topic. PostgreSQL holds the news, bells only wake us.

Client → server: `{"subscribe": "run-12", "after": 34}`, `{"subscribe": "job-3"}`, `{"subscribe": "jobs"}`,
`{"unsubscribe": topic}`. Subscribing again (after a gap, a reconnect, a while of silence) is how a client heals.
Server → client: `{"topic": "run-12", "seq": 37, "rows": [{seq, attempt, points}]}`, `{"topic": "run-12", "reset": 36}`
after a rewind, or when rows up to that seq were sealed before the client had them (read the series again),
`{"topic": "run-12", "events": true}`, `{"topic": "job-3", "log": true}` (there are new lines),
`{"topic": "job-3", "state": …, "done": …, "total": …}`, `{"topic": …, "error": …}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from chimera.projects.access import Actor
from chimera.projects.middleware import SESSION_KEY
from chimera.projects.selectors import current_actor
from training_app.selectors import live

MAX_TOPICS = 64


@dataclass
class Subscription:
    """A topic of this socket: who asked, its channel group, and the seq up to which a run's rows were sent."""

    actor: Actor
    group: str
    seq: int = 0


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One browser tab. Login is checked at connect, membership and role at each subscription and each read."""

    async def connect(self) -> None:
        self.topics: dict[str, Subscription] = {}
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close()  # before accepting: the handshake is refused
        else:
            await self.accept()

    async def disconnect(self, code: int) -> None:
        for topic in list(self.topics):
            await self._leave(topic)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict):
            await self.send_json({"error": "a message is a JSON object"})
        elif isinstance(content.get("unsubscribe"), str):
            await self._leave(content["unsubscribe"])
        elif isinstance(content.get("subscribe"), str):
            after = content.get("after")
            await self._subscribe(content["subscribe"], after if isinstance(after, int) and after > 0 else 0)
        else:
            await self.send_json({"error": "say subscribe or unsubscribe"})

    async def bell(self, message: dict[str, Any]) -> None:
        """Something changed: read what is new for the topics that it concerns."""
        topic = str(message.get("topic", ""))
        news = next((name for name in ("events", "log") if message.get(name)), "")
        if news:
            if topic in self.topics:
                await self.send_json({"topic": topic, news: True})
        elif topic.startswith("run-") and topic in self.topics:
            if message.get("seq", 0) > self.topics[topic].seq:
                await self._send_rows(topic)
        elif topic.startswith("job-"):
            await self._send_job(topic, [name for name in (topic, "jobs") if name in self.topics])

    async def _subscribe(self, topic: str, after: int) -> None:
        subscription = await self._authorised(topic)
        if subscription is None or (topic not in self.topics and len(self.topics) >= MAX_TOPICS):
            reason = "no such topic, or not yours" if subscription is None else "too many topics"
            await self.send_json({"topic": topic, "error": reason})
            return
        subscription.seq = after
        self.topics[topic] = subscription
        await self.channel_layer.group_add(subscription.group, self.channel_name)
        if topic.startswith("run-"):  # after joining the group: what is written from now on rings
            await self._send_rows(topic)
        elif topic.startswith("job-"):
            await self._send_job(topic, [topic])

    async def _leave(self, topic: str) -> None:
        subscription = self.topics.pop(topic, None)
        if subscription is not None:
            await self.channel_layer.group_discard(subscription.group, self.channel_name)

    async def _authorised(self, topic: str) -> Subscription | None:
        """The subscription this user may have, or None (also for what does not exist: no difference to be seen)."""
        user = self.scope["user"]
        kind, _, number = topic.partition("-")
        if topic == "jobs":
            slug = self.scope["session"].get(SESSION_KEY)
            actor = await database_sync_to_async(current_actor)(user, slug)
            return None if actor is None else Subscription(actor, f"jobs.{actor.project.pk}")
        find = {"run": live.run_actor, "job": live.job_actor}.get(kind)
        if find is None or not re.fullmatch(r"[1-9][0-9]{0,17}", number):
            return None
        actor = await database_sync_to_async(find)(user, int(number))
        return None if actor is None else Subscription(actor, f"{kind}.{int(number)}")

    async def _send_rows(self, topic: str) -> None:
        subscription = self.topics[topic]
        pk = int(topic.removeprefix("run-"))
        more = True
        while more:
            news = await database_sync_to_async(live.run_news)(subscription.actor, pk, subscription.seq)
            if news.reset is not None:
                subscription.seq = max(subscription.seq, news.reset)
                await self.send_json({"topic": topic, "reset": news.reset})
            if news.rows:
                subscription.seq = news.rows[-1]["seq"]
                await self.send_json({"topic": topic, "seq": subscription.seq, "rows": news.rows})
            more = news.more

    async def _send_job(self, topic: str, names: list[str]) -> None:
        """Send the job's state as it is now under each of the topics `names`."""
        for name in names:
            actor = self.topics[name].actor
            facts = await database_sync_to_async(live.job_news)(actor, int(topic.removeprefix("job-")))
            if facts is not None:
                await self.send_json({"topic": name, **facts})
