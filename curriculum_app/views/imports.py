"""Import in the browser: choose what to read, look at its first records, say what they mean, import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from chimera.errors import InputError, Problem
from chimera.jobs import selectors as job_selectors
from chimera.jobs import services as jobs
from chimera.jobs.models import Job, State, new_idempotency_key
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app import mapping_rows
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.readers.guess import guess, guess_content
from curriculum_app.core.readers.preview import Sample, keys_of
from curriculum_app.forms import ImportForm, SourceForm, add_problems
from curriculum_app.selectors import mappings as selectors
from curriculum_app.selectors import previews
from curriculum_app.services import imports as services
from curriculum_app.services import mappings as mapping_services

_DOMAINS = {"text": "text", "html": "web", "code": "code"}  # what a domain is called until somebody says better


@dataclass
class _Editor:
    """What stands in the form: the rows of the mapping and the rest."""

    rows: list[mapping_rows.Row]
    form: ImportForm


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Choose a file or name a path; two clicks on the button give one preview."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    named = {name: request.GET[name] for name in ("path", "format") if name in request.GET}
    sent = request.method == "POST"
    form = SourceForm(request.POST if sent else None, request.FILES if sent else None, initial=named)
    key = request.POST.get("idempotency_key", "")
    if sent and form.is_valid():
        said = form.cleaned_data
        try:
            job = services.preview_start(actor, said["file"], said["path"], said["format"] or "auto", key)
        except InputError as error:
            add_problems(form, error)
        else:
            return redirect("import-preview", pk=job.pk)
    context = {
        "form": form,
        "key": key or new_idempotency_key(),
        "limit": settings.MAX_UPLOAD_BYTES,
        "saved": selectors.mappings(actor),
        "crumbs": crumbs(("Data", reverse("data")), ("Import", "")),
    }
    return render(request, "curriculum/import.html", context)


@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The first records and the mapping; every change shows at once what it gives, the button imports."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    job = job_selectors.job_get(actor, pk)
    if job.kind != "preview":
        raise Http404(f"{job.uid} is no preview")
    if job.state != State.SUCCEEDED:
        return _waiting(request, job)
    if request.method == "GET" and request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Refresh": "true"})  # it has arrived while the page waited
    sample = Sample.from_text(job.summary["sample"])
    if request.method == "GET":
        return _page(request, actor, job, sample, _begin(job, sample))
    return _posted(request, actor, job, sample)


@require_POST
def mapping_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a saved mapping."""
    actor = actor_of(request)
    row = selectors.mapping_get(actor, pk)
    mapping_services.mapping_delete(actor, row)
    messages.success(request, f"The mapping {row.name} is deleted.")
    return redirect("dataset-upload")


def _waiting(request: HttpRequest, job: Job) -> HttpResponse:
    template = "_import_waiting" if request.headers.get("HX-Request") else "import_waiting"
    trail = crumbs(("Data", reverse("data")), ("Import", reverse("dataset-upload")), (job.uid, ""))
    served = job_selectors.queue_is_served(job.queue)
    context = {"job": job, "ahead": job_selectors.ahead_in_queue(job), "served": served, "crumbs": trail}
    return render(request, f"curriculum/{template}.html", context)


def _begin(job: Job, sample: Sample) -> _Editor:
    """The form as it opens: guessed from names and values."""
    mapping = guess(sample)
    first = {"name": PurePath(job.config["path"]).name.partition(".")[0][:200]}
    first["content"] = guess_content(sample, mapping.get("text", ""))
    first["domain"] = _DOMAINS[first["content"]]
    return _Editor(mapping_rows.rows_from(mapping), ImportForm(initial=first))


def _posted(request: HttpRequest, actor: Actor, job: Job, sample: Sample) -> HttpResponse:
    action = request.POST.get("action", "")
    editor = _Editor(mapping_rows.with_spare(mapping_rows.rows_posted(request.POST)), ImportForm(request.POST))
    if action == "use":
        return _page(request, actor, job, sample, _saved(request, actor))
    if action == "save":
        _save(request, actor, job, editor)
    if action == "import":
        try:
            raw = _raw(job, editor)
            made, _ = jobs.start(actor, "import", raw, key=request.POST.get("idempotency_key", ""))
        except InputError as error:
            add_problems(editor.form, error)
        else:
            return redirect("job-detail", pk=made.pk)
    return _page(request, actor, job, sample, editor)


def _saved(request: HttpRequest, actor: Actor) -> _Editor:
    """The form with a saved mapping in it; the name of the version stays what it was."""
    asked = request.POST.get("saved", "")
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404("choose a saved mapping")
    row = selectors.mapping_get(actor, int(asked))
    kept = {name: request.POST.get(name, "") for name in ("name", "max_bad_fraction")}
    return _Editor(mapping_rows.rows_from(row.mapping), ImportForm(initial={**row.defaults, **kept}))


def _save(request: HttpRequest, actor: Actor, job: Job, editor: _Editor) -> None:
    try:
        config = _config(actor, job, editor)
        row = mapping_services.mapping_save(actor, request.POST.get("save_as", ""), config)
    except InputError as error:
        add_problems(editor.form, error)
    else:
        messages.success(request, f"The mapping is saved as {row.name}.")


def _raw(job: Job, editor: _Editor) -> dict[str, Any]:
    """The raw config of the import that the form describes."""
    bound = editor.form.is_bound and editor.form.is_valid()
    said = editor.form.said() if bound else {**editor.form.initial}
    return {**said, **job.config, "mapping": mapping_rows.mapping_of(editor.rows)}


def _config(actor: Actor, job: Job, editor: _Editor) -> ImportConfig:
    """The config as far as the preview needs it: the version may still be without a name."""
    raw = _raw(job, editor)
    config = validate("import", {**raw, "name": raw.get("name") or "preview"}, actor.project)
    assert isinstance(config, ImportConfig)
    return config


def _page(request: HttpRequest, actor: Actor, job: Job, sample: Sample, editor: _Editor) -> HttpResponse:
    """The page, or what htmx asked for: the records as this mapping makes them."""
    keys = keys_of(sample)
    problems: list[Problem] = []
    config: ImportConfig | None = None
    try:
        config = _config(actor, job, editor)
    except InputError as error:
        problems = error.problems
    result = {
        "job": job,
        "sample": sample,
        "problems": problems,
        "table": previews.table(sample, keys, config) if config else None,
        "used": previews.used_keys(keys, config.mapping if config else {}),
    }
    if request.headers.get("HX-Request"):
        return render(request, "curriculum/_import_result.html", result)
    context = {
        "rows": editor.rows,
        "form": editor.form,
        "choices": mapping_rows.choices(keys, editor.rows),
        "casts": mapping_rows.CASTS.items(),
        "saved": selectors.mappings(actor),
        "save_as": request.POST.get("save_as", ""),
        "key": request.POST.get("idempotency_key") or new_idempotency_key(),
        "crumbs": crumbs(("Data", reverse("data")), ("Import", reverse("dataset-upload")), (job.uid, "")),
    }
    return render(request, "curriculum/import_preview.html", context | result)
