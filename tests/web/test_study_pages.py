"""Home and the studies: what a newcomer sees before, while and after."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from chimera.jobs import services
from chimera.jobs.kinds import Finished
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from eval_app.models import Study
from eval_app.services.studies import conclude
from tests.conftest import signed_in
from tests.factories import make_sequences
from tests.web.run_factory import Clock, make_run, recorder_of

pytestmark = pytest.mark.django_db

SEEDS = [1, 2, 3, 4]


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(editor: Actor) -> Study:
    sequences = make_sequences(editor)
    config = {"sequences": sequences.uid, "budget_tokens": 3200, "seeds": SEEDS}
    job, _ = services.start(editor, "study", config)
    return Study.objects.get(job=job)


def decided(study: Study, *, gain: float, digests: tuple[str, str] = ("a" * 64, "a" * 64)) -> Study:
    """The study with a verdict over made-up scores in which easy-to-hard needs `gain` fewer bits per byte."""
    assert study.sequence_set is not None
    unigram = study.sequence_set.manifest["unigram_bits_per_byte"]
    finished: dict[str, Finished] = {}
    for arm, shift, digest in (("shuffled", 0.0, digests[0]), ("easy-to-hard", -gain, digests[1])):
        for seed in SEEDS:
            scores = {domain: value - 1 + 0.01 * seed + shift * (1 + 0.1 * seed) for domain, value in unigram.items()}
            finished[f"train/{arm}/{seed}"] = Finished(
                {}, {"multiset_digest": digest, "delivered_digest": f"{arm}", "held_out": scores}
            )
    conclude(study.job, finished)
    Job.objects.filter(pk=study.job_id).update(state=State.SUCCEEDED)
    return Study.objects.get(pk=study.pk)


def shown(client: Client, study: Study) -> str:
    response = client.get(reverse("study-detail", args=[study.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_home_offers_the_starter_study_on_an_empty_project(editor_client: Client) -> None:
    page = editor_client.get("/").content.decode()
    assert "Start the starter study" in page and page.count("nothing yet") == 6


def test_a_viewer_is_told_who_can_start_it(viewer_client: Client) -> None:
    page = viewer_client.get("/").content.decode()
    assert "An editor of this project can start it" in page
    assert viewer_client.post(reverse("starter-start"), {"idempotency_key": "k"}).status_code == 403


def test_two_clicks_start_one_starter_study(editor: Actor, editor_client: Client) -> None:
    for key in ("one", "one", "another tab"):
        assert editor_client.post(reverse("starter-start"), {"idempotency_key": key}).status_code == 302
    assert Job.objects.filter(project=editor.project, kind="starter").count() == 1
    assert "The starter study is on its way" in editor_client.get("/").content.decode()


def test_a_study_without_a_verdict_says_how_it_will_be_decided(editor_client: Client, study: Study) -> None:
    page = shown(editor_client, study)
    assert "No verdict yet" in page and "0 of 8 runs have finished" in page
    assert "macro mean of held-out bits per byte" in page and "How this will be decided" in page


def test_a_verdict_names_its_interval_its_outcome_and_the_equal_hash(editor_client: Client, study: Study) -> None:
    page = shown(editor_client, decided(study, gain=0.05))
    assert "easy-to-hard is better than shuffled" in page and "over 4 seeds (95 % interval" in page
    assert "same multiset of sequences at every seed" in page and "aaaaaaaa" in page
    assert "Holm-corrected" in page and "How this was decided" in page


def test_a_losing_curriculum_is_called_worse(editor_client: Client, study: Study) -> None:
    assert "easy-to-hard is worse than shuffled" in shown(editor_client, decided(study, gain=-0.05))


def test_arms_that_saw_other_data_are_labelled(editor_client: Client, study: Study) -> None:
    page = shown(editor_client, decided(study, gain=0.05, digests=("a" * 64, "b" * 64)))
    assert "selection + order" in page and "same multiset of sequences at every seed" not in page


def test_the_refreshing_part_asks_for_the_whole_page_once_the_verdict_is_there(
    editor_client: Client, study: Study
) -> None:
    url = reverse("study-detail", args=[study.pk])
    assert "HX-Refresh" not in editor_client.get(url, headers={"HX-Request": "true"}).headers
    decided(study, gain=0.05)
    assert editor_client.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_paired_differences_are_drawn_seed_by_seed(editor_client: Client, study: Study) -> None:
    decided(study, gain=0.05)
    figure = editor_client.get(reverse("study-differences", args=[study.pk, 0])).json()
    assert figure["data"][0]["y"] == [f"seed {seed}" for seed in SEEDS]
    assert len(figure["table"]["rows"]) == 4 and "at 4 of 4 seeds" in figure["alt"]
    assert editor_client.get(reverse("study-differences", args=[study.pk, 1])).status_code == 404


def test_the_mean_curve_is_drawn_only_where_every_seed_was_evaluated(
    editor: Actor, editor_client: Client, study: Study
) -> None:
    for seed, tokens in ((1, (100, 200)), (2, (100,))):
        run = make_run(editor, f"shuffled · seed {seed}", seed=seed, group="shuffled")
        Job.objects.filter(pk=run.job_id).update(parent=study.job, slot=f"train/shuffled/{seed}")
        recorder = recorder_of(run, Clock())
        for step, count in enumerate(tokens, start=1):
            recorder.write(step, count, {"held_out/macro": 3.0 - 0.1 * step})
        recorder.flush()
    figure = editor_client.get(reverse("study-curves", args=[study.pk])).json()
    mean = next(trace for trace in figure["data"] if trace["name"] == "shuffled")
    assert mean["x"] == [100] and len(figure["table"]["rows"]) == 3


def test_the_frozen_config_reproduces_the_study(editor: Actor, editor_client: Client, study: Study) -> None:
    config = editor_client.get(reverse("study-config", args=[study.pk])).json()
    again, created = services.start(editor, "study", config)
    assert created and again.fingerprint == study.job.fingerprint


def test_another_projects_study_does_not_exist(stranger: Actor, study: Study) -> None:
    for name in ("study-detail", "study-curves", "study-config"):
        assert signed_in(stranger).get(reverse(name, args=[study.pk])).status_code == 404


def test_queries_of_the_list_do_not_grow_with_studies(
    editor: Actor, editor_client: Client, study: Study, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        services.start(editor, "study", study.job.config)
    with django_assert_max_num_queries(9):
        page = editor_client.get(reverse("studies")).content.decode()
    assert page.count("not yet") == 6


def test_arms_of_their_own_learning_rate_are_said_and_the_page_is_given_as_text(
    editor: Actor, editor_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = {"key": "cosine", "config": {"peak": 8e-3}}
    arms = [
        {"name": "shuffled", "policy": {"key": "shuffle"}},
        {"name": "easy-to-hard", "policy": {"key": "length_warm_up", "config": {"start": 16}}, "learning_rate": rate},
    ]
    config = {"sequences": make_sequences(editor).uid, "budget_tokens": 3200, "seeds": SEEDS, "arms": arms}
    job, _ = services.start(editor, "study", config)
    waiting = Study.objects.get(job=job)
    assert "Length warm-up, start 16</td><td>Cosine, peak 0.008" in shown(editor_client, waiting)
    assert editor_client.get(reverse("study-report", args=[waiting.pk])).status_code == 404
    study = decided(waiting, gain=0.05)
    page = shown(editor_client, study)
    assert "What differs from shuffled: easy-to-hard in <strong>order + learning rate</strong>." in page
    text = editor_client.get(reverse("study-report", args=[study.pk])).content.decode()
    assert "| easy-to-hard | Length warm-up, start 16 | Cosine, peak 0.008 | order + learning rate |" in text
    assert text.startswith("# ") and "**easy-to-hard is better than shuffled" in text and f"| seed {SEEDS[0]} |" in text
    call_command("chimera", "report", study.uid, "--user", str(editor.user))
    assert capsys.readouterr().out.strip() == text.strip()
