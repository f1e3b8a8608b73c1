"""The plan of a study: which schedules and runs exist by now, given what has finished (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chimera.jobs.kinds import Child, Finished
from chimera.refs import Ref
from curriculum_app.core.configs_order import PolicyChoice, ScheduleConfig
from curriculum_app.core.schedule import Schedule
from eval_app.core.configs_study import ArmConfig, StudyConfig
from training_app.core.configs import TrainConfig


def plan(config: StudyConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """Every child that may exist: a schedule per arm and seed, then a run on each finished schedule.

    Seeds are the outer loop: the first finished runs are a pair, and an interrupted study is as balanced as can be.
    """
    children: list[Child] = []
    for index, seed in enumerate(config.seeds):
        for arm in config.arms:
            children.extend(_cell(config, arm, index, seed, finished))
    return children


def _cell(
    config: StudyConfig, arm: ArmConfig, index: int, seed: int, finished: Mapping[str, Finished]
) -> Iterator[Child]:
    if arm.policy is None:
        yield _train(config, arm, seed, arm.schedules[index])
        return
    slot = f"schedule/{arm.name}/{seed}"
    yield Child(slot, "schedule", schedule_of(config, arm, arm.policy, seed))
    if slot in finished:
        yield _train(config, arm, seed, Ref[Schedule](finished[slot].artifacts["schedule"]))


def schedule_of(config: StudyConfig, arm: ArmConfig, policy: PolicyChoice, seed: int) -> ScheduleConfig:
    """The schedule of an arm at a seed."""
    return ScheduleConfig(
        name=arm.name,
        sequences=config.sequences,
        policy=policy,
        budget_tokens=config.budget_tokens,
        pool_seed=config.pool_seed,
        seed=seed,
    )


def _train(config: StudyConfig, arm: ArmConfig, seed: int, schedule: Ref[Schedule]) -> Child:
    settings = config.train.as_json() | {"learning_rate": config.learning_rate_of(arm).as_json()}
    run = TrainConfig(**settings, name=f"{arm.name} · seed {seed}", group=arm.name, schedule=schedule, seed=seed)
    return Child(f"train/{arm.name}/{seed}", "train", run)
