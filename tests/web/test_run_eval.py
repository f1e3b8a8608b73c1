"""The tab Eval of a run: every checkpoint that it keeps is evaluated, once; scores over tokens."""

import pytest

from chimera.jobs.models import Job, State
from curriculum_app.models import Benchmark
from eval_app.models import EvalReport, Score, Watch
from tests.web.run_factory import make_run
from training_app.models import Checkpoint

pytestmark = pytest.mark.django_db
ASKED = {"suite": "none", "tasks": ["copa"], "limit": "50", "items_seed": "0"}


@pytest.fixture
def run(editor):
    found = make_run(editor, "watched", state=State.RUNNING)
    row = Benchmark.objects.create(project=editor.project, name="copa", version=1, digest="b" * 64, manifest={})
    keep(found, 1)
    found.benchmark = row
    return found


def keep(run, step):
    return Checkpoint.objects.create(
        project=run.project, run=run, name=run.name, version=step, digest=f"{step:064x}", step=step, tokens=step * 1000
    )


def jobs():
    return Job.objects.filter(kind="evaluate").order_by("pk")


def test_kept_checkpoints_and_those_to_come_are_evaluated_once_and_last(
    editor_client, run, django_capture_on_commit_callbacks
):
    posted = editor_client.post(f"/runs/{run.pk}/eval/", ASKED)
    assert posted.status_code == 302 and Watch.objects.get().run == run
    (first,) = jobs()
    assert first.config["tasks"] == ["copa"] and first.config["benchmarks"] == [run.benchmark.uid]
    assert first.priority < 0 and first.name == "watched at step 1"
    with django_capture_on_commit_callbacks(execute=True):
        keep(run, 2)
    assert [job.name for job in jobs()] == ["watched at step 1", "watched at step 2"]
    editor_client.post(f"/runs/{run.pk}/eval/", ASKED)
    assert jobs().count() == 2
    editor_client.post(f"/runs/{run.pk}/eval/stop/")
    with django_capture_on_commit_callbacks(execute=True):
        keep(run, 3)
    assert jobs().count() == 2 and not Watch.objects.exists()


def test_a_wrong_choice_is_said_and_a_viewer_changes_nothing(editor_client, viewer_client, run):
    refused = editor_client.post(f"/runs/{run.pk}/eval/", ASKED | {"tasks": []})
    assert refused.status_code == 422 and "nothing to score" in refused.content.decode()
    assert viewer_client.post(f"/runs/{run.pk}/eval/", ASKED).status_code == 403
    assert viewer_client.post(f"/runs/{run.pk}/eval/stop/").status_code == 403
    assert "Evaluate checkpoints" not in viewer_client.get(f"/runs/{run.pk}/eval/").content.decode()
    assert not Watch.objects.exists()


def test_scores_are_drawn_over_tokens_with_chance(editor_client, run):
    for step, value in ((1, 0.4), (2, 0.7)):
        page = editor_client.get(f"/runs/{run.pk}/eval/").content.decode()
        assert "copa.json" not in page and ("At one checkpoint" in page) == (step == 2)
        checkpoint = run.checkpoints.filter(step=step).first() or keep(run, step)
        report = EvalReport.objects.create(
            project=run.project, name="r", version=step, digest=f"{step + 90:064x}", checkpoint=checkpoint
        )
        Score.objects.create(
            report=report, task="copa", metric="accuracy", value=value, low=value - 0.15, high=value + 0.15, n=50,
            chance=0.5, main=True,
        )  # fmt: skip
    page = editor_client.get(f"/runs/{run.pk}/eval/").content.decode()
    assert f"/runs/{run.pk}/eval/copa.json" in page and 'aria-current="page">Eval' in page
    figure = editor_client.get(f"/runs/{run.pk}/eval/copa.json").json()
    assert figure["data"][0]["x"] == [1000, 2000] and figure["data"][1]["y"] == [0.5, 0.5]
    assert [row[-1] for row in figure["table"]["rows"]] == ["at chance", ""]
    assert editor_client.get(f"/runs/{run.pk}/eval/squad.json").status_code == 404
