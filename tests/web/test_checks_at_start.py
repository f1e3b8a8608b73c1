"""Curricula that cannot be meant for the sequences they name are refused at every door, before a job is queued."""

import io
import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from chimera.config_forms import posted
from chimera.errors import InputError
from chimera.jobs import services
from chimera.jobs.kinds import get_kind
from chimera.jobs.models import Job
from chimera.jobs.views import _form
from chimera.projects.services import create_token
from tests.conftest import signed_in
from tests.factories import make_schedule, make_sequences
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401

pytestmark = pytest.mark.django_db

KNOTS = [{"at": 0, "shares": {"code": 0.5, "prose": 0.5}}, {"at": 1, "shares": {"cod": 1.0}}]


@pytest.fixture
def wrong(owner):
    """A mixture of a group that these sequences do not have."""
    policy = {"key": "drawn", "config": {"knots": KNOTS}}
    return {"name": "arm", "sequences": make_sequences(owner).uid, "policy": policy, "budget_tokens": 3200}


def started() -> int:
    return Job.objects.filter(kind__in=["schedule", "train"]).count()


def test_a_group_that_the_sequences_lack_is_the_same_error_at_the_same_field_at_every_door(
    owner, client, tmp_path, wrong
):
    field, said = "policy.config.knots.1.shares", "there is no group 'cod'"
    token = create_token(owner, "test")[1]
    answer = client.post(
        "/api/jobs/schedule", wrong, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 422
    problem = answer.json()["problems"][0]
    assert (problem["field"], problem["message"], problem["hint"]) == (field, said, "did you mean 'code'?")

    data = posted(_form(owner, get_kind("schedule"), None, wrong))
    page = signed_in(owner).post(reverse("job-new", args=["schedule"]), data)
    assert page.status_code == 422
    form = page.context["form"]
    assert form.errors["policy.config.knots"] == [f"1.shares: {said} - did you mean 'code'?"]

    file, out = tmp_path / "config.json", io.StringIO()
    file.write_text(json.dumps(wrong))
    with pytest.raises(SystemExit):
        call_command("chimera", "run", "schedule", "--config", str(file), "--json", stdout=out, stderr=io.StringIO())
    assert json.loads(out.getvalue().splitlines()[-1])["problems"][0]["field"] == field
    assert started() == 0


@pytest.mark.parametrize("budget", [3201, 10**9])
def test_a_budget_that_cannot_be_given_is_refused_before_it_is_queued(owner, wrong, budget):
    config = wrong | {"policy": {"key": "shuffle"}, "budget_tokens": budget}
    with pytest.raises(InputError) as caught:
        services.start(owner, "schedule", config)
    assert caught.value.problems[0].field == "budget_tokens" and started() == 0


def test_a_planned_rate_without_one_in_the_curriculum_is_refused_before_it_is_queued(owner):
    schedule = make_schedule(owner)
    config = {"name": "run", "schedule": schedule.uid, "learning_rate": {"key": "planned"}}
    with pytest.raises(InputError, match="brings no learning rate") as caught:
        services.start(owner, "train", config)
    assert caught.value.problems[0].field == "learning_rate.key" and started() == 0
    schedule.manifest["tracks"] = {"learning_rate": {"knots": [{"at": 0, "rate": 0.01}]}}
    schedule.save()
    assert services.start(owner, "train", config)[1]
