"""New study: templates to begin with, filled in and handed to the form of a study."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.errors import InputError, Problem
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from eval_app.core.study_templates import TEMPLATES
from eval_app.selectors import study_templates as selectors


@require_GET
def study_new(request: HttpRequest, problems: list[Problem] | None = None, chosen: str = "") -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    sequences = selectors.sequences_for_studies(actor)
    context = {
        "templates": list(TEMPLATES.values()),
        "sequences": sequences,
        "groupings": selectors.groupings_of(sequences),
        "problems": problems or [],
        "chosen": chosen,
        "crumbs": crumbs(("Studies", reverse("studies")), ("New study", "")),
    }
    return render(request, "eval/study_new.html", context, status=422 if problems else 200)


@require_GET
def study_from_template(request: HttpRequest, key: str) -> HttpResponse:
    """The form of a study with the template's config in it: nothing is started yet."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    if key not in TEMPLATES:
        raise Http404(f"there is no template {key}")
    try:
        config = TEMPLATES[key].build(selectors.chosen(actor, request.GET))
    except InputError as error:
        return study_new(request, problems=error.problems, chosen=key)
    return redirect(f"{reverse('job-new', args=['study'])}?{urlencode({'config': json.dumps(config)})}")
