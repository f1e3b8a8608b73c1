"""Pages of jobs: the list with the queue and the workers, one job, the form of a new one, the buttons."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError
from chimera.form_shapes import bare
from chimera.jobs import refs, selectors, services
from chimera.jobs.kinds import CLIENT_QUEUE, JobKind, all_kinds, get_kind, page_of, resolve
from chimera.jobs.log_views import log_context
from chimera.jobs.models import Job, State, new_idempotency_key
from chimera.jobs.queues import known_queues
from chimera.jobs.scratch import kept_until
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from chimera.uploads import with_uploads

FILTERS = ("", "active", *State.values)
PAGE = 50


@require_GET
def job_list(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    state = request.GET.get("state", "")
    state = state if state in FILTERS else ""
    rows = selectors.jobs_list(actor, state=state, roots=not state).defer("summary")
    counts = selectors.state_counts(actor)
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "state": state,
        "filters": [(name, name or "all", counts.get(name)) for name in FILTERS],
        "workers": selectors.workers_alive(),
        "unserved": selectors.unserved_queues(actor),
        "kinds": [kind for kind in all_kinds() if kind.listed],
    }
    return render(request, _template(request, "list"), context)


@require_GET
def job_detail(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    return _detail(request, actor, selectors.job_get(actor, pk))


def _detail(request: HttpRequest, actor: Actor, job: Job) -> HttpResponse:
    context = {
        "job": job,
        "crumbs": _crumbs(job),
        "verbs": services.verbs_for(job) if actor.can_edit else [],
        "children": selectors.children_of(actor, job),
        "events": selectors.events_of(actor, job),
        "ahead": selectors.ahead_in_queue(job),
        "queues": known_queues() if actor.can_edit and job.state == State.QUEUED else [],
        "scratch_until": kept_until(job),
        "served": job.composite or selectors.queue_is_served(job.queue),
        "config": json.dumps(job.config, indent=1, ensure_ascii=False),
        "command": _command(job),
        "thing": page_of(job),
        "made": [(name, uid, _page_of_artefact(uid)) for name, uid in job.artifacts.items()],
    }
    if not request.headers.get("HX-Request"):
        context |= log_context(actor, job)
    return render(request, _template(request, "detail"), context)


@require_http_methods(["GET", "POST"])
def job_new(request: HttpRequest, kind: str) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    described = _kind_or_404(kind)
    if request.method == "GET":
        initial = refs.with_every(described.config, _initial(request, actor, described), actor.project)
        form = _form(actor, described, initial=initial)
        return _new(request, described, form, new_idempotency_key())
    form = _form(actor, described, data=with_uploads(actor, described.config, request.POST, request.FILES))
    key = request.POST.get("idempotency_key", "")
    if "_refresh" not in request.POST and form.is_valid():
        try:
            job, _ = services.start(actor, kind, form.raw(), key=key)
        except InputError as error:
            form.add_problems(error.problems)
        else:
            return redirect(page_of(job) or reverse("job-detail", args=[job.pk]))
    if "_refresh" in request.POST:
        form.full_clean()
        form.errors.clear()  # the user is still choosing
    return _new(request, described, form, key or new_idempotency_key())


def _new(request: HttpRequest, kind: JobKind, form: ConfigForm, key: str) -> HttpResponse:
    context = {
        "kind": kind,
        "form": form,
        "groups": form.groups(),
        "idempotency_key": key,
        "crumbs": crumbs(("Jobs", reverse("jobs")), (kind.title, "")),
    }
    status = 422 if form.is_bound and form.errors and not request.headers.get("HX-Request") else 200
    return render(request, _template(request, "new"), context, status=status)


@require_POST
def job_foretell(request: HttpRequest, kind: str) -> HttpResponse:
    """What a job of the form's config will take, in a line; nothing while the form is not complete."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    described = _kind_or_404(kind)
    form = _form(actor, described, data=request.POST)
    if not described.foretell or not form.is_valid():
        return HttpResponse()
    said: str = resolve(described.foretell)(form.config, actor.project)
    return HttpResponse(escape(said))


@require_POST
def job_control(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Pause, resume, cancel or retry; answers htmx with the changed page part, a browser with the page."""
    actor = actor_of(request)
    if verb not in services.VERBS:
        raise Http404(f"there is no verb {verb}")
    job = selectors.job_get(actor, pk)
    try:
        job = services.VERBS[verb](actor, job)
    except InputError as error:
        messages.error(request, str(error))
    return _after(request, actor, job)


@require_POST
def job_queue(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a waiting job to the queue `queue`."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    job = selectors.job_get(actor, pk)
    try:
        job = services.set_queue(actor, job, request.POST.get("queue", ""))
    except InputError as error:
        messages.error(request, str(error))
    return _after(request, actor, job)


@require_POST
def job_priority(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a waiting job up or down: `by` is added to its priority."""
    actor = actor_of(request)
    job = selectors.job_get(actor, pk)
    by = 1 if request.POST.get("by") == "1" else -1
    return _after(request, actor, services.set_priority(actor, job, max(-1000, min(1000, job.priority + by))))


def _after(request: HttpRequest, actor: Actor, job: Job) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _detail(request, actor, selectors.job_get(actor, job.pk))
    back = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if own else reverse("job-detail", args=[job.pk]))


def _template(request: HttpRequest, name: str) -> str:
    return f"jobs/_{name}.html" if request.headers.get("HX-Request") else f"jobs/{name}.html"


def _crumbs(job: Job) -> list[dict[str, str]]:
    trail = [("Jobs", reverse("jobs"))]
    if job.parent is not None:
        trail.append((job.parent.name or job.parent.uid, reverse("job-detail", args=[job.parent.pk])))
    return crumbs(*trail, (job.uid, ""))


def _page_of_artefact(uid: str) -> str:
    """The page of `dataset-3`, "" if things of its kind have none."""
    kind, _, number = uid.rpartition("-")
    try:
        return reverse(f"{kind}-detail", args=[int(number)])
    except (NoReverseMatch, ValueError):
        return ""


def _command(job: Job) -> str:
    """The same job for the command line; empty for one that a program elsewhere starts."""
    if job.queue == CLIENT_QUEUE:
        return ""
    config = shlex.quote(json.dumps(job.config, ensure_ascii=False))
    return f"echo {config} | python manage.py chimera run {job.kind} --config - --wait --json"


def _kind_or_404(name: str) -> JobKind:
    try:
        kind = get_kind(name)
    except InputError as error:
        raise Http404(str(error)) from error
    if kind.of_client:
        raise Http404(f"a job of kind {name} is started by its own program")
    return kind


def _form(actor: Actor, kind: JobKind, data: Any = None, initial: dict[str, Any] | None = None) -> ConfigForm:
    def ref_choices(ref_kind: str) -> list[tuple[str, str]]:
        return [(row.uid, f"{row.label} ({row.uid})") for row in refs.choices(actor.project, ref_kind)[:500]]

    return ConfigForm(kind.config, ref_choices, lambda raw: validate(kind, raw, actor.project), data, initial)


def _initial(request: HttpRequest, actor: Actor, kind: JobKind) -> dict[str, Any]:
    """Values to start from: those of the job `?from=12`, of the JSON object `?config=`, then those of the query string
    for fields of the top level."""
    initial: dict[str, Any] = {}
    copied = request.GET.get("from", "")
    if copied.isdecimal() and len(copied) < 19:
        job = selectors.job_get(actor, int(copied))
        initial = dict(job.config) if job.kind == kind.name else {}
    with suppress(ValueError):
        given = json.loads(request.GET.get("config", ""))
        initial |= given if isinstance(given, dict) else {}
    for name, info in kind.config.model_fields.items():
        if name in request.GET:
            is_list = str(bare(info.annotation)).startswith("list")
            initial[name] = request.GET.getlist(name) if is_list else request.GET[name]
    return initial
