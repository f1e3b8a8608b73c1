"""Pages of foreign runs: tokens, snippets, the client's wheel, and run pages that say why there is no schedule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from chimera.projects.access import Actor
from chimera.projects.models import ApiToken
from chimera.projects.services import actor_of_token, create_token
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.test_external_runs import Program, go_silent
from training_app.models import TrainingRun

pytestmark = pytest.mark.django_db


def page(client: Client, name: str, *args: int) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def test_a_token_is_shown_once_and_works_until_it_is_revoked(editor: Actor, editor_client: Client) -> None:
    response = editor_client.post(reverse("tokens"), {"name": "my trainer"})
    text = response.context["text"]
    assert text in response.content.decode() and "no-store" in response["Cache-Control"]
    assert actor_of_token(text) == editor
    listed = page(editor_client, "tokens")
    assert "my trainer" in listed and text not in listed
    editor_client.post(reverse("token-revoke", args=[ApiToken.objects.get().pk]))
    assert actor_of_token(text) is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_token_says_what_it_is_for(editor_client: Client, name: str) -> None:
    assert editor_client.post(reverse("tokens"), {"name": name}).status_code == 422
    assert not ApiToken.objects.exists()


def test_only_owners_see_and_revoke_the_tokens_of_others(editor: Actor, owner: Actor, stranger: Actor) -> None:
    token, _ = create_token(owner, "the owner's")
    client = signed_in(editor)
    assert "the owner" not in page(client, "tokens")
    assert client.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    assert signed_in(stranger).post(reverse("token-revoke", args=[token.pk])).status_code == 404
    own, _ = create_token(editor, "mine")
    assert "mine" in page(signed_in(owner), "tokens")
    assert signed_in(owner).post(reverse("token-revoke", args=[own.pk])).status_code == 302


def test_snippets_hold_the_address_of_this_server(editor_client: Client, viewer_client: Client) -> None:
    shown = page(editor_client, "runs-bring")
    assert shown.count("http://testserver") >= 4 and reverse("tokens") in shown
    assert "ask an editor" in page(viewer_client, "runs-bring")
    assert reverse("runs-bring") in page(editor_client, "runs"), "the empty table says so"


def test_the_wheel_is_the_client_and_works_alone(editor_client: Client, tmp_path: Path) -> None:
    response = editor_client.get(reverse("client-wheel"))
    assert response.content == editor_client.get(reverse("client-wheel")).content
    file = tmp_path / "client.whl"
    file.write_bytes(response.content)
    code = f"import sys; sys.path[:0] = [{str(file)!r}]; import chimera.client; print(chimera.client.__file__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{file}/chimera/client/__init__.py"


def test_every_page_of_a_foreign_run_opens_and_says_what_it_lacks(editor: Actor) -> None:
    settings = {"lr": 0.1, "model": {"hidden_size": 8, "tied": True}, "empty": {}}
    program = Program(editor, settings=settings, program="python 3.12 on far")
    program.send(1, 2)
    run, client = program.run, signed_in(editor)
    live = page(client, "run-detail", run.pk)
    assert "Trained elsewhere" in live and "python 3.12 on far" in live and "batch-title" not in live
    assert reverse("run-data", args=[run.pk]) not in live and "Llama" not in live
    for name in ("run-curriculum", "run-data"):
        assert "there is no schedule" in page(client, name, run.pk)
    config = page(client, "run-config", run.pk)
    assert "hidden_size" in config and "0.1" in config and "run train" not in config
    for name in ("run-logs", "run-head", "run-events", "run-batch"):
        page(client, name, run.pk)
    assert "own trainer" in page(client, "runs")
    job = page(client, "job-detail", run.job_id)
    assert "on the command line" not in job and ">Pause<" not in job and ">Cancel<" in job
    other = Program(editor, id="far-2", settings={"lr": 0.2}).run
    compared = client.get(reverse("runs-compare") + f"?run={run.pk}&run={other.pk}&all=1").content.decode()
    assert "settings.model.hidden_size" in compared


def test_a_silent_run_says_that_it_may_go_on(editor: Actor) -> None:
    program = Program(editor)
    go_silent(program)
    shown = page(signed_in(editor), "run-detail", program.run.pk)
    assert "client silent since" in shown and "takes this run up again" in shown
    assert TrainingRun.objects.get().job.error_class == "ClientSilent"
