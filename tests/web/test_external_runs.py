"""Runs of a foreign trainer through the API: stored once, fenced, bounded, taken up again, or refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chimera.jobs import services
from chimera.jobs.models import Job
from chimera.jobs.sweep import sweep
from chimera.projects.access import Actor
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.web.test_api import Api
from training_app.models import RunEvent, TrainingRun
from training_app.selectors.history import history
from training_app.services import external, live_recorders

pytestmark = pytest.mark.django_db


class Program:
    """A training program: its token, its run, the number of its last batch."""

    def __init__(self, actor: Actor, **opening: Any) -> None:
        self.actor, self.api, self.seq = actor, Api(actor), 0
        self.opening = {"name": "far away", "id": "far-1", **opening}
        self.started = self.api.post("/runs", self.opening, 201)
        self.session = self.started["session"]

    def again(self, **more: Any) -> None:
        self.started = self.api.post("/runs", self.opening | more)
        self.session, self.seq = self.started["session"], 0

    def send(self, *steps: int, status: int = 200, seq: int = 0, **more: Any) -> Any:
        """One point for each step: the loss is a tenth of it, a hundred tokens each."""
        self.seq = seq or self.seq + 1
        points = [{"step": s, "tokens": s * 100, "time": 1.6e9 + s, "values": {"loss": s / 10}} for s in steps]
        body = {"session": self.session, "seq": self.seq, "points": points, **more}
        return self.api.post(f"/runs/{self.started['run']}/points", body, status)

    def call(self, verb: str, status: int = 200, **body: Any) -> Any:
        return self.api.post(f"/runs/{self.started['run']}/{verb}", {"session": self.session, **body}, status)

    @property
    def run(self) -> TrainingRun:
        return TrainingRun.objects.select_related("job").get(pk=int(self.started["run"][4:]))

    def stored(self) -> list[int]:
        return history(self.actor, self.run, ["loss"]).series["loss"].step.tolist()

    def events(self) -> list[tuple[str, int]]:
        return list(RunEvent.objects.filter(run=self.run).values_list("kind", "step"))


@pytest.fixture
def program(editor: Actor) -> Program:
    return Program(editor, seed=7, group="far", steps=10, settings={"optimiser": {"lr": 0.1}})


def go_silent(program: Program) -> None:
    Job.objects.filter(pk=program.run.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep()


def test_a_run_lives_and_ends_as_its_program_says(program: Program) -> None:
    run = program.run
    assert (run.name, run.seed, run.group, run.source, run.job.state) == ("far away", 7, "far", "client", "running")
    assert run.job.lease_until - timezone.now() > timedelta(seconds=500)
    program.send(1, 2, 3, events=[{"kind": "note", "message": "warmed up", "step": 3}])
    run = program.run
    assert (run.step, run.tokens, run.latest, run.job.done, run.job.total) == (3, 300, {"loss": 0.3}, 3, 10)
    assert program.events() == [("started", 0), ("note", 3)]
    assert history(program.actor, run, ["loss"]).series["loss"].time.tolist() == [1.6e9 + s for s in (1, 2, 3)]
    assert program.call("finish") == {
        "run": run.uid, "name": "far away", "source": "client", "state": "succeeded", "step": 3, "tokens": 300,
        "series": 1,
    }  # fmt: skip
    assert program.call("finish")["state"] == "succeeded"
    assert "has succeeded" in program.send(4, status=409)["problems"][0]["message"]
    assert program.run.summary == {"steps": 3, "tokens": 300}


def test_a_batch_that_is_sent_again_is_stored_once(program: Program) -> None:
    program.send(1, 2, events=[{"message": "once"}])
    program.send(1, 2, seq=1, events=[{"message": "once"}])
    program.send(3)
    program.send(1, 2, seq=1)
    assert program.stored() == [1, 2, 3] and len(program.events()) == 2


def test_a_server_that_has_forgotten_its_recorders_goes_on(program: Program) -> None:
    program.send(1, 2)
    live_recorders.forget(program.session)
    program.send(3)
    assert program.stored() == [1, 2, 3] and program.run.sparkline == [0.1, 0.2, 0.3]
    assert program.run.best == {"loss": 0.1}


def test_a_silent_program_has_failed_until_it_speaks_again(program: Program) -> None:
    program.send(1, 2)
    go_silent(program)
    job = program.run.job
    assert job.state == "failed" and job.message.startswith("client silent since")
    program.send(3)
    run = program.run
    assert (run.job.state, run.job.attempt, run.job.message) == ("running", 2, "")
    assert program.stored() == [1, 2, 3] and program.events()[-1] == ("resumed", 2)
    assert run.best == {"loss": 0.1}


def test_the_same_id_is_the_same_run_and_the_older_program_can_write_no_more(program: Program) -> None:
    old = program.session
    program.send(1, 2)
    program.again()
    assert (program.started["run"], program.started["step"], program.started["attempt"]) == (program.run.uid, 2, 2)
    program.send(3)
    program.session, new = old, program.session
    assert "another program" in program.send(4, status=409)["problems"][0]["message"]
    program.session = new
    assert program.stored() == [1, 2, 3] and TrainingRun.objects.count() == 1
    program.call("finish", state="failed", message="out of memory")
    assert program.run.job.message == "out of memory"
    program.again()
    assert program.run.job.state == "running" and program.run.job.message == ""
    program.call("finish")
    assert "has succeeded" in program.api.post("/runs", program.opening, 409)["problems"][0]["message"]


def test_a_program_may_go_back_to_a_step(program: Program) -> None:
    program.send(1, 2, 3, 4)
    program.again(resume_step=2)
    assert program.started["step"] == 2 and program.stored() == [1, 2]
    program.send(3)
    assert program.stored() == [1, 2, 3] and program.run.latest == {"loss": 0.3}


def test_a_user_may_cancel_and_nothing_else(program: Program) -> None:
    job = program.run.job
    assert services.verbs_for(job) == ["cancel"]
    for verb in ("pause", "retry"):
        answer = program.api.post(f"/jobs/{job.uid}/{verb}", {}, 422)
        assert "held by its own program" in answer["problems"][0]["message"]
    services.cancel(program.actor, job)
    assert program.send(1) == {"control": "cancel"}
    assert program.run.job.state == "cancelled" and program.stored() == [1]
    assert "has been cancelled" in program.send(2, status=409)["problems"][0]["message"]


def test_nobody_starts_one_as_an_ordinary_job(program: Program) -> None:
    answer = program.api.post("/jobs/external-run", {"name": "x"}, 422)
    assert answer["problems"][0]["field"] == "kind"
    assert signed_in(program.actor).get("/jobs/new/external-run/").status_code == 404


@pytest.mark.parametrize(
    ("points", "field", "said"),
    [
        ([{"step": 1, "values": {"a*": 1}}], "points.0.values.a*.[key]", "match pattern"),
        ([{"step": 1, "values": {"a" * 201: 1}}], f"points.0.values.{'a' * 201}.[key]", "at most 200"),
        ([{"step": 1, "values": {"loss": "low"}}], "points.0.values.loss", "valid number"),
        ([{"step": -1, "values": {}}], "points.0.step", "greater than or equal to 0"),
        ([{"step": 5, "values": {}}, {"step": 4, "values": {}}], "points.1.step", "4 comes after 5"),
        ([{"step": 1, "tokens": 9, "values": {}}, {"step": 2, "tokens": 8, "values": {}}], "points.1.tokens", "must"),
        ([{"step": 1, "values": {}}] * 5001, "points", "at most 5000"),
        ([{"step": 1, "values": {f"k{n}": 0 for n in range(5001)}}], "points.0.values", "at most 5000"),
        ([{"step": s, "values": {f"k{s}/{n}": 0 for n in range(4000)}} for s in (1, 2)], "points", "more than 5,000"),
        ([{"step": 1, "values": {"loss\0": 1}}], "points.0.values", "Null characters"),
    ],
)
def test_what_is_wrong_with_a_batch_is_said_and_nothing_of_it_kept(
    program: Program, points: Any, field: str, said: str
) -> None:
    problem = program.call("points", 422, seq=1, points=points)["problems"][0]
    assert problem["field"] == field and said in problem["message"]
    program.send(1, seq=1)
    assert program.stored() == [1] and list(program.run.latest) == ["loss"]


def test_numbers_that_json_lacks_are_words_and_are_kept(program: Program) -> None:
    values = {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1}
    program.call("points", seq=1, points=[{"step": 1, "values": values}])
    assert program.run.latest == values


def test_a_body_that_is_too_large_is_refused_before_it_is_read(program: Program) -> None:
    answer = program.call("points", 413, seq=1, padding="x" * 2_100_000)
    assert "at most 2,000,000 bytes" in answer["problems"][0]["message"]


def test_a_config_has_a_bound_too(editor: Actor) -> None:
    problem = Api(editor).post("/runs", {"name": "x", "settings": {"a": "b" * 300_000}}, 422)["problems"][0]
    assert problem["field"] == "settings" and "at most 256,000" in problem["message"]


def test_viewers_and_members_of_other_projects_are_refused(program: Program, viewer: Actor, stranger: Actor) -> None:
    assert "role editor" in Api(viewer).post("/runs", {"name": "x"}, 403)["problems"][0]["message"]
    body = {"session": program.session, "seq": 1, "points": [{"step": 1, "values": {"loss": 1}}]}
    path = f"/runs/{program.started['run']}"
    Api(viewer).post(f"{path}/points", body, 403)
    for verb in ("points", "heartbeat", "finish"):
        Api(stranger).post(f"{path}/{verb}", body if verb == "points" else {"session": program.session}, 404)
    Api(stranger).get(path, 404)
    assert Api(viewer).get(path)["step"] == 0 and program.stored() == []
    mine = Program(stranger)
    assert mine.started["run"] != program.started["run"], "an id belongs to its project"


def test_a_run_of_our_own_trainer_cannot_be_written(editor: Actor) -> None:
    from tests.web.run_factory import make_run

    run = make_run(editor)
    body = {"session": "0" * 32, "seq": 1}
    assert "another program" in Api(editor).post(f"/runs/{run.uid}/points", body, 409)["problems"][0]["message"]


def test_two_starts_of_one_id_at_the_same_moment_make_one_run(program: Program, monkeypatch: Any) -> None:
    """The second sees no job yet, fails to make one, and finds the first's."""
    known, blind = external._known, iter([True])
    monkeypatch.setattr(external, "_known", lambda *said: None if next(blind, False) else known(*said))
    program.again()
    assert TrainingRun.objects.count() == 1
