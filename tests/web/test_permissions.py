"""Every URL there is: anonymous visitors are sent to the login, viewers change nothing, strangers see nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from chimera.projects.access import Actor
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

OPEN = {"login", "logout"}
COMPUTES = {"mixture-new", "mixture-ledger", "curriculum-check"}  # worked out for anybody; saving needs an editor
OWNERS_ONLY = {"webhook-new", "webhook-edit"}  # they hold addresses that let anybody write into a chat
VALUES = {"pk": 1, "number": 0, "kind": "import", "verb": "pause", "id": "x", "uid": "dataset-1", "name": "job-1"}


def leaves(patterns: list[Any], namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from leaves(pattern.url_patterns, inner)
        elif pattern.name:
            yield f"{namespace}{pattern.name}", pattern


def urls(prefixes: tuple[str, ...] = ("",)) -> dict[str, str]:
    """Name → URL of every page outside the admin and the API, each argument filled with a plausible value."""
    found = {}
    for name, pattern in leaves(get_resolver().url_patterns):
        if ":" in name or name in OPEN:
            continue
        converters = pattern.pattern.converters
        found[name] = reverse(name, kwargs={key: _value(key, converters[key]) for key in converters})
    return found


def _value(key: str, converter: Any) -> Any:
    if type(converter).__name__ == "IntConverter":
        return 1
    if type(converter).__name__ == "UUIDConverter":
        return "00000000-0000-4000-8000-000000000000"
    return VALUES.get(key, "x")


def rows() -> dict[str, int]:
    own = ("projects", "jobs", "curriculum_app", "training_app", "eval_app")
    return {
        model.__name__: model._default_manager.count() for app in own for model in apps.get_app_config(app).get_models()
    }


def test_there_are_pages_to_check() -> None:
    assert {"home", "jobs", "job-control", "data", "runs", "studies", "taxonomy"} <= set(urls())


def test_an_anonymous_visitor_is_sent_to_the_login_from_every_url(client: Client) -> None:
    for name, url in urls().items():
        for send in (client.get, client.post):
            response = send(url)
            assert response.status_code == 302 and response["Location"].startswith(reverse("login")), (name, send)


def test_a_viewer_can_post_nowhere(viewer: Actor) -> None:
    client, before = signed_in(viewer), rows()
    for name, url in urls().items():
        if name not in {"project-switch", *COMPUTES}:
            assert client.post(url).status_code in (403, 404, 405), name
        elif name in COMPUTES:
            client.post(url)
    assert rows() == before


def test_no_page_fails_for_what_does_not_exist(editor: Actor) -> None:
    client = signed_in(editor)
    for name, url in urls().items():
        allowed = (403,) if name in OWNERS_ONLY else (200, 302, 400, 404, 405)
        assert client.get(url).status_code in allowed, name


def test_a_user_without_a_project_sees_no_page(stranger: Actor) -> None:
    stranger.user.memberships.all().delete()
    client = signed_in(stranger)
    for name, url in urls().items():
        if name != "project-switch":
            assert client.get(url).status_code == 403, name


def test_a_project_of_others_cannot_be_switched_to(editor: Actor, stranger: Actor) -> None:
    client = signed_in(editor)
    assert client.post(reverse("project-switch"), {"project": stranger.project.slug}).status_code == 404
    assert client.post(reverse("project-switch"), {"project": editor.project.slug}).status_code == 302
