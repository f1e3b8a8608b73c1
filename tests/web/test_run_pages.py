"""The pages of runs: permission, content, empty states, and a number of queries that does not grow."""

import pytest
from django.test import Client
from django.urls import reverse

from chimera.jobs.models import Job, JobEvent, JobLog, State
from chimera.projects.access import Actor
from tests import factories
from tests.web.run_factory import Clock, feed, make_run, recorder_of
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors.checkpoints import fork_query

pytestmark = pytest.mark.django_db
TABS = (
    "run-detail",
    "run-data",
    "run-logs",
    "run-config",
    "run-head",
    "run-events",
    "run-batch",
    "run-series",
    "run-csv",
    "run-json",
    "run-metrics",
)


def fed(run: TrainingRun, last: int = 70, steps: int = 600) -> TrainingRun:
    clock = Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    feed(recorder, clock, 1, last, steps)
    recorder.flush()
    run.refresh_from_db()
    return run


def scheduled(actor: Actor, **fields: object) -> TrainingRun:
    run = make_run(actor, **fields)  # type: ignore[arg-type]
    run.schedule = factories.make_schedule(actor)
    run.planned_digest = run.schedule.order_digest
    run.save()
    return run


@pytest.mark.parametrize("name", TABS)
def test_a_run_is_invisible_outside_its_project(name, editor, stranger, viewer_client):
    run = make_run(editor)
    outsider = Client()
    outsider.force_login(stranger.user)
    url = reverse(name, args=[run.pk])
    assert viewer_client.get(url).status_code == 200
    assert outsider.get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_an_empty_project_says_what_to_do_next(viewer_client):
    page = viewer_client.get(reverse("runs")).content.decode()
    assert "No runs yet" in page and reverse("home") in page


def test_the_table_shows_state_progress_losses_and_group(editor, editor_client):
    fed(make_run(editor, "easy · seed 3", seed=3, group="easy"))
    page = editor_client.get(reverse("runs")).content.decode()
    for part in ("easy · seed 3", "running", "70 / 600 steps", '<svg class="spark"', "easy"):
        assert part in page, part


def test_the_table_is_searched_filtered_and_paged(editor, editor_client):
    for number in range(55):
        make_run(editor, f"run number {number}", state=State.SUCCEEDED)
    make_run(editor, "the odd one", state=State.FAILED)
    first = editor_client.get(reverse("runs")).content.decode()
    assert "the odd one" in first and "run number 0<" not in first and "page=2" in first
    assert "run number 54" not in editor_client.get(reverse("runs"), {"q": "odd"}).content.decode()
    failed = editor_client.get(reverse("runs"), {"state": "failed"}).content.decode()
    assert "the odd one" in failed and "run number" not in failed
    assert "No run matches" in editor_client.get(reverse("runs"), {"q": "nothing like it"}).content.decode()


@pytest.mark.parametrize(
    "sort", ["newest", "name", "arm", "best:loss", "-last:held_out/macro", "-at:3000:loss", "nonsense"]
)
def test_every_order_of_the_table_works(editor, editor_client, sort):
    fed(make_run(editor))
    make_run(editor)
    assert editor_client.get(reverse("runs"), {"sort": sort}).status_code == 200


def test_the_table_needs_no_more_queries_for_more_runs(editor, editor_client, django_assert_max_num_queries):
    def count() -> int:
        with django_assert_max_num_queries(30) as captured:
            editor_client.get(reverse("runs"))
        return len(captured)

    for number in range(2):
        make_run(editor, f"a{number}")
    few = count()
    for number in range(30):
        make_run(editor, f"b{number}")
    assert count() == few


def test_the_run_page_needs_no_more_queries_for_more_points_and_events(
    editor, editor_client, django_assert_max_num_queries
):
    run = scheduled(editor)
    recorder = recorder_of(run, Clock())

    def count() -> int:
        with django_assert_max_num_queries(40) as captured:
            editor_client.get(reverse("run-detail", args=[run.pk]))
        return len(captured)

    fed(run, last=5)
    few = count()
    fed(run, last=70)
    for step in range(20):
        recorder.event("alert", "spike", step)
        JobEvent.objects.create(job=run.job, state="running", message=f"event {step}")
    assert count() == few


def test_buttons_follow_the_state_and_the_role(editor, editor_client, viewer_client):
    run = make_run(editor)
    url = reverse("run-detail", args=[run.pk])
    page = editor_client.get(url).content.decode()
    assert reverse("job-control", args=[run.job_id, "pause"]) in page
    assert reverse("job-control", args=[run.job_id, "cancel"]) in page
    assert reverse("job-control", args=[run.job_id, "resume"]) not in page
    assert "/pause/" not in viewer_client.get(url).content.decode()
    Job.objects.filter(pk=run.job_id).update(state=State.PAUSED)
    assert reverse("job-control", args=[run.job_id, "resume"]) in editor_client.get(url).content.decode()


def test_pause_comes_back_to_the_run(editor, editor_client):
    run = make_run(editor)
    url = reverse("run-detail", args=[run.pk])
    answer = editor_client.post(reverse("job-control", args=[run.job_id, "pause"]), {"next": url})
    assert answer.status_code == 302 and answer.url == url
    assert "pauses at the next step" in editor_client.get(url).content.decode()


def test_a_failed_run_names_the_problem_and_its_field(editor, editor_client):
    run = make_run(editor, state=State.FAILED)
    problem = {
        "message": "training diverged",
        "field": "learning_rate.peak",
        "hint": "lower it",
        "file": "",
        "line": None,
    }
    Job.objects.filter(pk=run.job_id).update(problems=[problem])
    page = editor_client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert "training diverged" in page and "learning_rate.peak" in page and "lower it" in page


def test_delivered_and_planned_order_are_compared_in_words(editor, editor_client):
    run = make_run(editor, state=State.SUCCEEDED)
    url = reverse("run-data", args=[run.pk])
    assert "compared row by row when the run ends" in editor_client.get(url).content.decode()
    TrainingRun.objects.filter(pk=run.pk).update(planned_digest="a" * 64, delivered_digest="a" * 64)
    assert "delivered = planned" in editor_client.get(url).content.decode()
    TrainingRun.objects.filter(pk=run.pk).update(delivered_digest="b" * 64)
    assert "is not what was planned" in editor_client.get(url).content.decode()


def test_a_step_opens_the_documents_it_was_made_of(editor, editor_client):
    run = scheduled(editor)
    page = editor_client.get(reverse("run-batch", args=[run.pk]), {"step": "2"}).content.decode()
    assert "4 sequences" in page and "Title " in page
    assert (
        "has no step 99999"
        in editor_client.get(reverse("run-batch", args=[run.pk]), {"step": "99999"}).content.decode()
    )


def test_a_batch_whose_files_are_elsewhere_says_so(editor, editor_client):
    run = scheduled(editor)
    run.schedule.digest = "f" * 64  # type: ignore[union-attr]
    run.schedule.save()  # type: ignore[union-attr]
    page = editor_client.get(reverse("run-batch", args=[run.pk]), {"step": "1"}).content.decode()
    assert "not on this machine" in page


def test_the_curriculum_tab_is_there_only_with_something_to_draw(editor, editor_client):
    bare, full = make_run(editor), scheduled(editor)
    full.schedule.manifest["adherence"] = {"points": {"tokens": [1], "delivered": [[1]], "planned": [[1]]}}  # type: ignore[union-attr]
    full.schedule.save()  # type: ignore[union-attr]
    link = "/curriculum/"
    assert link not in editor_client.get(reverse("run-detail", args=[bare.pk])).content.decode()
    assert link in editor_client.get(reverse("run-detail", args=[full.pk])).content.decode()
    page = editor_client.get(reverse("run-curriculum", args=[full.pk])).content.decode()
    assert "Mixture at each moment" in page and reverse("schedule-chart", args=[full.schedule_id, "moment"]) in page


def test_the_config_is_the_frozen_one_with_what_is_not_default_marked(editor, editor_client):
    run = make_run(editor)
    page = editor_client.get(reverse("run-config", args=[run.pk])).content.decode()
    assert "Hidden size" in page and "32" in page and "not the default" in page
    assert run.job.fingerprint[:8] in page


def test_log_and_history_are_shown(editor, editor_client):
    run = make_run(editor)
    JobLog.objects.create(job=run.job, attempt=1, text="a line of the log <b>")
    JobEvent.objects.create(job=run.job, state="running", attempt=1, message="claimed by w1")
    page = editor_client.get(reverse("run-logs", args=[run.pk])).content.decode()
    assert "a line of the log &lt;b&gt;" in page and "claimed by w1" in page


def test_a_checkpoint_shows_scores_files_and_lineage(editor, editor_client):
    run = scheduled(editor, state=State.SUCCEEDED)
    summary = {
        "held_out": {"prose": 1.9, "code": 3.4}, "unigram": {"prose": 2.5, "code": 3.0}, "held_out_macro": 2.65,
        "parameters": 43168, "seconds": 12.0, "device": "cpu", "tokens_per_second": 900.0,
        "first_loss": 6.0, "last_loss": 4.0,
    }  # fmt: skip
    files = {"model.safetensors": {"bytes": 1234, "sha256": "c" * 64}}
    row = Checkpoint.objects.create(
        project=editor.project, run=run, name="small", version=1, digest="d" * 64, step=600, tokens=600_000,
        manifest={"summary": summary, "files": files},
    )  # fmt: skip
    page = editor_client.get(reverse("checkpoint-detail", args=[row.pk])).content.decode()
    for part in ("below unigram", "not below unigram", "model.safetensors", run.name, run.schedule.label, "2.6500"):  # type: ignore[union-attr]
        assert part in page, part
    assert "not on this machine" in page


def test_a_checkpoint_of_mid_run_opens_the_form_of_its_fork_with_the_settings_of_its_run(editor, editor_client):
    run = scheduled(editor)
    files = {name: {"bytes": 9, "sha256": "c" * 64} for name in ("model.safetensors", "optimizer.safetensors")}
    rows = [
        Checkpoint.objects.create(
            project=editor.project, run=run, name="small", version=version, digest=str(version) * 64, step=8,
            manifest={"next_row": following, "files": files},
        )
        for version, following in ((1, 32), (2, run.schedule.manifest["num_rows"]))  # type: ignore[union-attr]
    ]  # fmt: skip
    query = fork_query(rows[0])
    page = editor_client.get(reverse("checkpoint-detail", args=[rows[0].pk])).content.decode()
    assert "Fork from here" in page and query.replace("&", "&amp;") in page
    form = editor_client.get(f"{reverse('job-new', args=['train'])}?{query}").context["form"]
    shown = {name: form.fields[name].initial for name in ("base", "first_row", "carry_moments", "seed")}
    assert shown == {"base": rows[0].uid, "first_row": "32", "carry_moments": "true", "seed": run.seed}
    assert fork_query(rows[1]) == "", "nothing is left of the schedule"


def test_a_foreign_checkpoint_is_not_found(editor, stranger):
    row = Checkpoint.objects.create(project=editor.project, name="small", version=1, digest="d" * 64)
    outsider = Client()
    outsider.force_login(stranger.user)
    assert outsider.get(reverse("checkpoint-detail", args=[row.pk])).status_code == 404
