"""Curricula by REST and at the command line: list, show, take away, save, and the same errors."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from chimera.projects.services import create_token
from curriculum_app.models import Curriculum
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
DRAFT = {"name": "mix", "policy": {"key": "easy_to_hard", "config": {"sharpness": 2.5}}}
WRONG = "name: mix\npolicy:\n  key: easy_to_hard\n  config:\n    sharpness: 99\n"


@pytest.fixture
def rest(client, editor):
    _, token = create_token(editor, "test")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("chimera", "curricula", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_what_rest_saves_the_command_line_shows_and_gives_back(client, rest, owner, tmp_path):
    answer = client.post("/api/curricula", DRAFT, content_type="application/json", **rest)
    assert (answer.status_code, answer.json()["label"], answer.json()["created_by"]) == (201, "mix:v1", "edgar")
    assert client.get("/api/curricula", **rest).json()[0]["uid"] == answer.json()["uid"]
    assert json.loads(command("show", "mix:v1", "--json")[1])["policy"]["config"]["sharpness"] == 2.5
    _, text = command("export", answer.json()["uid"])
    assert text == client.get("/api/curricula/mix:v1/yaml", **rest).content.decode()
    again = client.post("/api/curricula", text, content_type="application/yaml", **rest)
    assert (again.status_code, again.json()["created"]) == (200, False)
    file = tmp_path / "mix.yaml"
    file.write_text(text.replace("2.5", "3.5"))
    assert json.loads(command("save", str(file), "--json")[1])["label"] == "mix:v2"
    assert "mix:v2" in command("list")[1]


def test_every_door_says_the_same_at_the_field(client, rest, owner, tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    code, out = command("save", str(file), "--json")
    [told] = json.loads(out)["problems"]
    body = {"name": "mix", "policy": {"key": "easy_to_hard", "config": {"sharpness": 99}}}
    [by_json] = client.post("/api/curricula", body, content_type="application/json", **rest).json()["problems"]
    [by_yaml] = client.post("/api/curricula", WRONG, content_type="application/yaml", **rest).json()["problems"]
    assert code == 2 and told["field"] == by_json["field"] == by_yaml["field"] == "policy.config.sharpness"
    assert told["message"] == by_json["message"] == by_yaml["message"]
    assert (told["file"], told["line"], by_yaml["line"]) == (str(file), 5, 5)
    assert not Curriculum.objects.exists()


def test_who_may_what(client, viewer, stranger, owner):
    first = Curriculum.objects.create(project=owner.project, name="mix", version=1, policy="shuffle", fingerprint="x")
    seeing = signed_in(viewer)
    assert seeing.get(f"/api/curricula/{first.uid}").status_code == 200
    _, token = create_token(viewer, "test")
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert client.post("/api/curricula", DRAFT, content_type="application/json", **bearer).status_code == 403
    assert signed_in(stranger).get(f"/api/curricula/{first.uid}").status_code == 404
    assert command("show", "mix:v9", "--json", "--project", owner.project.slug)[0] == 2
    assert Curriculum.objects.count() == 1


def test_conflicts_are_refused_at_the_rest_door_too(client, rest):
    client.post("/api/curricula", DRAFT, content_type="application/json", **rest)
    other = {"name": "mix", "policy": {"key": "shuffle"}}
    answer = client.post("/api/curricula?seen=", other, content_type="application/json", **rest)
    assert answer.status_code == 422 and "exists already" in answer.json()["problems"][0]["message"]
    answer = client.post("/api/curricula?seen=mix:v1&parent=mix:v1", other, content_type="application/json", **rest)
    assert (answer.status_code, answer.json()["parent"]) == (201, Curriculum.objects.get(version=1).uid)
