"""The REST door: kinds, jobs, artefacts. A bearer token or a signed-in browser (then with its CSRF token).

`/api/openapi.json` holds one operation per kind of job with the JSON Schema of its config.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Header, NinjaAPI, Status
from ninja.errors import AuthenticationError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import HttpBearer, django_auth
from pydantic.json_schema import models_json_schema

from chimera.errors import InputError, Problem
from chimera.jobs import deletion, selectors, services
from chimera.jobs.describe import (
    ArtefactOut,
    JobOut,
    KindOut,
    ProblemsOut,
    describe_artefact,
    describe_job,
    describe_kind,
)
from chimera.jobs.kinds import all_kinds
from chimera.jobs.models import State
from chimera.jobs.validation import as_json
from chimera.projects.access import Actor
from chimera.projects.services import actor_of_token

REFUSALS = {401: ProblemsOut, 403: ProblemsOut, 404: ProblemsOut, 422: ProblemsOut}
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key")]
_REF = "#/components/schemas/{model}"


class BearerToken(HttpBearer):
    """`Authorization: Bearer chimera_…`; the token names user and project."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        actor = actor_of_token(token)
        if actor is None:
            raise AuthenticationError  # not the next way in: a browser's would speak of cookies
        request.actor = actor  # type: ignore[attr-defined]
        return actor


class JobsAPI(NinjaAPI):
    """Adds one documented operation per kind of job to the schema."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        kinds = [kind for kind in all_kinds() if not kind.of_client]
        chosen, definitions = models_json_schema([(kind.config, "validation") for kind in kinds], ref_template=_REF)
        schema["components"].setdefault("schemas", {}).update(definitions.get("$defs", {}))
        generic = schema["paths"].pop("/api/jobs/{name}")
        schema["paths"]["/api/jobs/{name}"] = {"get": generic["get"]}
        for kind in kinds:
            body = {"application/json": {"schema": chosen[(kind.config, "validation")]}}
            operation = {
                **generic["post"],
                "operationId": f"start_{kind.name.replace('-', '_')}",
                "summary": kind.title,
                "description": kind.summary,
                "parameters": [item for item in generic["post"]["parameters"] if item["in"] != "path"],
                "requestBody": {"content": body, "required": True},
            }
            schema["paths"][f"/api/jobs/{kind.name}"] = {"post": operation}
        return schema


api = JobsAPI(title="Chimera", version="1", docs_url=None, auth=[BearerToken(), django_auth])


@api.get("/kinds", response=list[KindOut], tags=["jobs"])
def list_kinds(request: HttpRequest) -> list[KindOut]:
    """Every kind of job with the JSON Schema of its config."""
    return [describe_kind(kind) for kind in all_kinds()]


@api.post("/jobs/{name}", response={200: JobOut, 201: JobOut, **REFUSALS}, tags=["jobs"])
def start_job(
    request: HttpRequest,
    name: str,
    priority: int = 0,
    idempotency_key: IdempotencyKey = "",
) -> Status[JobOut]:
    """Start a job of kind `name` with the JSON body as its config; the same Idempotency-Key gives the same job."""
    actor = actor_of_call(request)
    job, created = services.start(actor, name, _body(request), key=idempotency_key, priority=priority)
    return Status(201 if created else 200, describe_job(job))


@api.get("/jobs", response=list[JobOut], tags=["jobs"])
def list_jobs(request: HttpRequest, state: str = "", kind: str = "", limit: int = 50, offset: int = 0) -> list[JobOut]:
    """Jobs of the project, newest first. `state` is a state or `active`; `limit` is at most 200."""
    if state not in ("", "active", *State.values):
        raise InputError(Problem(f"unknown state {state!r}", "state", hint=f"active, {', '.join(State.values)}"))
    start, end = max(0, offset), max(0, offset) + min(max(1, limit), 200)
    return [describe_job(job) for job in selectors.jobs_list(actor_of_call(request), state=state, kind=kind)[start:end]]


@api.get("/jobs/{name}", response={200: JobOut, **REFUSALS}, tags=["jobs"])
def get_job(request: HttpRequest, name: str) -> JobOut:
    """One job, by its id (`job-12` or `12`)."""
    return describe_job(selectors.job_get(actor_of_call(request), _number(name)))


@api.post("/jobs/{name}/{verb}", response={200: JobOut, **REFUSALS}, tags=["jobs"])
def control_job(request: HttpRequest, name: str, verb: str) -> JobOut:
    """`pause`, `resume`, `cancel` or `retry` a job."""
    if verb not in services.VERBS:
        raise InputError(Problem(f"unknown verb {verb!r}", "verb", hint=f"one of {', '.join(services.VERBS)}"))
    actor = actor_of_call(request)
    job = selectors.job_get(actor, _number(name))
    return describe_job(services.VERBS[verb](actor, job))


@api.get("/artefacts/{uid}", response={200: ArtefactOut, **REFUSALS}, tags=["artefacts"])
def get_artefact(request: HttpRequest, uid: str) -> ArtefactOut:
    """A stored thing by its uid (`dataset-3`)."""
    return describe_artefact(selectors.artefact_get(actor_of_call(request), uid))


@api.delete("/artefacts/{uid}", response={200: ArtefactOut, **REFUSALS}, tags=["artefacts"])
def delete_artefact(request: HttpRequest, uid: str) -> ArtefactOut:
    """Delete a stored thing: its row and manifest stay, its files go once no project needs them."""
    actor = actor_of_call(request)
    return describe_artefact(deletion.delete(actor, selectors.artefact_get(actor, uid)))


def actor_of_call(request: HttpRequest) -> Actor:
    actor: Actor | None = getattr(request, "actor", None) or None
    if actor is None:
        raise PermissionDenied("you are a member of no project")
    return actor


def _number(name: str) -> int:
    digits = name.removeprefix("job-")
    if not digits.isdecimal() or len(digits) > 18:
        raise Http404(f"{name} is no job")
    return int(digits)


def _body(request: HttpRequest) -> Any:
    try:
        return json.loads(request.body or b"{}")
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise InputError(Problem(f"the body is not JSON: {getattr(error, 'msg', error)}", line=line)) from error


def _refusal(request: HttpRequest, problems: list[Problem], status: int) -> HttpResponse:
    return api.create_response(request, {"problems": as_json(problems)}, status=status)


@api.exception_handler(InputError)
def _wrong_input(request: HttpRequest, error: Any) -> HttpResponse:
    return _refusal(request, error.problems, 422)


@api.exception_handler(PermissionDenied)
def _forbidden(request: HttpRequest, error: Any) -> HttpResponse:
    return _refusal(request, [Problem(str(error))], 403)


@api.exception_handler(Http404)
def _absent(request: HttpRequest, error: Any) -> HttpResponse:
    return _refusal(request, [Problem(str(error))], 404)


@api.exception_handler(AuthenticationError)
def _unknown_user(request: HttpRequest, error: Any) -> HttpResponse:
    hint = "send Authorization: Bearer <token>; manage.py chimera token makes one"
    return _refusal(request, [Problem("who are you?", hint=hint)], 401)


@api.exception_handler(ValidationError)
def _wrong_parameter(request: HttpRequest, error: Any) -> HttpResponse:
    problems = [Problem(item["msg"], ".".join(str(part) for part in item["loc"][1:])) for item in error.errors]
    return _refusal(request, problems, 422)
