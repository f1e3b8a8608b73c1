"""The same mistake is told in the same words at every door, and a job that was started twice is one job."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from chimera.config_forms import ConfigForm, posted
from chimera.errors import Problem
from chimera.jobs import runner, services, sweep
from chimera.jobs.kinds import get_kind
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from chimera.projects.services import create_token
from curriculum_app.models import Curriculum, DatasetVersion, Schedule, SequenceSet
from tests.conftest import signed_in
from tests.jobs.conftest import quiet  # noqa: F401
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.jobs.test_races import at_once

pytestmark = pytest.mark.django_db


ABSENT = object()


@dataclass(frozen=True)
class Mistake:
    """A valid config of a kind, what is made wrong in it, and where that is told in which words."""

    kind: str
    valid: dict[str, Any]
    wrong: dict[str, Any]
    told: list[tuple[str, str]]

    @property
    def config(self) -> dict[str, Any]:
        return {name: value for name, value in (self.valid | self.wrong).items() if value is not ABSENT}


IMPORT = {"name": "books", "path": "books.jsonl"}
CURATE = {"name": "clean", "datasets": ["dataset-1"], "recipes": {"text": [{"key": "min_length", "config": {}}]}}
MEASURE = {"name": "columns", "dataset": "dataset-1"}
GROUP = {"name": "sequences", "dataset": "dataset-1"}
SCHEDULE = {"name": "arm", "sequences": "sequences-1", "policy": {"key": "easy_to_hard"}, "budget_tokens": 4096}
TRAIN = {"name": "run", "schedule": "schedule-1"}
STUDY = {"name": "question", "sequences": "sequences-1"}
ARMS = [
    {"name": "one", "policy": {"key": "shuffle", "config": {}}},
    {"name": "two", "policy": {"key": "easy_to_hard", "config": {}}},
]

MISTAKES = {
    "a field that does not exist": Mistake(
        "import", IMPORT, {"pth": "x"}, [("pth", "Extra inputs are not permitted")]
    ),
    "fields that are missing": Mistake(
        "import", IMPORT, {"name": ABSENT, "path": ABSENT}, [("name", "Field required"), ("path", "Field required")]
    ),
    "a number out of range": Mistake(
        "import", IMPORT, {"max_bad_fraction": 2}, [("max_bad_fraction", "less than or equal to 1")]
    ),
    "a word that is no choice": Mistake("import", IMPORT, {"format": "xml"}, [("format", "Input should be 'auto'")]),
    "a mapping without text": Mistake(
        "import", IMPORT, {"mapping": {"id": "id"}}, [("mapping", "must say which key holds the text")]
    ),
    "a mapping whose template has a single brace": Mistake(
        "import",
        IMPORT,
        {"mapping": {"text": {"template": "{title"}, "stars": {"from": "stars", "cast": "number"}}},
        [("mapping.text", "a single { at character 1"), ("mapping.stars.cast", "Input should be 'none'")],
    ),
    "a name for what does not exist": Mistake(
        "train", TRAIN, {"schedule": "schedule-999999"}, [("schedule", "schedule-999999 does not exist in project")]
    ),
    "the name of another kind of thing": Mistake(
        "train", TRAIN, {"schedule": "dataset-1"}, [("schedule", "must name a schedule, for example schedule-1")]
    ),
    "two things in a list, one of them missing": Mistake(
        "curate", CURATE, {"datasets": ["dataset-1", "dataset-999999"]}, [("datasets.1", "does not exist in project")]
    ),
    "a policy that does not exist": Mistake(
        "schedule", SCHEDULE, {"policy": {"key": "easy_to_hrad"}}, [("policy.key", "unknown policy 'easy_to_hrad'")]
    ),
    "a setting of a policy out of range": Mistake(
        "schedule",
        SCHEDULE,
        {"policy": {"key": "easy_to_hard", "config": {"sharpness": 99}}},
        [("policy.config.sharpness", "less than or equal to 12")],
    ),
    "a setting that the policy does not have": Mistake(
        "schedule",
        SCHEDULE,
        {"policy": {"key": "easy_to_hard", "config": {"sharpnes": 1}}},
        [("policy.config.sharpnes", "Extra inputs are not permitted")],
    ),
    "a model that a measure does not name": Mistake(
        "measure",
        MEASURE,
        {"measures": [{"key": "reference_perplexity"}]},
        [("measures.0.config.checkpoint", "names no checkpoint")],
    ),
    "a model of a measure that does not exist": Mistake(
        "measure",
        MEASURE,
        {"measures": [{"key": "length"}, {"key": "reference_perplexity", "config": {"checkpoint": "checkpoint-999"}}]},
        [("measures.1.config.checkpoint", "checkpoint-999 does not exist in project")],
    ),
    "a filter deep inside a recipe": Mistake(
        "curate",
        CURATE,
        {"recipes": {"text": [{"key": "min_length"}, {"key": "length", "config": {"min_chars": -1}}]}},
        [("recipes.text.1.config.min_chars", "greater than or equal to 0")],
    ),
    "parts of a nested config that do not fit": Mistake(
        "train",
        TRAIN,
        {"model": {"key": "llama", "config": {"hidden_size": 100, "num_heads": 3}}},
        [("model.config", "must be a multiple of 2 × num")],
    ),
    "two nested numbers out of range": Mistake(
        "train",
        TRAIN,
        {
            "model": {"key": "llama", "config": {"num_layers": 0}},
            "learning_rate": {"key": "cosine", "config": {"peak": 5}},
        },
        [
            ("model.config.num_layers", "greater than or equal to 1"),
            ("learning_rate.config.peak", "less than or equal to 1"),
        ],
    ),
    "an objective that does not exist": Mistake(
        "train", TRAIN, {"objective": {"key": "preferences"}}, [("objective.key", "unknown objective 'preferences'")]
    ),
    "settings of an objective out of range": Mistake(
        "train",
        TRAIN,
        {"objective": {"key": "preference", "config": {"beta": 0, "label_smoothing": 0.5, "loss": "kto"}}},
        [
            ("objective.config.loss", "Input should be 'sigmoid' or 'ipo'"),
            ("objective.config.beta", "greater than 0"),
            ("objective.config.label_smoothing", "less than 0.5"),
        ],
    ),
    "a form of sequences that does not exist": Mistake(
        "group", GROUP, {"form": "dialogue"}, [("form", "Input should be 'text', 'chat' or 'pairs'")]
    ),
    "the tokenizer of a checkpoint that does not exist": Mistake(
        "group", GROUP, {"tokenizer": "checkpoint-999"}, [("tokenizer", "checkpoint-999 does not exist in project")]
    ),
    "arms that do not hold the baseline": Mistake(
        "study", STUDY, {"arms": ARMS, "baseline": "three"}, [("", "baseline 'three' is not an arm")]
    ),
    "arms with the same name": Mistake(
        "study", STUDY, {"arms": [ARMS[0], ARMS[0]]}, [("", "two arms have the same name")]
    ),
    "an arm with an unknown policy": Mistake(
        "study",
        STUDY,
        {"arms": [ARMS[0], {"name": "two", "policy": {"key": "shufle"}}], "baseline": "one"},
        [("arms.1.policy.key", "unknown policy 'shufle'")],
    ),
    "a seed out of range": Mistake("study", STUDY, {"seeds": [1, -1]}, [("seeds.1", "greater than or equal to 0")]),
    "a seed twice": Mistake("study", STUDY, {"seeds": [1, 1]}, [("seeds", "a seed is listed twice")]),
}  # fmt: skip
of_every_mistake = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())


@pytest.fixture
def things(owner: Actor) -> dict[str, str]:
    """Rows that references may name, and the numbers they really got."""
    same: dict[str, Any] = {"project": owner.project, "name": "made", "version": 1, "digest": "0" * 64}
    dataset = DatasetVersion.objects.create(**same)
    sequences = SequenceSet.objects.create(**same, dataset=dataset)
    curriculum = Curriculum.objects.create(project=owner.project, name="made", version=1)
    manifest = {"num_rows": 128, "num_tokens": 4096}
    schedule = Schedule.objects.create(
        **same, curriculum=curriculum, sequence_set=sequences, budget_tokens=4096, manifest=manifest
    )
    return {f"{row.ref_kind}-1": row.uid for row in (dataset, sequences, schedule)}


def named(value: Any, things: dict[str, str]) -> Any:
    """The value with the references of this test's own rows."""
    text = json.dumps(value, ensure_ascii=False)
    for there, here in things.items():
        text = text.replace(f'"{there}"', f'"{here}"')
    return json.loads(text)


# -- the doors ---------------------------------------------------------------------------------------------------------


def through_rest(actor: Actor, kind: str, config: dict[str, Any]) -> list[Problem]:
    client = Client(headers={"Authorization": f"Bearer {create_token(actor, 'test')[1]}"})
    response = client.post(f"/api/jobs/{kind}", config, content_type="application/json")
    assert response.status_code == 422, response.content
    return [Problem(**item) for item in response.json()["problems"]]


def through_command(kind: str, config: dict[str, Any], folder: Path) -> list[Problem]:
    file, out, err = folder / "config.json", io.StringIO(), io.StringIO()
    file.write_text(json.dumps(config))
    with pytest.raises(SystemExit) as stopped:
        call_command("chimera", "run", kind, "--config", str(file), "--json", stdout=out, stderr=err)
    result = json.loads(out.getvalue().strip().splitlines()[-1])
    assert (stopped.value.code, result["status"]) == (2, "invalid")
    problems = [Problem(**item) for item in result["problems"]]
    assert err.getvalue().split("\n")[:-1] == [line for item in problems for line in str(item).split("\n")]
    return problems


def through_task(actor: Actor, kind: str, valid: dict[str, Any], wrong: dict[str, Any]) -> list[Problem]:
    """A job whose row holds what no door would let in (an older version of Chimera may have)."""
    job, _ = services.start(actor, kind, valid)
    Job.objects.filter(pk=job.pk).update(config=wrong)
    if job.composite:
        sweep.heal_composites()
    else:
        assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_class) == (State.FAILED, "InputError"), job.error_text
    return [Problem(**item) for item in job.problems]


def through_browser(actor: Actor, kind: str, config: dict[str, Any]) -> HttpResponse:
    """What the page answers when its form, filled in with this config, is submitted."""
    return signed_in(actor).post(reverse("job-new", args=[kind]), filled_in(kind, config))


def filled_in(kind: str, config: dict[str, Any]) -> dict[str, list[str]]:
    """The fields of the form of `kind` as a browser would send them; what has no field is sent under its own name."""
    described = get_kind(kind)
    form = ConfigForm(described.config, lambda ref_kind: [], lambda raw: described.config(), initial=config)
    data = dict(posted(form).lists())
    for path, value in leaves(config):
        if not any(path == name or path.startswith(f"{name}.") for name in form.fields):
            data[path] = [str(value)]
    return data


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(path, value)]
    return [found for key, item in value.items() for found in leaves(item, f"{path}.{key}" if path else key)]


def shown_on(response: HttpResponse) -> list[tuple[str, str]]:
    """Every error on the page with the field it stands at ("" above the form)."""
    assert response.status_code == 422
    page = response.content.decode()
    errors: dict[str, list[str]] = response.context["form"].errors
    found = [("" if name == "__all__" else name, text) for name, texts in errors.items() for text in texts]
    assert all(escape(text) in page for _, text in found)
    return found


def stands_at(problem: Problem, name: str, text: str) -> bool:
    """At its own field, or at the nearest one around or inside it with the rest of the path before the words."""
    rest = problem.field.removeprefix(name).strip(".")
    words = ": ".join(part for part in (rest, problem.message) if part)
    near = problem.field.startswith(name) or name.startswith(f"{problem.field}.")
    return near and text == (f"{words} - {problem.hint}" if problem.hint else words)


# -- what they say -----------------------------------------------------------------------------------------------------


@of_every_mistake
def test_rest_command_and_task_give_one_list_of_problems(
    mistake: Mistake, owner: Actor, things: dict[str, str], tmp_path: Path
) -> None:
    valid, config = named(mistake.valid, things), named(mistake.config, things)
    problems = through_rest(owner, mistake.kind, config)
    assert [problem.field for problem in problems] == [field for field, _ in mistake.told]
    assert all(words in problem.message for problem, (_, words) in zip(problems, mistake.told, strict=True))
    assert through_command(mistake.kind, config, tmp_path) == problems
    assert not Job.objects.exists()
    assert through_task(owner, mistake.kind, valid, config) == problems


@of_every_mistake
def test_the_page_shows_the_same_problems_at_their_fields_and_starts_nothing(
    mistake: Mistake, owner: Actor, things: dict[str, str]
) -> None:
    config = named(mistake.config, things)
    problems = through_rest(owner, mistake.kind, config)
    shown = shown_on(through_browser(owner, mistake.kind, config))
    assert len(shown) == len(problems)
    for problem in problems:
        assert any(stands_at(problem, name, text) for name, text in shown), (problem, shown)
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", ["import", "curate", "schedule", "train", "study"])
def test_what_is_right_is_accepted_with_one_and_the_same_config(
    kind: str, owner: Actor, things: dict[str, str]
) -> None:
    valid = {"import": IMPORT, "curate": CURATE, "schedule": SCHEDULE, "train": TRAIN, "study": STUDY}[kind]
    config = named(valid, things)
    response = through_browser(owner, kind, config)
    assert response.status_code == 302, shown_on(response)
    services.start(owner, kind, config)
    first, second = Job.objects.filter(parent=None)
    assert first.config == second.config and first.fingerprint == second.fingerprint


def test_a_mapping_that_says_more_than_keys_is_one_config_at_every_door(owner: Actor, tmp_path: Path) -> None:
    mapping = {
        "text": {"template": "{title}\n\n{body.text}"},
        "license": {"const": "MIT"},
        "stars": {"from": "stars", "cast": "int", "default": "0"},
        "url": {"from": "url"},
    }
    config = IMPORT | {"mapping": mapping}
    assert through_browser(owner, "import", config).status_code == 302
    job, _ = services.start(owner, "import", config)
    client = Client(headers={"Authorization": f"Bearer {create_token(owner, 'test')[1]}"})
    assert client.post("/api/jobs/import", config, content_type="application/json").status_code == 201
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    call_command("chimera", "run", "import", "--config", str(file), "--json", stdout=io.StringIO())
    assert job.config["mapping"] == mapping | {"url": "url"}
    assert [row.config for row in Job.objects.all()] == [job.config] * 4
    (schema,) = [kind["config_schema"] for kind in client.get("/api/kinds").json() if kind["kind"] == "import"]
    rule = schema["$defs"]["MappedValue"]["properties"]
    assert list(rule) == ["from", "const", "template", "cast", "default"]


def test_a_kind_that_does_not_exist_is_refused_everywhere(owner: Actor, tmp_path: Path) -> None:
    problems = through_rest(owner, "trian", {})
    assert problems[0].field == "kind" and "unknown job kind" in problems[0].message and "train" in problems[0].hint
    assert through_command("trian", {}, tmp_path) == problems
    assert signed_in(owner).get(reverse("job-new", args=["trian"])).status_code == 404


def test_a_character_that_no_database_holds_is_refused_everywhere(owner: Actor, tmp_path: Path) -> None:
    config = IMPORT | {"source": "a\0b", "mapping": {"text": "\0"}}
    words = "Null characters are not allowed."
    problems = through_rest(owner, "import", config)
    assert problems == [Problem(words, "source"), Problem(words, "mapping.text")]
    assert through_command("import", config, tmp_path) == problems
    assert shown_on(through_browser(owner, "import", IMPORT | {"source": "a\0b"})) == [("source", words)]


# -- one job however often it is asked for -----------------------------------------------------------------------------


def test_one_key_is_one_job_at_every_door(owner: Actor, tmp_path: Path) -> None:
    job, created = services.start(owner, "t-count", {"steps": 4}, key="mine")
    assert created
    client = Client(headers={"Authorization": f"Bearer {create_token(owner, 'test')[1]}", "Idempotency-Key": "mine"})
    again = client.post("/api/jobs/t-count", {"steps": 4}, content_type="application/json")
    assert (again.status_code, again.json()["job"]) == (200, job.uid)
    file, out = tmp_path / "config.json", io.StringIO()
    file.write_text('{"steps": 4}')
    call_command("chimera", "run", "t-count", "--config", str(file), "--key", "mine", "--json", stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["job"] == job.uid
    values = filled_in("t-count", {"steps": 4}) | {"idempotency_key": ["mine"]}
    page = signed_in(owner).post(reverse("job-new", args=["t-count"]), values)
    assert page["Location"] == reverse("job-detail", args=[job.pk])
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_give_one_job_and_both_lead_to_it(owner: Actor) -> None:
    values = filled_in("t-pairs", {}) | {"idempotency_key": ["one form"]}
    clients = [signed_in(owner), signed_in(owner)]
    answers = at_once(2, lambda number: clients[number].post(reverse("job-new", args=["t-pairs"]), values))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Job.objects.filter(parent=None).count() == 1 and Job.objects.filter(kind="t-count").count() == 2
