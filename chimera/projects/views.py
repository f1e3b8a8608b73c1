"""Login, logout, the switch of the current project, and its API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import views as auth
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chimera.projects import selectors, services
from chimera.projects.middleware import SESSION_KEY
from chimera.projects.models import ApiToken, Role
from chimera.projects.request import actor_of


class Login(auth.LoginView):
    template_name = "projects/login.html"
    redirect_authenticated_user = True


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Make one of the user's own projects the current one."""
    project = get_object_or_404(selectors.projects_of(request.user), slug=request.POST.get("project", ""))  # type: ignore[arg-type]
    request.session[SESSION_KEY] = project.slug
    return redirect("home")


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The project's API tokens; a new one is shown in the answer to the form and never again."""
    actor = actor_of(request)
    context: dict[str, Any] = {"name": request.GET.get("name", "")[:80]}
    if request.method == "POST":
        actor.require(Role.EDITOR)
        name = request.POST.get("name", "").strip().replace("\0", "")
        if 0 < len(name) <= 80:
            context["made"], context["text"] = services.create_token(actor, name)
        else:
            context |= {"name": name[:80], "error": "Say in at most 80 characters what the token is for."}
    context["tokens"] = selectors.tokens_of(actor)
    return render(request, "projects/tokens.html", context, status=422 if "error" in context else 200)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token worthless at once."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    try:
        row = services.revoke_token(actor, pk)
    except ApiToken.DoesNotExist:
        raise Http404("there is no such token of yours in this project") from None
    messages.success(request, f"The token {row.name} is revoked.")
    return redirect("tokens")
