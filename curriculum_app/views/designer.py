"""The designer: a curriculum drawn or filled in, checked while it is made, saved as a version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.errors import InputError, Problem
from chimera.jobs import refs
from chimera.jobs.validation import as_json, validate_as
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.core import curriculum_file
from curriculum_app.core.curriculum_draft import CurriculumDraft
from curriculum_app.core.curriculum_templates import TEMPLATES, offered
from curriculum_app.design_form import DRAWN, SETTINGS, DesignForm, settings_beside
from curriculum_app.models import Curriculum
from curriculum_app.selectors import curricula as selectors
from curriculum_app.selectors import designs
from curriculum_app.services.curricula import curriculum_save


@require_http_methods(["GET", "POST"])
def design(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """A new curriculum, from `?template=`, `?policy=` and `?sequences=`, or what comes after the curriculum `pk`."""
    actor = actor_of(request)
    row = selectors.curriculum_get(actor, pk) if pk else None
    if request.method == "GET":
        return _page(request, actor, row, _form(actor, initial=_initial(request, actor, row)))
    actor.require(Role.EDITOR)
    form = _form(actor, data=request.POST)
    if "_refresh" in request.POST:
        form.full_clean()
        form.errors.clear()  # the user is still choosing
        form.problems.clear()
        return _page(request, actor, row, form)
    if form.is_valid():
        try:
            saved, new = curriculum_save(actor, form.raw(), parent=row, seen=request.POST.get("_seen"))
        except InputError as error:
            form.add_problems(error.problems)
        else:
            messages.success(request, f"{saved.label} is saved." if new else f"This is {saved.label}: nothing differs.")
            return redirect("curriculum-detail", pk=saved.pk)
    return _page(request, actor, row, form)


@require_POST
def check(request: HttpRequest) -> JsonResponse:
    """`problems` of what stands in the form, or the `preview` of its mixture and the `config` of a schedule of it."""
    actor = actor_of(request)
    data = request.POST.copy()
    data["name"] = data.get("name", "").strip() or "draft"  # without a name yet it is judged all the same
    form = _form(actor, data=data)
    form.full_clean()
    if form.errors:
        unread = [Problem(str(text), name) for name, texts in form.errors.items() for text in texts]
        return JsonResponse({"problems": as_json(form.problems or unread), "preview": None})
    try:
        draft = validate_as(CurriculumDraft, form.raw(), actor.project)
        found = designs.preview(actor.project, draft)
    except InputError as error:
        return JsonResponse({"problems": as_json(error.problems), "preview": None})
    config = {name: value for name, value in draft.as_json().items() if value is not None}
    return JsonResponse({"problems": [], "preview": found.as_json() if found else None, "config": config})


@require_POST
def read_file(request: HttpRequest) -> HttpResponse:
    """A YAML file opened in the designer; it is saved there."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise InputError(Problem("choose a YAML file", "file"))
        read = curriculum_file.read(file.read(curriculum_file.MAX_BYTES + 1), file.name or "file")
        try:
            draft = validate_as(CurriculumDraft, read.value, actor.project)
        except InputError as error:
            raise InputError(read.located(error.problems)) from error
    except InputError as error:
        return render(request, "curriculum/design_start.html", _start(actor, error.problems), status=422)
    messages.info(request, f"Read from {file.name}; it is not saved yet." if file else "")
    initial = {**_data_initial(request, actor), **draft.as_json()}
    return _page(request, actor, None, _form(actor, initial={key: value for key, value in initial.items() if value}))


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """What to begin from: an empty drawing, a template, any policy, a file."""
    return render(request, "curriculum/design_start.html", _start(actor_of(request), []))


def _start(actor: Actor, problems: list[Problem]) -> dict[str, Any]:
    return {
        "templates": offered(),
        "problems": problems,
        "can_edit": actor.can_edit,
        "crumbs": crumbs(("Curricula", reverse("curricula")), ("new", "")),
    }


@require_GET
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """A saved curriculum as a YAML file."""
    row = selectors.curriculum_get(actor_of(request), pk)
    text = curriculum_file.exported(row.name, row.policy, row.config, row.budget_tokens)
    name = f"{row.uid}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)


def _form(actor: Actor, data: Any = None, initial: dict[str, Any] | None = None) -> DesignForm:
    def ref_choices(kind: str) -> list[tuple[str, str]]:
        return [(row.uid, row.label) for row in refs.choices(actor.project, kind)[:500]]

    form = DesignForm(
        CurriculumDraft, ref_choices, lambda raw: validate_as(CurriculumDraft, raw, actor.project), data, initial
    )
    refresh = {"hx-post": "", "hx-trigger": "change", "hx-target": "closest form", "hx-swap": "outerHTML"}
    form.fields["policy.key"].label = "Policy"
    form.fields["sequences"].widget.attrs |= {**refresh, "hx-vals": '{"_refresh": "1"}'}
    return form


def _initial(request: HttpRequest, actor: Actor, row: Curriculum | None) -> dict[str, Any]:
    if row is not None:
        saved: dict[str, Any] = {"name": row.name, "policy": {"key": row.policy, "config": row.config}}
        facts = {"sequences": f"sequences-{row.sequence_set_id}" if row.sequence_set_id else None}
        return {**_data_initial(request, actor), **_given({**saved, **facts, "budget_tokens": row.budget_tokens})}
    initial = {**_data_initial(request, actor), "policy": {"key": request.GET.get("policy") or DRAWN}}
    key = request.GET.get("template", "")
    if not key:
        return initial
    if key not in TEMPLATES:
        raise Http404(f"there is no template {key!r}")
    template, sequences = TEMPLATES[key], designs.sequence_set(actor, initial.get("sequences", ""))
    policy = {"key": template.policy, "config": template.settings(sequences.manifest if sequences else {})}
    return {**initial, "name": template.title, "policy": policy}


def _data_initial(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """The sequences to design on: those of `?sequences=`, else the newest; and room to choose among them."""
    chosen = designs.sequence_set(actor, request.GET.get("sequences", ""))
    if chosen is None:
        return {}
    unit = chosen.manifest.get("sequence_length") or 1
    return {"sequences": chosen.uid, "budget_tokens": max(chosen.tokens // 2 // unit, 1) * unit}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _page(request: HttpRequest, actor: Actor, row: Curriculum | None, form: DesignForm) -> HttpResponse:
    chosen = designs.sequence_set(actor, str(form["sequences"].value() or ""))
    newest = selectors.versions_of(row)[0] if row else None
    drawn = form.policy == DRAWN
    data: dict[str, Any] = {"groupings": {}, "tokens": 0, "sequence_length": 8}
    data |= designs.data_of(chosen) if chosen else {}
    context = {
        "row": row,
        "newest": newest,
        "form": form,
        "head": [form[name] for name in ("name", "sequences", "budget_tokens", "policy.key")],
        "sections": [section for section in form.sections() if section.names[0].startswith("policy")],
        "area": form[SETTINGS] if drawn else None,
        "drawn": drawn,
        "beside": settings_beside() if drawn else [],
        "groupings": list(data["groupings"]),
        "data": {**data, "problems": as_json(form.problems), "fresh": row is None},
        "chosen": chosen,
        "seen": newest.label if newest else "",
        "next": f"v{newest.version + 1}" if newest else "",
        "can_edit": actor.can_edit,
        "scripts": [f"js/designer{part}.js" for part in ("_model", "_frame", "_mix", "_lanes", "_tables", "")],
        "crumbs": crumbs(
            ("Curricula", reverse("curricula")),
            *([(row.label, reverse("curriculum-detail", args=[row.pk]))] if row else []),
            ("design", ""),
        ),
    }
    part = bool(request.headers.get("HX-Request"))
    status = 422 if form.is_bound and form.errors and not part else 200
    return render(request, f"curriculum/{'_design' if part else 'design'}.html", context, status=status)
