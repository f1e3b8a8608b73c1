"""Averages at the doors and on the pages; where a run was forked from and what was forked from it."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from django.urls import reverse

from chimera.errors import InputError
from chimera.jobs import runner, services
from chimera.jobs.models import State
from chimera.jobs.validation import validate
from chimera.projects.models import Project
from tests import factories
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.model_factory import make_checkpoints
from tests.web.run_factory import make_run
from training_app.models import Checkpoint
from training_app.selectors.checkpoints import average_facts, average_query

pytestmark = pytest.mark.django_db


def text_of(client, name, *arguments):
    response = client.get(reverse(name, args=arguments))
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def run(editor):
    """A run on a schedule that has kept checkpoints at steps 1, 2 and 3."""
    found = make_run(editor, "parent", state=State.SUCCEEDED)
    found.schedule = factories.make_schedule(editor)
    found.save()
    for step in (1, 2, 3):
        Checkpoint.objects.create(
            project=editor.project, run=found, name="parent", version=step, digest=str(step) * 64, step=step,
            tokens=step * 100, manifest={"next_row": step, "files": {}, "summary": {"held_out_macro": 3.0 - step / 10}},
        )  # fmt: skip
    return found


def refused(raw, project):
    with pytest.raises(InputError) as error:
        validate("average", {"name": "mean", **raw}, project)
    return error.value.problems[0]


def test_a_run_means_its_last_checkpoints_and_the_stored_config_names_them(editor, run):
    kept = [row.uid for row in run.checkpoints.order_by("step")]
    config = validate("average", {"name": "mean", "run": run.uid, "last": 2}, editor.project)
    assert config.as_json()["checkpoints"] == kept[1:] and config.as_json()["run"] is None
    assert validate("average", config.as_json(), editor.project) == config
    few = refused({"run": run.uid}, editor.project)
    assert (few.field, few.message) == ("last", f"{run.uid} has kept 3 checkpoints, not 6")
    assert refused({"run": "run-999999"}, editor.project).field == "run"
    assert refused({"run": run.uid}, Project.objects.create(slug="q", name="Q")).field == "run"
    assert "not both" in refused({"run": run.uid, "checkpoints": kept}, editor.project).message
    for wrong in ({"run": "run-x"}, {"run": 3}, {"run": run.uid, "last": "two"}, {"run": "run-" + "9" * 30}, {}):
        refused(wrong, editor.project)


def test_the_buttons_open_the_form_with_the_last_checkpoints_of_the_run(editor_client, viewer_client, run):
    query, last = average_query(run), run.checkpoints.order_by("-step")[0]
    assert parse_qs(query)["checkpoints"] == [row.uid for row in run.checkpoints.order_by("step")]
    for name, pk in (("run-detail", run.pk), ("checkpoint-detail", last.pk)):
        assert query.replace("&", "&amp;") in text_of(editor_client, name, pk)
        assert reverse("job-new", args=["average"]) not in text_of(viewer_client, name, pk)
    form = editor_client.get(f"{reverse('job-new', args=['average'])}?{query}").context["form"]
    assert form.fields["checkpoints"].initial == [row.uid for row in run.checkpoints.order_by("step")]
    run.checkpoints.filter(step__lt=3).delete()
    assert average_query(run) == ""


@pytest.mark.torch
def test_an_average_is_made_by_a_job_and_shown_beside_its_sources(editor, editor_client, tmp_path):
    sources = make_checkpoints(editor, tmp_path, 2)
    config = {"name": "both", "checkpoints": [row.uid for row in sources], "weights": {"key": "wma"}}
    made = []
    for _ in range(2):
        job, _ = services.start(editor, "average", config)
        assert runner.run_job(job.pk)
        job.refresh_from_db()
        assert job.state == "succeeded", job.error_text
        made.append(job.artifacts["checkpoint"])
    row = Checkpoint.objects.get(pk=made[0].rpartition("-")[2])
    assert made[0] == made[1] and row.run is None and row.licence == "CC0-1.0"
    assert row.manifest["averaged"] == [source.digest for source in sources]
    page = text_of(editor_client, "checkpoint-detail", row.pk)
    for part in ("average of 2 checkpoints", "Linear (WMA)", "0.33333", "0.66667", "model-0:v1", "no held-out text in"):
        assert part in page, part
    assert "average of 2" in text_of(editor_client, "models")


def test_the_gain_of_an_average_is_against_its_last_source(editor, editor_client, run):
    manifest = {
        "averaged": ["1" * 64, "2" * 64, "3" * 64], "summary": {"held_out_macro": 2.65}, "files": {},
        "average": {"key": "ema", "config": {"alpha": 0.2, "debias": False}, "weights": [0.64, 0.16, 0.2]},
    }  # fmt: skip
    row = Checkpoint.objects.create(project=editor.project, name="m", version=1, digest="m" * 64, manifest=manifest)
    facts = average_facts(editor, row)
    assert facts is not None and facts.gain == pytest.approx(0.05)
    page = text_of(editor_client, "checkpoint-detail", row.pk)
    assert "0.0500 bits per byte better" in page and "2.7000" in page and "0.64000" in page
    run.checkpoints.all().delete()
    assert "333333" in text_of(editor_client, "checkpoint-detail", row.pk), "a source that is gone is named by its hash"


def test_a_run_names_what_it_was_forked_from_and_what_was_forked_from_it(editor, editor_client, viewer_client, run):
    base = run.checkpoints.get(step=2)
    child = make_run(editor, "child")
    child.job.config |= {"base": base.uid, "first_row": 2}
    child.job.save()
    page = text_of(editor_client, "run-detail", child.pk)
    compare = f"{reverse('runs-compare')}?run={run.pk}&amp;run={child.pk}"
    for part in ("Forked from", reverse("run-detail", args=[run.pk]), "at step 2", compare, "Compare with its parent"):
        assert part in page, part
    parent = text_of(editor_client, "run-detail", run.pk)
    assert reverse("run-detail", args=[child.pk]) in parent and "from step 2" in parent and compare in parent
    assert "Fork from step 3" in parent and "Fork from step" not in page, "the child has kept nothing yet"
    assert "Fork from step" not in text_of(viewer_client, "run-detail", run.pk)
    assert "Compare with its parent" not in parent
