"""The recipe workbench: measure the rules of recipes on a sample, drag their cuts, curate with them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError
from chimera.jobs import refs
from chimera.jobs import selectors as job_selectors
from chimera.jobs import services as jobs
from chimera.jobs.kinds import get_kind, page_of
from chimera.jobs.models import new_idempotency_key
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.core import rule_sample as core
from curriculum_app.models import DatasetVersion, RuleSample
from curriculum_app.selectors import datasets, rules

KIND = "sample-rules"
MOST_EXAMPLES = 24


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The workbench of the newest raw version; without one, the page of the data, which says what to do."""
    actor = actor_of(request)
    newest = datasets.versions(actor, DatasetVersion.Stage.RAW).filter(deleted_at=None).first()
    return redirect("dataset-rules", pk=newest.pk) if newest is not None else redirect("data")


@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose versions and recipes and measure their rules; `?job=` shows the progress, `?start=` a recipe."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    if request.GET.get("job", "").isdecimal():
        return _progress(request, actor, version, int(request.GET["job"][:18]))
    if not actor.can_edit:
        return _setup_page(request, actor, version, None)
    if request.method == "GET":
        start = {"datasets": [version.uid], **rules.start_recipes(actor, request.GET.get("start", ""))}
        return _setup_page(request, actor, version, _form(actor, initial=start))
    if "edit" in request.POST:  # from the workbench: the same recipes, with other filters
        return _setup_page(request, actor, version, _form(actor, initial=_posted_recipes(request)))
    form = _form(actor, data=request.POST)
    if form.is_valid():
        try:
            job, _ = jobs.start(actor, KIND, form.raw(), key=request.POST.get("idempotency_key", ""))
        except InputError as error:
            form.add_problems(error.problems)
        else:
            return redirect(page_of(job))
    return _setup_page(request, actor, version, form)


def _setup_page(request: HttpRequest, actor: Actor, version: DatasetVersion, form: ConfigForm | None) -> HttpResponse:
    context = {
        "version": version,
        "form": form,
        "idempotency_key": request.POST.get("idempotency_key") or new_idempotency_key(),
        "samples": rules.samples_of(version),
        "starts": rules.starts(actor),
        "start": request.GET.get("start", ""),
        "crumbs": _crumbs(version, "recipe workbench"),
    }
    status = 422 if form is not None and form.is_bound and form.errors else 200
    return render(request, "curriculum/rules_setup.html", context, status=status)


def _progress(request: HttpRequest, actor: Actor, version: DatasetVersion, number: int) -> HttpResponse:
    """How far the measuring is; when it has ended, the browser goes to the workbench."""
    job = job_selectors.job_get(actor, number)
    if job.kind != KIND:
        raise Http404("this job measures no rules")
    htmx = bool(request.headers.get("HX-Request"))
    if job.artifacts.get("rule-sample"):
        return HttpResponse(headers={"HX-Redirect": page_of(job)}) if htmx else redirect(page_of(job))
    context = {"version": version, "job": job, "crumbs": _crumbs(version, "measuring")}
    return render(request, "curriculum/_rules_progress.html" if htmx else "curriculum/rules_progress.html", context)


@require_GET
def workbench(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules of a sample as cards with cuts to drag. The cuts stand in the address, so it can be shared."""
    actor = actor_of(request)
    sample = rules.sample_get(actor, pk)
    versions = list(sample.datasets.order_by("pk"))
    context = {
        "sample": sample,
        "versions": versions,
        "here": rules.opened(sample) is not None,
        "can_edit": actor.can_edit,
        "idempotency_key": new_idempotency_key(),
        "crumbs": _crumbs(versions[0] if versions else None, sample.label),
    }
    return render(request, "curriculum/rules.html", context)


@require_GET
def rules_data(request: HttpRequest, pk: int) -> JsonResponse:
    """All statistics of a sample, from which the page counts."""
    sample, found = _opened(request, pk)
    said = {"datasets": [row.uid for row in sample.datasets.order_by("pk")], "finals": found.manifest["final_filters"]}
    return JsonResponse({**said, "domains": rules.rules_json(found)})


@require_GET
def examples(request: HttpRequest, pk: int) -> HttpResponse:
    """The beginnings of some documents, `?document=` each, with the passages of rule `reason` of filter `step`."""
    sample, found = _opened(request, pk)
    numbers = [_number(value) for value in request.GET.getlist("document")[:MOST_EXAMPLES]]
    step, reason = _number(request.GET.get("step", "")), request.GET.get("reason", "")
    try:
        shown = rules.marked(found, numbers, step, reason, short=True)
    except KeyError as error:
        raise Http404("no such document or filter in this sample") from error
    said = [
        {"document": item.number, "title": item.document.title or item.document.id, "pieces": item.pieces}
        for item in shown
    ]
    return JsonResponse({"sample": sample.pk, "examples": said})


@require_GET
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """A dialog with a whole document as it came into filter `step`, with the passages of rule `reason`."""
    sample, found = _opened(request, pk)
    number, step = _number(request.GET.get("document", "")), _number(request.GET.get("step", ""))
    try:
        shown = rules.marked(found, [number], step, request.GET.get("reason", ""), short=False)[0]
    except KeyError as error:
        raise Http404("no such document or filter in this sample") from error
    return render(request, "curriculum/_rules_document.html", {"sample": sample, "shown": shown})


@require_GET
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """What filter `step` did to a document."""
    _, found = _opened(request, pk)
    number, step = _number(request.GET.get("document", "")), _number(request.GET.get("step", ""))
    try:
        before, after, pieces = rules.change(found, number, step)
    except KeyError as error:
        raise Http404("no such document or filter in this sample") from error
    return render(request, "curriculum/_rules_change.html", {"before": before, "after": after, "pieces": pieces})


@require_POST
def curate(request: HttpRequest, pk: int) -> HttpResponse:
    """Start the job `curate` on the versions of a sample with the recipes that the page holds."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    sample = rules.sample_get(actor, pk)
    config = {"name": request.POST.get("name", ""), **_posted_recipes(request)}
    try:
        job, _ = jobs.start(actor, "curate", config, key=request.POST.get("idempotency_key", ""))
    except InputError as error:
        messages.error(request, str(error))
        return redirect("rule-sample-detail", pk=sample.pk)
    return redirect("job-detail", pk=job.pk)


def _posted_recipes(request: HttpRequest) -> dict[str, Any]:
    """The part of a config that the workbench posts as JSON; empty if it is none."""
    try:
        said = json.loads(request.POST.get("config", ""))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _opened(request: HttpRequest, pk: int) -> tuple[RuleSample, core.RuleSample]:
    sample = rules.sample_get(actor_of(request), pk)
    found = rules.opened(sample)
    if found is None:
        raise Http404(f"the files of {sample} are not on this machine")
    return sample, found


def _number(value: str) -> int:
    if not value.isdecimal() or len(value) > 9:
        raise Http404("a number is missing in the address")
    return int(value)


def _form(actor: Actor, data: Any = None, initial: dict[str, Any] | None = None) -> ConfigForm:
    kind = get_kind(KIND)

    def ref_choices(ref_kind: str) -> list[tuple[str, str]]:
        return [(row.uid, f"{row.label} ({row.uid})") for row in refs.choices(actor.project, ref_kind)[:500]]

    return ConfigForm(kind.config, ref_choices, lambda raw: validate(kind, raw, actor.project), data, initial)


def _crumbs(version: DatasetVersion | None, title: str) -> list[dict[str, str]]:
    trail = [("Data", reverse("data"))]
    if version is not None:
        trail.append((version.label, reverse("dataset-detail", args=[version.pk])))
    return crumbs(*trail, (title, ""))
