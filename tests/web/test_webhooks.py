"""Webhooks against a real server in a thread: signed, tried again, bounded, and never to where they must not go."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from chimera.errors import InputError
from chimera.projects.access import Actor
from chimera.webhooks import delivery, post, services
from chimera.webhooks.addresses import Refused, refusal, safe_address
from chimera.webhooks.formats import Notice, body_of
from chimera.webhooks.models import Delivery, Webhook
from tests.conftest import signed_in
from tests.web.run_factory import make_run, next_attempt, recorder_of

pytestmark = pytest.mark.django_db


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets; answers with the next status of `statuses`, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.drip = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        if self.server.drip:
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.02)
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(b"said " + b"y" * 100_000)

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE = True
    server = Receiver()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def hook(owner: Actor, url: str, **config: Any) -> Webhook:
    raw = {"name": "chat", "url": url, "secret": "s3cret", **config}
    return services.save(owner, raw, None, "https://chimera.example.org/")


def nan(actor: Actor) -> None:
    recorder = recorder_of(make_run(actor, "falls <over>"))
    recorder.write(3, 3000, {"loss": float("nan")})
    recorder.flush()


def due_now() -> None:
    Delivery.objects.update(next_at=Now() - timedelta(seconds=1))


def test_an_alert_arrives_signed_once_with_its_facts(owner: Actor, receiver: Receiver) -> None:
    webhook = hook(owner, receiver.url)
    nan(owner)
    assert delivery.deliver_due() == 1 and delivery.deliver_due() == 0
    headers, body = receiver.got[0]
    told = json.loads(body)
    assert (told["level"], told["key"], told["step"], told["value"]) == ("error", "loss", 3, "NaN")
    assert told["url"].startswith("https://chimera.example.org/runs/") and told["url"].endswith("?pin=3#batch-title")
    signed = f"{headers['X-Chimera-Timestamp']}.".encode() + body
    assert headers["X-Chimera-Signature"] == "sha256=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    row = webhook.deliveries.get()
    assert (row.state, row.status, row.tries) == ("delivered", 200, 1) and len(row.answer) == 300


def test_a_resumed_run_that_comes_to_the_same_alert_tells_it_once(owner: Actor, receiver: Receiver) -> None:
    hook(owner, receiver.url)
    run = make_run(owner)
    for _ in range(2):
        recorder = recorder_of(run)
        recorder.resume()
        recorder.write(3, 3000, {"loss": float("nan")})
        recorder.flush()
        next_attempt(run)
    assert Delivery.objects.count() == 1


def test_levels_below_the_chosen_one_and_other_projects_are_not_told(owner: Actor, stranger: Actor) -> None:
    hook(owner, "https://example.org/", level="error")
    hook(stranger, "https://example.org/")
    services.announce(owner.project.pk, Notice("warn", "t", "m", "/", "a"))
    assert not Delivery.objects.exists()
    services.announce(owner.project.pk, Notice("error", "t", "m", "/", "b"))
    assert Delivery.objects.get().webhook.project == owner.project


def test_a_server_in_trouble_is_tried_again_later_and_not_for_ever(owner: Actor, receiver: Receiver) -> None:
    hook(owner, receiver.url)
    services.send_test(owner, Webhook.objects.get())
    receiver.statuses = [503, 429] + [500] * 10
    assert delivery.deliver_due() == 1 and delivery.deliver_due() == 0, "not before its time"
    for _ in range(delivery.MOST_TRIES):
        due_now()
        delivery.deliver_due()
    row = Delivery.objects.get()
    assert (row.state, row.tries, row.status) == ("given up", delivery.MOST_TRIES, 500)
    assert len(receiver.got) == delivery.MOST_TRIES
    assert [delivery.pause_after(n).total_seconds() for n in (1, 2, 3, 9)] == [10, 40, 160, 3600]


@pytest.mark.parametrize(("status", "said"), [(404, "said"), (302, "redirects are not followed")])
def test_what_would_be_refused_again_is_given_up_at_once(
    owner: Actor, receiver: Receiver, status: int, said: str
) -> None:
    services.send_test(owner, hook(owner, receiver.url))
    receiver.statuses = [status]
    delivery.deliver_due()
    row = Delivery.objects.get()
    assert (row.state, row.status) == ("given up", status) and said in row.answer and len(receiver.got) == 1


def test_an_answer_that_drips_is_ended(owner: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "TOTAL_SECONDS", 0.2)
    receiver.drip = True
    started = time.monotonic()
    answer = post.post(receiver.url, b"{}", {}, allow_private=True)
    assert not answer.delivered and answer.worth_another_try and time.monotonic() - started < 2


def test_nobody_there_is_worth_another_try() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = post.post(f"http://127.0.0.1:{port}/", b"{}", {}, allow_private=True)
    assert answer.status is None and answer.worth_another_try and "ConnectionRefused" in answer.text


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [("8.8.8.8", False, True), ("127.0.0.1", False, False), ("127.0.0.1", True, True), ("10.1.2.3", False, False),
     ("10.1.2.3", True, True), ("169.254.169.254", True, False), ("fe80::1", True, False),
     ("100.100.100.200", True, False), ("fd00:ec2::254", True, False), ("fd12::1", True, True),
     ("::ffff:169.254.169.254", True, False), ("64:ff9b::a9fe:a9fe", True, False), ("2002:a9fe:a9fe::", True, False),
     ("0.0.0.0", True, False), ("224.0.0.1", True, False), ("::1", False, False), ("::1", True, True),
     ("100.64.0.1", False, False), ("2606:4700::1111", False, True)],
)  # fmt: skip
def test_metadata_is_never_called_and_private_networks_only_if_allowed(
    address: str, private: bool, allowed: bool
) -> None:
    assert (refusal(ipaddress.ip_address(address), allow_private=private) == "") is allowed


def test_a_name_with_one_forbidden_address_is_refused_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, owner: Actor, receiver: Receiver
) -> None:
    both = [(0, 0, 0, "", (address, 80)) for address in ("8.8.8.8", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: both)
    with pytest.raises(Refused, match=r"169\.254"):
        safe_address("two.example.org", 80, allow_private=True)
    services.send_test(owner, hook(owner, "http://two.example.org/"))
    delivery.deliver_due()
    row = Delivery.objects.get()
    assert (row.state, row.status) == ("given up", None) and "never called" in row.answer and receiver.got == []


def test_private_networks_are_refused_by_default(owner: Actor, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE = False
    services.send_test(owner, hook(owner, receiver.url))
    delivery.deliver_due()
    assert "CHIMERA_WEBHOOK_PRIVATE" in Delivery.objects.get().answer and receiver.got == []


@pytest.mark.parametrize(
    "url", ["ftp://x.org", "https://", "https://user:pw@x.org/", "file:///etc/passwd", "http://x y/", "http://x:99999/"]
)
def test_an_address_that_cannot_be_called_is_told_at_its_field(owner: Actor, url: str) -> None:
    with pytest.raises(InputError) as caught:
        hook(owner, url)
    assert [problem.field for problem in caught.value.problems] == ["url"]


def test_chat_formats_call_nobody_and_escape_names() -> None:
    notice = Notice("warn", "run <b>", "@everyone & all", "/runs/3/#step-5", "x")
    slack = json.loads(body_of("slack", notice, "reading", "https://c.org"))
    assert slack == {"text": "[reading] WARN · run &lt;b&gt;\n@everyone &amp; all\nhttps://c.org/runs/3/#step-5"}
    discord = json.loads(body_of("discord", notice, "reading", "https://c.org"))
    assert discord["allowed_mentions"] == {"parse": []} and "<https://c.org/runs/3/#step-5>" in discord["content"]


def test_owners_set_up_test_and_remove_a_webhook_in_the_browser(owner: Actor, receiver: Receiver) -> None:
    client = signed_in(owner)
    sent = {"name": "chat", "url": receiver.url, "format": "json", "level": "info", "secret": "abc", "active": "on"}
    response = client.post(reverse("webhook-new"), sent)
    webhook = Webhook.objects.get()
    assert response["Location"] == reverse("webhook-detail", args=[webhook.pk]) and webhook.secret == "abc"
    client.post(reverse("webhook-edit", args=[webhook.pk]), {**sent, "secret": "", "name": "other"})
    webhook.refresh_from_db()
    assert (str(webhook), webhook.secret) == ("other", "abc")
    assert "abc" not in client.get(reverse("webhook-edit", args=[webhook.pk])).content.decode()
    client.post(reverse("webhook-test", args=[webhook.pk]))
    assert "every 2s" in client.get(reverse("webhook-detail", args=[webhook.pk])).content.decode()
    delivery.deliver_due()
    page = client.get(reverse("webhook-detail", args=[webhook.pk])).content.decode()
    assert "delivered" in page and "every 2s" not in page and "A test from olivia" in page
    client.post(reverse("webhook-remove", args=[webhook.pk]))
    assert not Webhook.objects.exists()


def test_only_owners_see_whole_addresses_and_change_anything(owner: Actor, editor: Actor) -> None:
    webhook = hook(owner, "https://hooks.example.org/services/T0/secret-part")
    client = signed_in(editor)
    for name, args in (("webhooks", []), ("webhook-detail", [webhook.pk])):
        page = client.get(reverse(name, args=args)).content.decode()
        assert "hooks.example.org" in page and "secret-part" not in page
    assert client.get(reverse("webhook-edit", args=[webhook.pk])).status_code == 403
    for name in ("webhook-edit", "webhook-test", "webhook-remove"):
        assert client.post(reverse(name, args=[webhook.pk])).status_code == 403
    assert client.post(reverse("webhook-new"), {}).status_code == 403


def test_what_was_told_long_ago_is_forgotten(owner: Actor) -> None:
    services.send_test(owner, hook(owner, "https://example.org/"))
    Delivery.objects.update(state="delivered", created_at=Now() - timedelta(days=31))
    delivery.forget_old()
    assert not Delivery.objects.exists()
