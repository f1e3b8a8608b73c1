"""Chat: choose checkpoints, put one prompt to all of them, read the answers side by side while they come."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import ValidationError

from chimera.config_forms import ConfigForm
from chimera.errors import InputError, problems_of
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from training_app.core.configs_models import Sampling
from training_app.models import Chat
from training_app.selectors import chat as selectors
from training_app.services import chat as services


@require_http_methods(["GET", "POST"])
def chat_list(request: HttpRequest) -> HttpResponse:
    """The conversations and the form of a new one; POST opens one with its first prompt."""
    actor = actor_of(request)
    form = sampling_form(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        actor.require(Role.EDITOR)
        chat = _opened(request, actor, form)
        if chat is not None:
            return redirect("chat-detail", pk=chat.pk)
    marked = request.POST.getlist("checkpoint") or request.GET.getlist("checkpoint")
    context = {
        "form": form,
        "page": Paginator(selectors.chats(actor), selectors.SHOWN).get_page(request.GET.get("page")),
        "choices": selectors.choices(actor),
        "marked": marked,
        "said": {name: request.POST.get(name, "") for name in ("prompt", "system")},
        "served": selectors.workers_answer(),
        "most": services.MOST,
    }
    return render(request, "training/chats.html", context, status=422 if request.method == "POST" else 200)


def _opened(request: HttpRequest, actor: Actor, form: ConfigForm) -> Chat | None:
    """The new conversation, or None with the problems in messages and form."""
    if not form.is_valid():
        return None
    try:
        prompt = request.POST.get("prompt", "")
        return services.begin(
            actor, request.POST.getlist("checkpoint"), request.POST.get("system", ""), prompt, _of(form)
        )
    except InputError as error:
        _tell(request, error)
        return None


@require_http_methods(["GET", "POST"])
def chat_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A conversation; POST says the next prompt; htmx gets the turns alone."""
    actor = actor_of(request)
    chat = _chat_or_404(actor, pk)
    last = chat.turns.last()
    form = sampling_form(
        request.POST if request.method == "POST" else None, last.sampling if last is not None else None
    )
    if request.method == "POST":
        actor.require(Role.EDITOR)
        if _said(request, actor, chat, form):
            return redirect("chat-detail", pk=pk)
    context = _turns(request, actor, chat)
    if request.headers.get("HX-Request"):
        return render(request, "training/_chat_turns.html", context)
    trail = crumbs(("Chat", reverse("chat")), (str(chat), ""))
    context |= {"form": form, "crumbs": trail, "prompt": request.POST.get("prompt", "")}
    return render(request, "training/chat.html", context, status=422 if request.method == "POST" else 200)


def _said(request: HttpRequest, actor: Actor, chat: Chat, form: ConfigForm) -> bool:
    if not form.is_valid():
        return False
    try:
        services.say(actor, chat, request.POST.get("prompt", ""), _of(form))
    except InputError as error:
        _tell(request, error)
        return False
    return True


def _turns(request: HttpRequest, actor: Actor, chat: Chat) -> dict[str, Any]:
    compare = request.GET.get("compare") == "1"
    turns = selectors.turns_of(actor, chat, compare=compare)
    return {
        "chat": chat,
        "turns": turns,
        "busy": any(turn.busy for turn in turns),
        "compare": compare,
        "served": selectors.workers_answer(),
    }


@require_POST
def chat_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Let nobody say more."""
    actor = actor_of(request)
    services.stop(actor, _chat_or_404(actor, pk))
    return redirect("chat-detail", pk=pk)


@require_POST
def chat_delete(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    services.delete(actor, _chat_or_404(actor, pk))
    return redirect("chat")


def _chat_or_404(actor: Actor, pk: int) -> Chat:
    try:
        return selectors.get_chat(actor, pk)
    except Chat.DoesNotExist:
        raise Http404(f"chat-{pk} does not exist in this project") from None


def sampling_form(data: QueryDict | None, initial: dict[str, Any] | None = None) -> ConfigForm:
    """Temperature, top-p, tokens and seed as the job's own form has them."""

    def check(raw: Any) -> Sampling:
        try:
            return Sampling.model_validate(raw)
        except ValidationError as error:
            raise InputError(problems_of(error)) from error

    if data is not None:
        data = data.copy()
        for name in data.keys() - Sampling.model_fields.keys():
            del data[name]
    return ConfigForm(Sampling, lambda kind: [], check, data, initial)


def _of(form: ConfigForm) -> Sampling:
    assert isinstance(form.config, Sampling)
    return form.config


def _tell(request: HttpRequest, error: InputError) -> None:
    for problem in error.problems:
        messages.error(request, str(problem))
