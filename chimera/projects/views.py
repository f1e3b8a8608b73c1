"""Login, logout and the switch of the current project."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from chimera.projects import selectors
from chimera.projects.middleware import SESSION_KEY


class Login(auth.LoginView):
    template_name = "projects/login.html"
    redirect_authenticated_user = True


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Make one of the user's own projects the current one."""
    project = get_object_or_404(selectors.projects_of(request.user), slug=request.POST.get("project", ""))  # type: ignore[arg-type]
    request.session[SESSION_KEY] = project.slug
    return redirect("home")
