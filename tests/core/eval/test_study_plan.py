"""The plan of a study and of the starter study: pure functions of what has finished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from chimera.errors import InputError
from chimera.jobs.kinds import Child, Finished
from curriculum_app.core.configs_order import PolicyChoice
from eval_app.core import starter, study
from eval_app.core.configs_study import ArmConfig, StarterConfig, StudyConfig
from training_app.core.configs import LearningRateChoice

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results"
CONFIG = StudyConfig(sequences="sequences-1", budget_tokens=1024, seeds=[7, 8])


def finish(children: list[Child], kind: str, artifact: str) -> dict[str, Finished]:
    made = [child for child in children if child.kind == kind]
    return {child.slot: Finished({artifact: f"{artifact}-{n}"}, {}) for n, child in enumerate(made, start=1)}


def test_a_study_begins_with_one_schedule_per_arm_and_seed() -> None:
    slots = [child.slot for child in study.plan(CONFIG, {})]
    assert slots == [
        "schedule/shuffled/7",
        "schedule/easy-to-hard/7",
        "schedule/shuffled/8",
        "schedule/easy-to-hard/8",
    ]


def test_a_run_appears_when_its_schedule_has_finished_and_carries_its_seed() -> None:
    done = {"schedule/easy-to-hard/8": Finished({"schedule": "schedule-5"}, {})}
    runs = [child for child in study.plan(CONFIG, done) if child.kind == "train"]
    assert [(run.slot, run.config.schedule, run.config.seed) for run in runs] == [
        ("train/easy-to-hard/8", "schedule-5", 8)
    ]
    assert runs[0].config.group == "easy-to-hard"


def test_both_arms_order_one_pool() -> None:
    schedules = [child.config for child in study.plan(CONFIG, {})]
    assert len({(s.budget_tokens, s.pool_seed, str(s.sequences)) for s in schedules}) == 1


def test_arms_with_ready_schedules_train_on_them_at_once() -> None:
    arms = [
        ArmConfig(name="a", schedules=["schedule-1", "schedule-2"]),
        ArmConfig(name="b", schedules=["schedule-3", "schedule-4"]),
    ]
    config = CONFIG.model_copy(update={"arms": arms, "baseline": "a"})
    assert [(c.slot, str(c.config.schedule)) for c in study.plan(config, {})] == [
        ("train/a/7", "schedule-1"),
        ("train/b/7", "schedule-3"),
        ("train/a/8", "schedule-2"),
        ("train/b/8", "schedule-4"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"baseline": "nobody"}, "baseline 'nobody' is not an arm"),
        ({"seeds": [1, 1]}, "a seed is listed twice"),
        ({"arms": [{"name": "a", "policy": {"key": "shuffle"}}] * 2}, "two arms have the same name"),
        ({"arms": [{"name": "a"}, {"name": "b", "policy": {"key": "shuffle"}}]}, "either a policy or ready schedules"),
        ({"arms": [{"name": "a", "policy": {"key": "shufle"}}, {"name": "b"}]}, "did you mean 'shuffle'"),
    ],
)
def test_an_impossible_study_is_refused_with_a_reason(change: dict, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        StudyConfig.model_validate({"sequences": "sequences-1", **change})


def test_the_starter_study_imports_then_curates_groups_and_compares() -> None:
    config = StarterConfig(scale="test", seeds=[1, 2])
    children = starter.plan(config, {})
    assert {child.kind for child in children} == {"import"}

    done = finish(children, "import", "dataset")
    children = starter.plan(config, done)
    assert [child.slot for child in children if child.slot not in done] == ["curate"]

    done |= finish(children, "curate", "dataset")
    children = starter.plan(config, done)
    assert [child.slot for child in children if child.slot not in done] == ["group"]

    done |= finish(children, "group", "sequences")
    last = starter.plan(config, done)[-1]
    assert (last.kind, last.config.seeds, last.config.sequences) == ("study", [1, 2], "sequences-1")
    assert [arm.policy for arm in last.config.arms] == [PolicyChoice(key="shuffle"), PolicyChoice(key="easy_to_hard")]


@pytest.mark.parametrize("name", ["length-warm-up", "quality-ascending"])
def test_the_kept_studies_of_pacing_are_valid_and_differ_in_what_they_say(name: str) -> None:
    config = StudyConfig.model_validate_json((RESULTS / f"{name}.json").read_text())
    done = finish(study.plan(config, {}), "schedule", "schedule")
    runs = [child.config for child in study.plan(config, done) if child.kind == "train"]
    assert len(runs) == 20 and len(study.plan(config, {})) == 20
    rates = {run.group: run.learning_rate.as_json() for run in runs}
    assert len({json.dumps(rate) for rate in rates.values()}) == 2
    assert len({json.dumps(run.as_json()["optimizer"]) for run in runs}) == 1


def averaged(last: int, every: int = 2) -> StudyConfig:
    """An arm, the same with its last checkpoints averaged, and one of another order, averaged too."""
    average = {"last": last, "weights": {"key": "uniform"}}
    arms = [
        {"name": "plain", "policy": {"key": "shuffle"}},
        {"name": "averaged", "policy": {"key": "shuffle"}, "average": average},
        {"name": "easy", "policy": {"key": "easy_to_hard"}, "average": average},
    ]
    said = {"sequences": "sequences-1", "arms": arms, "baseline": "plain", "seeds": [7]}
    return StudyConfig.model_validate({**said, "train": {"keep_every_steps": every}})


def test_arms_that_differ_in_their_average_alone_share_their_runs_and_are_averaged_when_those_have_finished() -> None:
    config = averaged(last=2)
    done = finish(study.plan(config, {}), "schedule", "schedule")
    assert [child.slot for child in study.plan(config, done) if child.slot not in done] == [
        "train/plain/7",
        "train/easy/7",
    ]
    made = {"run": "run-1", "step 10": "checkpoint-5", "step 8": "checkpoint-4", "checkpoint": "checkpoint-6"}
    done["train/plain/7"] = Finished(made, {})
    [average] = [child for child in study.plan(config, done) if child.kind == "average"]
    assert average.slot == "average/averaged/7" and average.config.weights.key == "uniform"
    assert average.config.checkpoints == ["checkpoint-5", "checkpoint-6"]


def test_averages_of_checkpoints_that_are_not_kept_are_refused() -> None:
    with pytest.raises(ValidationError, match="set how many steps apart"):
        averaged(last=2, every=0)
    done = {"train/plain/7": Finished({"step 8": "checkpoint-4", "checkpoint": "checkpoint-6"}, {})}
    with pytest.raises(InputError, match="keeps 2 checkpoints, not 3") as error:
        study.plan(averaged(last=3), done)
    assert error.value.problems[0].field == "arms.1.average.last"


def test_an_arm_may_learn_at_a_rate_of_its_own() -> None:
    rate = LearningRateChoice(key="constant", config={"peak": 0.01})
    arms = [CONFIG.arms[0], CONFIG.arms[1].model_copy(update={"learning_rate": rate})]
    config = CONFIG.model_copy(update={"arms": arms})
    done = {f"schedule/{arm.name}/7": Finished({"schedule": "schedule-1"}, {}) for arm in arms}
    runs = {c.config.group: c.config for c in study.plan(config, done) if c.kind == "train"}
    assert runs["easy-to-hard"].learning_rate == rate
    assert runs["shuffled"].learning_rate == config.train.learning_rate
