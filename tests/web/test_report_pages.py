"""The report of a study: one file that needs nothing else, and the archive with every order."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from chimera.jobs import services
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.models import Schedule
from eval_app.models import Study
from eval_app.selectors.report_archive import archive
from tests.conftest import signed_in
from tests.factories import make_actor, make_sequences
from tests.web.study_factory import ARMS, SEEDS, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(editor: Actor, data_dir: None) -> Study:
    return make_study(editor)


class Links(HTMLParser):
    """Whatever a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "data", "action")]


def page_of(actor: Actor, study: Study) -> str:
    response = signed_in(actor).get(reverse("study-report-html", args=[study.pk]))
    assert response.status_code == 200 and response["Content-Type"].startswith("text/html")
    return response.content.decode()


def test_the_report_needs_nothing_but_itself(editor: Actor, study: Study) -> None:
    page = page_of(editor, study)
    links = Links()
    links.feed(page)
    assert links.found == [] and "script" not in links.tags and links.tags.count("svg") == 2
    assert "url(" not in page and "@import" not in page and "@media print" in page
    assert page == page_of(editor, study), "equal data, equal file"


def test_the_report_says_all_that_a_reader_needs(editor: Actor, study: Study) -> None:
    page = page_of(editor, study)
    verdict, schedule = study.verdict, Schedule.objects.get()
    assert verdict is not None and study.sequence_set is not None
    plain = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for said in (
        verdict["sentence"], verdict["primary_outcome"], "Easy to hard", "torch", "Arms that were not better",
        study.sequence_set.digest, schedule.digest, "80 % power for",
        "chimera run study --config study.json", "final weights",
    ):  # fmt: skip
        assert said in plain, said
    assert page.count('<th scope="row">easy-to-hard · seed ') == len(SEEDS)
    frozen = re.search(r"<h3>The study</h3>\s*<pre>(.*?)</pre>", page, re.DOTALL)
    assert frozen and json.loads(frozen[1].replace("&quot;", '"').replace("&#x27;", "'")) == study.job.config


def test_the_download_is_named_and_the_study_page_offers_both(editor: Actor, study: Study) -> None:
    client = signed_in(editor)
    sent = client.get(reverse("study-report-html", args=[study.pk]) + "?download")
    assert sent["Content-Disposition"] == f'attachment; filename="{study.uid}.html"'
    page = client.get(reverse("study-detail", args=[study.pk])).content.decode()
    assert (
        reverse("study-report-html", args=[study.pk]) in page and reverse("study-report-zip", args=[study.pk]) in page
    )


def test_a_viewer_may_read_it_and_another_project_does_not_see_it(editor: Actor, study: Study) -> None:
    viewer = make_actor(Role.VIEWER, editor.project)
    assert "Study report" in page_of(viewer, study)
    for name in ("study-report-html", "study-report-zip", "study-report"):
        assert signed_in(make_actor()).get(reverse(name, args=[study.pk])).status_code == 404
        assert Client().get(reverse(name, args=[study.pk])).status_code == 302


def test_a_study_without_a_verdict_has_no_report(
    editor: Actor, editor_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 3200, "seeds": [1, 2, 3]}
    waiting = services.start(editor, "study", config)[0].study
    for name in ("study-report-html", "study-report-zip"):
        assert editor_client.get(reverse(name, args=[waiting.pk])).status_code == 404
    assert "Report</a>" not in editor_client.get(reverse("study-detail", args=[waiting.pk])).content.decode()
    with pytest.raises(SystemExit):
        call_command("chimera", "report", waiting.uid, "--html", "--user", str(editor.user))
    assert "has no verdict yet" in capsys.readouterr().err


def test_the_archive_holds_configs_and_orders_of_all_runs(editor: Actor, study: Study) -> None:
    packed = zipfile.ZipFile(io.BytesIO(b"".join(archive(editor, study))))
    assert packed.testzip() is None
    names = set(packed.namelist())
    assert {"report.html", "report.md", "study.json", "README.txt"} <= names
    assert json.loads(packed.read("study.json")) == study.job.config
    for arm in ARMS:
        for seed in SEEDS:
            folder = f"runs/{arm['name']}/seed-{seed}"
            assert {f"{folder}/{name}" for name in ("run.json", "index.txt", "rows.npy", "manifest.json")} <= names
    manifest = json.loads(packed.read("runs/shuffled/seed-1/manifest.json"))
    rows = np.load(io.BytesIO(packed.read("runs/shuffled/seed-1/rows.npy")))
    lines = packed.read("runs/shuffled/seed-1/index.txt").decode().splitlines()
    assert manifest["order_digest"] == Schedule.objects.get().order_digest
    assert len(rows) == len(lines) == manifest["rows"]
    assert [int(line.split("\t")[0]) for line in lines] == rows["sequence"].tolist()


def test_the_archive_says_which_orders_it_lacks(editor: Actor, study: Study) -> None:
    for file in Schedule.objects.get().stored().path.iterdir():
        file.unlink()
    packed = zipfile.ZipFile(io.BytesIO(b"".join(archive(editor, study))))
    assert "shuffled · seed 1: its files are not on this machine" in packed.read("README.txt").decode()
    assert not any(name.endswith("index.txt") for name in packed.namelist())


def test_the_archive_is_streamed(editor: Actor, study: Study) -> None:
    response = signed_in(editor).get(reverse("study-report-zip", args=[study.pk]))

    async def read() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    assert response.streaming and zipfile.ZipFile(io.BytesIO(asyncio.run(read()))).testzip() is None


def test_the_command_line_gives_the_same_file_and_writes_the_archive(
    editor: Actor, study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["--user", str(editor.user), "--project", editor.project.slug]
    call_command("chimera", "report", study.uid, "--html", *who)
    assert capsys.readouterr().out == page_of(editor, study)
    call_command("chimera", "report", study.uid, "--archive", str(tmp_path / "study.zip"), *who)
    assert zipfile.ZipFile(tmp_path / "study.zip").testzip() is None
    with pytest.raises(SystemExit):
        call_command("chimera", "report", study.uid, "--archive", str(tmp_path / "no" / "study.zip"), *who)
    assert "cannot write" in capsys.readouterr().err
