"""What every test may ask for: a project, its people, a signed-in client."""

from __future__ import annotations

import hypothesis
import pytest
from django.contrib.auth.models import User
from django.test import Client

from chimera.projects.access import Actor
from chimera.projects.models import Membership, Project, Role

hypothesis.settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop in the main thread, where no other can run then."""
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(name="Reading", slug="reading")


def member(project: Project, name: str, role: Role) -> Actor:
    """A new user with `role` in `project`; the password is the name."""
    user = User.objects.create_user(name, password=name)
    Membership.objects.create(project=project, user=user, role=role)
    return Actor(user, project, role)


@pytest.fixture
def owner(project: Project) -> Actor:
    return member(project, "olivia", Role.OWNER)


@pytest.fixture
def editor(project: Project) -> Actor:
    return member(project, "edgar", Role.EDITOR)


@pytest.fixture
def viewer(project: Project) -> Actor:
    return member(project, "vera", Role.VIEWER)


@pytest.fixture
def stranger(db: None) -> Actor:
    """A member of another project only."""
    return member(Project.objects.create(name="Elsewhere", slug="elsewhere"), "steve", Role.OWNER)


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.fixture
def editor_client(editor: Actor) -> Client:
    return signed_in(editor)


@pytest.fixture
def viewer_client(viewer: Actor) -> Client:
    return signed_in(viewer)
