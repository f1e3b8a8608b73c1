"""Dry runs: what a schedule or a draft of one would show, before anything is trained."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError, Problem
from chimera.jobs.models import new_idempotency_key
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.core.configs_dry_run import DryRunScheduleConfig
from curriculum_app.models import Schedule
from curriculum_app.selectors import curricula, dry_runs
from curriculum_app.selectors.dry_runs import DryRun
from curriculum_app.services import dry_runs as services


@require_http_methods(["GET", "POST"])
def of_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest dry run of a schedule, and the bounds to run it with again."""
    actor = actor_of(request)
    row = curricula.schedule_get(actor, pk)
    newest = dry_runs.newest_of(actor, row)
    if request.method == "GET":
        return _schedule_page(request, actor, row, newest, None)
    form = _form(actor, row, request.POST, None)
    if form.is_valid():
        try:
            services.schedule_start(actor, row, form.raw()["bounds"], request.POST.get("idempotency_key", ""))
        except InputError as error:
            form.add_problems(error.problems)
        else:
            return redirect("schedule-dry-run", pk=pk)
    return _schedule_page(request, actor, row, newest, form)


def _schedule_page(
    request: HttpRequest, actor: Actor, row: Schedule, newest: DryRun | None, form: ConfigForm | None
) -> HttpResponse:
    bounds = newest.job.config.get("bounds", []) if newest else []
    shown = form or (_form(actor, row, None, {"schedule": row.uid, "bounds": bounds}) if actor.can_edit else None)
    context = {
        "schedule": row,
        "bounds": shown["bounds"] if shown else None,
        "idempotency_key": new_idempotency_key(),
        "crumbs": crumbs(
            ("Curricula", reverse("curricula")),
            (row.curriculum.label, reverse("curriculum-detail", args=[row.curriculum_id])),
            (f"seed {row.seed}", reverse("schedule-detail", args=[row.pk])),
            ("dry run", ""),
        ),
        **(_context(newest) if newest else {}),
    }
    status = 422 if form is not None else 200
    return render(request, "curriculum/dry_run.html", context, status=status)


def _form(actor: Actor, row: Schedule, data: Any, initial: dict[str, Any] | None) -> ConfigForm:
    """The form of the bounds; the schedule is that of the address."""
    if data is not None:
        data = data.copy()
        data["schedule"] = row.uid

    def check(raw: Any) -> Any:
        return validate(dry_runs.OF_SCHEDULE, raw, actor.project)

    return ConfigForm(DryRunScheduleConfig, lambda kind: [(row.uid, row.label)], check, data, initial)


@require_GET
def dry_run(request: HttpRequest, pk: int) -> HttpResponse:
    """A dry run: its progress, then its report. To htmx the part alone, to `Accept: application/json` as data."""
    found = dry_runs.dry_run_get(actor_of(request), pk)
    if request.headers.get("HX-Request"):
        return render(request, "curriculum/_dry_run_live.html", _context(found))
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(_data(found))
    trail = [("Curricula", reverse("curricula"))]
    if found.schedule is not None:
        trail.append((found.schedule.label, reverse("schedule-detail", args=[found.schedule.pk])))
    context = _context(found) | {"crumbs": crumbs(*trail, ("dry run", ""))}
    return render(request, "curriculum/dry_run.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Dry-run the config of a schedule that is not made: JSON as the body or as the field `config`, with `bounds` if
    wanted. Answers htmx with the progress, which goes on by itself to the report, and a JSON body with where to ask.
    """
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    as_data = request.content_type == "application/json"
    try:
        job = services.draft_start(actor, _posted(request), request.POST.get("idempotency_key", ""))
    except InputError as error:
        problems = [problem.as_json() for problem in error.problems]
        if as_data:
            return JsonResponse({"problems": problems}, status=422)
        status = 200 if request.headers.get("HX-Request") else 422  # htmx swaps nothing in on an error
        return render(request, "curriculum/_dry_run_refused.html", {"problems": problems}, status=status)
    found = dry_runs.dry_run_get(actor, job.pk)
    if as_data:
        return JsonResponse(_data(found), status=201)
    if request.headers.get("HX-Request"):
        return render(request, "curriculum/_dry_run_live.html", _context(found))
    return redirect("dry-run-detail", pk=job.pk)


@require_POST
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the schedule that the dry run of a draft looked at."""
    actor = actor_of(request)
    found = dry_runs.dry_run_get(actor, pk)
    if found.schedule is not None:
        raise Http404("this schedule is made already")
    try:
        return redirect("job-detail", pk=services.schedule_make(actor, found.job).pk)
    except InputError as error:
        messages.error(request, str(error))
        return redirect("dry-run-detail", pk=pk)


def _posted(request: HttpRequest) -> Any:
    body = request.body if request.content_type == "application/json" else request.POST.get("config", "")
    try:
        return json.loads(body)
    except ValueError as error:
        raise InputError(
            Problem(f"this is no JSON: {error}", "config", hint="send the config of a schedule")
        ) from error


def _data(found: DryRun) -> dict[str, Any]:
    job = found.job
    return {
        "job": job.uid,
        "state": job.state,
        "url": reverse("dry-run-detail", args=[job.pk]),
        "problems": job.problems,
        "report": found.report,
    }


def _context(found: DryRun) -> dict[str, Any]:
    return {"found": found, "job": found.job, **dry_runs.drawn(found)}
