"""The REST door of curricula: list, show, take away as YAML, save."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Status
from pydantic import BaseModel

from chimera.errors import InputError, Problem
from chimera.jobs.api import REFUSALS, actor_of_call, api
from curriculum_app.core import curriculum_file
from curriculum_app.selectors import curricula as selectors
from curriculum_app.services.curricula import curriculum_import, curriculum_save

YAML = ("application/yaml", "application/x-yaml", "text/yaml")


class CurriculumOut(BaseModel):
    """A saved version. `policy` is `{"key", "config"}`; `created` is false where an equal one was there."""

    uid: str
    label: str
    name: str
    version: int
    fingerprint: str
    policy: dict[str, Any]
    parent: str | None
    sequences: str | None
    budget_tokens: int | None
    created_by: str
    created_at: str
    created: bool = False


@api.get("/curricula", response=list[CurriculumOut], tags=["curricula"])
def list_curricula(request: HttpRequest, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """Curricula of the project, newest first; `limit` is at most 200."""
    start = max(0, offset)
    rows = selectors.curricula(actor_of_call(request))[start : start + min(max(1, limit), 200)]
    return [selectors.described(row) for row in rows]


@api.get("/curricula/{name}", response={200: CurriculumOut, **REFUSALS}, tags=["curricula"])
def get_curriculum(request: HttpRequest, name: str) -> dict[str, Any]:
    """One version, by its id (`curriculum-3`) or its label (`mix:v2`)."""
    return selectors.described(selectors.curriculum_named(actor_of_call(request), name))


@api.get("/curricula/{name}/yaml", tags=["curricula"])
def export_curriculum(request: HttpRequest, name: str) -> HttpResponse:
    """The same as a YAML file that every door reads."""
    row = selectors.curriculum_named(actor_of_call(request), name)
    text = curriculum_file.exported(row.name, row.policy, row.config, row.budget_tokens)
    return HttpResponse(text, content_type="application/yaml; charset=utf-8")


@api.post("/curricula", response={200: CurriculumOut, 201: CurriculumOut, **REFUSALS}, tags=["curricula"])
def save_curriculum(request: HttpRequest, parent: str = "", seen: str | None = None) -> Status[dict[str, Any]]:
    """Save the next version of a curriculum: JSON, or YAML with `Content-Type: application/yaml`.

    `parent` is what it was made from. `seen` is the newest version that you know (`mix:v3`): when another has come
    meanwhile nothing is saved. 200: an equal one is there already.
    """
    actor = actor_of_call(request)
    if request.content_type in YAML:
        row, created = curriculum_import(actor, curriculum_file.read(request.body, "body"))
    else:
        made_from = selectors.curriculum_named(actor, parent) if parent else None
        row, created = curriculum_save(actor, _json(request), parent=made_from, seen=seen)
    return Status(201 if created else 200, {**selectors.described(row), "created": created})


def _json(request: HttpRequest) -> Any:
    if len(request.body) > curriculum_file.MAX_BYTES:
        raise InputError(Problem(f"the body is larger than {curriculum_file.MAX_BYTES:,} bytes"))
    try:
        return json.loads(request.body or b"{}")
    except ValueError as error:
        raise InputError(Problem(f"the body is not JSON: {error}", line=getattr(error, "lineno", None))) from error
