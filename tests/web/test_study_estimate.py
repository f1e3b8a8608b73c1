"""What a study will take, said in its form before anything starts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chimera.config_forms import ConfigForm, posted
from chimera.format import duration
from chimera.jobs.models import Job, State, Worker
from chimera.projects.access import Actor
from eval_app.core.configs_study import StudyConfig
from eval_app.selectors.study_estimate import foretell
from tests.web.study_factory import make_study

pytestmark = pytest.mark.django_db


def test_runs_tokens_and_time_at_the_speed_of_earlier_runs(editor: Actor) -> None:
    study = make_study(editor)
    config = StudyConfig.model_validate(study.job.config)
    tokens = config.budget_tokens * len(config.arms) * len(config.seeds)
    now = timezone.now()
    runs = Job.objects.filter(kind="train")
    runs.update(state=State.SUCCEEDED, started_at=None)
    assert "No earlier run on these sequences" in foretell(config, editor.project)
    for job in runs.select_related("run"):
        taken = timedelta(seconds=job.run.tokens / 1000)
        Job.objects.filter(pk=job.pk).update(started_at=now - taken, finished_at=now)
    Worker.objects.create(name="cpu@h", host="h", queues="cpu", concurrency=2, seen_at=now)
    said = foretell(config, editor.project)
    assert f"{len(config.arms) * len(config.seeds)} runs" in said and "2 at once" in said
    assert f"about {duration(tokens / 1000 / 2)} at" in said


def test_the_form_says_it_once_the_config_is_whole(editor: Actor, editor_client: Client, viewer_client: Client) -> None:
    study = make_study(editor)
    where = reverse("job-foretell", args=["study"])
    assert where in editor_client.get(reverse("job-new", args=["study"])).content.decode()
    assert editor_client.post(where, {"sequences": ""}).content == b""
    assert viewer_client.post(where, {}).status_code == 403
    assert editor_client.post(reverse("job-foretell", args=["import"]), {}).content == b""
    whole = ConfigForm(StudyConfig, lambda kind: [], StudyConfig.model_validate, initial=study.job.config)
    assert b"tokens in all" in editor_client.post(where, dict(posted(whole).lists())).content
