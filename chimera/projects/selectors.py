"""Reads of projects and memberships."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from chimera.projects.access import Actor
from chimera.projects.models import ApiToken, Membership, Project, Role


def projects_of(user: User) -> QuerySet[Project]:
    """The projects `user` is a member of, by name."""
    return Project.objects.filter(memberships__user=user).order_by("name")


def current_actor(user: User, slug: str | None) -> Actor | None:
    """The actor of `user` in the project `slug`, else in their first project; None without any."""
    memberships = list(Membership.objects.filter(user=user).select_related("project").order_by("project__name"))
    chosen = next((item for item in memberships if item.project.slug == slug), None)
    membership = chosen or (memberships[0] if memberships else None)
    return None if membership is None else Actor(user, membership.project, Role(membership.role))


def tokens_of(actor: Actor) -> QuerySet[ApiToken]:
    """The tokens of the project that the actor may see: their own, all of them for an owner."""
    rows = ApiToken.objects.filter(project=actor.project).select_related("user").order_by("-pk")
    return rows if actor.can(Role.OWNER) else rows.filter(user=actor.user)


def first_owner(project: Project) -> User | None:
    """The user the command line acts as when it is given none: the project's first owner."""
    membership = project.memberships.filter(role=Role.OWNER).select_related("user").order_by("pk").first()
    return None if membership is None else membership.user
