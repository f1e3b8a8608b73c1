"""The REST door: who may, what is said when something is wrong, and a schema that names every kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from chimera.jobs import services
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Membership
from chimera.projects.services import create_token
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

pytestmark = pytest.mark.django_db


class Api:
    """A client with a bearer token."""

    def __init__(self, actor: Actor) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {create_token(actor, 'test')[1]}"})

    def get(self, path: str, status: int = 200) -> Any:
        response = self.client.get(f"/api{path}")
        assert response.status_code == status, response.content
        return response.json()

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        response = self.client.post(f"/api{path}", body or {}, content_type="application/json", headers=headers)
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def api(editor: Actor) -> Api:
    return Api(editor)


def test_a_job_is_started_read_and_controlled(api: Api, editor: Actor) -> None:
    made = api.post("/jobs/t-count", {"steps": 5}, 201)
    assert (made["status"], made["config"]["steps"], made["created_by"]) == ("queued", 5, "edgar")
    assert api.get(f"/jobs/{made['job']}") == made
    assert api.post(f"/jobs/{made['job']}/pause")["status"] == "paused"
    assert [job["job"] for job in api.get("/jobs?state=paused")] == [made["job"]]
    assert api.get("/jobs?state=failed") == []


def test_the_same_idempotency_key_gives_the_same_job(api: Api) -> None:
    first = api.post("/jobs/t-count", {}, 201, **{"Idempotency-Key": "k"})
    again = api.post("/jobs/t-count", {}, 200, **{"Idempotency-Key": "k"})
    assert first["job"] == again["job"]
    assert (
        "another config"
        in api.post("/jobs/t-count", {"steps": 1}, 422, **{"Idempotency-Key": "k"})["problems"][0]["message"]
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "field", "said"),
    [
        ("/jobs/t-count", {"steps": 0}, 422, "steps", "greater than or equal to 1"),
        ("/jobs/t-count", {"stps": 1}, 422, "stps", "Extra inputs"),
        ("/jobs/t-cuont", {}, 422, "kind", "unknown job kind"),
        ("/jobs/t-count", [1], 422, "", "must be a JSON object, not list"),
        ("/jobs/t-count", "{", 422, "", "the body is not JSON"),
        ("/jobs/t-count?priority=high", {}, 422, "priority", "valid integer"),
        ("/jobs/job-1/explode", {}, 422, "verb", "unknown verb"),
        ("/jobs/job-999999/pause", {}, 404, "", "does not exist"),
        ("/jobs/job-x/pause", {}, 404, "", "is no job"),
    ],
)
def test_what_is_wrong_is_a_problem_with_its_field(
    api: Api, path: str, body: Any, status: int, field: str, said: str
) -> None:
    problem = api.post(path, body, status)["problems"][0]
    assert problem["field"] == field and said in problem["message"]


def test_artefacts_that_do_not_exist_are_not_found(api: Api) -> None:
    for uid in ("dataset-1", "nothing-1", "dataset-x", "dataset-99999999999999999999"):
        assert "does not exist" in api.get(f"/artefacts/{uid}", 404)["problems"][0]["message"]


def test_without_a_valid_token_nothing_is_told(db: None) -> None:
    for headers in ({}, {"Authorization": "Bearer chimera_wrong"}):
        response = Client(headers=headers).get("/api/jobs")
        assert response.status_code == 401 and response.json()["problems"]


def test_a_token_dies_with_the_membership_or_the_user(editor: Actor) -> None:
    api = Api(editor)
    editor.user.is_active = False
    editor.user.save()
    api.get("/jobs", 401)
    editor.user.is_active = True
    editor.user.save()
    api.get("/jobs")
    Membership.objects.filter(user=editor.user).delete()
    api.get("/jobs", 401)


def test_a_viewer_may_look_but_not_start(viewer: Actor, editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    api = Api(viewer)
    assert api.get(f"/jobs/{job.uid}")["status"] == "queued"
    assert "role editor" in api.post("/jobs/t-count", {}, 403)["problems"][0]["message"]
    api.post(f"/jobs/{job.uid}/cancel", {}, 403)


def test_jobs_of_another_project_are_not_found(stranger: Actor, editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    api = Api(stranger)
    api.get(f"/jobs/{job.uid}", 404)
    api.post(f"/jobs/{job.uid}/cancel", {}, 404)
    assert api.get("/jobs") == []


def test_a_signed_in_browser_needs_its_csrf_token(editor: Actor) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor.user)
    assert client.get("/api/jobs").status_code == 200
    assert client.post("/api/jobs/t-count", {}, content_type="application/json").status_code == 403
    assert not Job.objects.exists()
    assert signed_in(editor).post("/api/jobs/t-count", {}, content_type="application/json").status_code == 201


def test_the_schema_documents_one_operation_per_kind_with_its_config(client: Client, db: None) -> None:
    schema = client.get("/api/openapi.json").json()
    operation = schema["paths"]["/api/jobs/t-count"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    config = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert (
        config["properties"]["steps"] | {"title": "Steps", "minimum": 1, "maximum": 1000}
        == config["properties"]["steps"]
    )
    assert {"/api/jobs/train", "/api/jobs/study", "/api/artefacts/{uid}"} <= set(schema["paths"])
    assert all_refs(schema) <= {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert client.get("/api/docs").status_code == 404


def all_refs(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(all_refs(item) for item in value.values()))
    return set().union(*(all_refs(item) for item in value)) if isinstance(value, list) else set()


def test_kinds_carry_their_schemas(api: Api) -> None:
    kinds = {kind["kind"]: kind for kind in api.get("/kinds")}
    assert kinds["t-pairs"]["composite"] and kinds["t-count"]["config_schema"]["properties"]["steps"]["maximum"] == 1000
    json.dumps(kinds)
