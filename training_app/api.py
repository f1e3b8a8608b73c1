"""The REST door of foreign runs: start, points, heartbeat, finish. `chimera.client` is its counterpart."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Status
from pydantic import BaseModel, ValidationError

from chimera.errors import InputError, Problem, problems_of
from chimera.jobs.api import REFUSALS, actor_of_call, api
from chimera.jobs.describe import ProblemsOut
from chimera.jobs.storable import paths_with_nul
from chimera.jobs.validation import as_json
from chimera.typed import Config
from training_app.core.configs_external import (
    LEASE_SECONDS,
    MAX_BODY_BYTES,
    FinishBody,
    HeartbeatBody,
    PointsBody,
    StartBody,
)
from training_app.models import ClientSession, TrainingRun
from training_app.selectors.runs import get_run
from training_app.services import external

B = TypeVar("B", bound=Config)
_REFUSALS = {**REFUSALS, 409: ProblemsOut, 413: ProblemsOut}


class StartedOut(BaseModel):
    """A run that the caller may write: every later call names `session`. `step` is the last one stored."""

    run: str
    url: str
    session: str
    attempt: int
    step: int
    tokens: int
    lease_seconds: float


class HeldOut(BaseModel):
    """The lease lasts again. `control` is `cancel` when a user has cancelled the run, `stop` when an alert rule asks
    that training ends (the run then ends as its program says), else `none`."""

    control: str


class ForeignRunOut(BaseModel):
    """Where a run stands."""

    run: str
    name: str
    source: str
    state: str
    step: int
    tokens: int
    series: int


def _documented(body: type[Config]) -> dict[str, Any]:
    schema = body.model_json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"content": content, "required": True}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its definitions where they are named: an operation has no place of its own for them."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    named = definitions.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"))
    return _inlined(named, definitions) if named else {k: _inlined(v, definitions) for k, v in schema.items()}


@api.post("/runs", response={200: StartedOut, 201: StartedOut, **_REFUSALS}, tags=["runs"],
          openapi_extra=_documented(StartBody))  # fmt: skip
def start_run(request: HttpRequest) -> Status[StartedOut]:
    """Start a run that is trained elsewhere. The same `id` again takes up the same run."""
    client, created = external.start(actor_of_call(request), _body(request, StartBody))
    return Status(201 if created else 200, _started(request, client))


def _started(request: HttpRequest, client: ClientSession) -> StartedOut:
    run = TrainingRun.objects.select_related("job").get(pk=client.run_id)
    page = request.build_absolute_uri(reverse("run-detail", args=[run.pk]))
    return StartedOut(run=run.uid, url=page, session=client.session, attempt=run.job.attempt, step=run.step,
                      tokens=run.tokens, lease_seconds=LEASE_SECONDS)  # fmt: skip


@api.get("/runs/{uid}", response={200: ForeignRunOut, **_REFUSALS}, tags=["runs"])
def show_run(request: HttpRequest, uid: str) -> ForeignRunOut:
    """Where a run stands, whoever trains it."""
    try:
        run = get_run(actor_of_call(request), _number(uid))
    except TrainingRun.DoesNotExist as error:
        raise Http404(f"{uid} does not exist in this project") from error
    return ForeignRunOut(run=run.uid, name=run.name, source=run.source, state=run.job.state, step=run.step,
                         tokens=run.tokens, series=len(run.latest))  # fmt: skip


@api.post("/runs/{uid}/points", response={200: HeldOut, **_REFUSALS}, tags=["runs"],
          openapi_extra=_documented(PointsBody))  # fmt: skip
def append_points(request: HttpRequest, uid: str) -> HeldOut:
    """Append a batch of points and events; the same `seq` again changes nothing."""
    batch = _body(request, PointsBody)
    return HeldOut(control=external.append(actor_of_call(request), _number(uid), batch))


@api.post("/runs/{uid}/heartbeat", response={200: HeldOut, **_REFUSALS}, tags=["runs"],
          openapi_extra=_documented(HeartbeatBody))  # fmt: skip
def beat(request: HttpRequest, uid: str) -> HeldOut:
    """Say that the program is alive although it has nothing to log."""
    said = _body(request, HeartbeatBody)
    return HeldOut(control=external.heartbeat(actor_of_call(request), _number(uid), said.session))


@api.post("/runs/{uid}/finish", response={200: ForeignRunOut, **_REFUSALS}, tags=["runs"],
          openapi_extra=_documented(FinishBody))  # fmt: skip
def finish_run(request: HttpRequest, uid: str) -> ForeignRunOut:
    """End the run as succeeded or failed."""
    said = _body(request, FinishBody)
    external.finish(actor_of_call(request), _number(uid), said)
    return show_run(request, uid)


class TooLarge(Exception):
    """The body of a call is over the bound."""


def _body(request: HttpRequest, model: type[B]) -> B:
    """The call's body.

    Raises:
        TooLarge: more than `MAX_BODY_BYTES`.
        InputError: no JSON, or not what `model` says; names line or field.
    """
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES or len(request.body) > MAX_BODY_BYTES:
        raise TooLarge
    try:
        raw = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputError(Problem(f"the body is not JSON: {getattr(error, 'msg', error)}", line=line)) from error
    if unstorable := list(paths_with_nul(raw)):
        raise InputError([Problem("Null characters are not allowed.", field=path) for path in unstorable])
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error)[:20]) from error


def _number(uid: str) -> int:
    digits = uid.removeprefix("run-")
    if not digits.isdecimal() or len(digits) > 18:
        raise Http404(f"{uid} is no run")
    return int(digits)


@api.exception_handler(external.Conflict)
def _conflict(request: HttpRequest, error: Any) -> HttpResponse:
    return api.create_response(request, {"problems": as_json([error.problem])}, status=409)


@api.exception_handler(TooLarge)
def _too_large(request: HttpRequest, error: Any) -> HttpResponse:
    problem = Problem(f"a call has at most {MAX_BODY_BYTES:,} bytes", hint="send smaller batches")
    return api.create_response(request, {"problems": as_json([problem])}, status=413)


@api.exception_handler(TrainingRun.DoesNotExist)
def _no_run(request: HttpRequest, error: Any) -> HttpResponse:
    return api.create_response(request, {"problems": as_json([Problem("no such run in this project")])}, status=404)
