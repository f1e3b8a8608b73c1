"""Writes of projects: creation with an owner, members, API tokens."""

from __future__ import annotations

import hashlib
import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from chimera.projects.access import Actor, actor_for
from chimera.projects.models import ApiToken, Membership, Project, Role
from chimera.projects.selectors import tokens_of

TOKEN_PREFIX = "chimera_"


@transaction.atomic
def create_project(owner: User, name: str, slug: str, description: str = "") -> Project:
    """A project with `owner` as its owner."""
    project = Project.objects.create(name=name, slug=slug, description=description)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    return project


def set_member(project: Project, user: User, role: Role) -> Membership:
    """Make `user` a member with `role`, or change the role they have."""
    membership, _ = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    return membership


def create_token(actor: Actor, name: str) -> tuple[ApiToken, str]:
    """A bearer token that acts as `actor`; its text is returned here and never again (only its hash is kept)."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(project=actor.project, user=actor.user, name=name, sha256=_sha256(text))
    return row, text


def revoke_token(actor: Actor, pk: int) -> ApiToken:
    """Delete a token of the project: one's own, or as an owner anybody's.

    Raises:
        ApiToken.DoesNotExist: no such token, or not the actor's to revoke.
    """
    row = tokens_of(actor).get(pk=pk)
    row.delete()
    return row


def actor_of_token(text: str) -> Actor | None:
    """Who a bearer token acts as; None when it is unknown, its user inactive or no longer a member."""
    token = ApiToken.objects.select_related("user", "project").filter(sha256=_sha256(text)).first()
    if token is None or not token.user.is_active:
        return None
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
    return actor_for(token.user, token.project)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
