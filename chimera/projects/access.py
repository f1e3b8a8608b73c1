"""Who is acting, in which project, with which role. Every selector and service takes an `Actor`."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from chimera.projects.models import Membership, Project, Role

_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


@dataclass(frozen=True)
class Actor:
    """A user acting in a project. Made once at each door (middleware, token, socket, command line)."""

    user: User
    project: Project
    role: Role

    @property
    def name(self) -> str:
        return self.user.get_username()

    def can(self, role: Role) -> bool:
        return _RANK[self.role] >= _RANK[role]

    @property
    def can_edit(self) -> bool:
        return self.can(Role.EDITOR)

    def require(self, role: Role) -> None:
        """Raise PermissionDenied unless the actor has at least `role`."""
        if not self.can(role):
            raise PermissionDenied(f"this needs the role {role} in project {self.project.slug}; you are {self.role}")


def actor_for(user: User, project: Project) -> Actor | None:
    """The actor of `user` in `project`, or None when they are no member."""
    membership = Membership.objects.filter(user=user, project=project).first()
    return None if membership is None else Actor(user, project, Role(membership.role))
