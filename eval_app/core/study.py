"""The plan of a study: which schedules and runs exist by now, given what has finished (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chimera.errors import InputError, Problem
from chimera.jobs.kinds import Child, Finished
from chimera.refs import Ref
from curriculum_app.core.configs_order import PolicyChoice, ScheduleConfig
from curriculum_app.core.schedule import Schedule
from eval_app.core.configs_study import ArmAverage, ArmConfig, StudyConfig
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.configs_average import AverageConfig
from training_app.core.kept_names import checkpoints_of


def plan(config: StudyConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """Every child that may exist: a schedule per arm and seed, a run on each finished schedule, an average of each
    finished run whose arm asks for one.

    Seeds are the outer loop: the first finished runs are a pair, and an interrupted study is as balanced as can be.

    Raises:
        InputError: a run has kept fewer checkpoints than its arm averages.
    """
    children: list[Child] = []
    for index, seed in enumerate(config.seeds):
        for arm in config.arms:
            if config.trained_as(arm) is arm:
                children.extend(_cell(config, arm, index, seed, finished))
            if arm.average is not None:
                children.extend(_average(config, arm, arm.average, seed, finished))
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


def _average(
    config: StudyConfig, arm: ArmConfig, average: ArmAverage, seed: int, finished: Mapping[str, Finished]
) -> Iterator[Child]:
    """The average of the last checkpoints of the arm's run, which the job scores on the run's own held-out text."""
    run = finished.get(f"train/{config.trained_as(arm).name}/{seed}")
    if run is None:
        return
    kept = checkpoints_of(run.artifacts)[-average.last :]
    if len(kept) < average.last:
        raise InputError(too_few(arm, average, len(kept), config.arms.index(arm)))
    yield Child(
        f"average/{arm.name}/{seed}",
        "average",
        AverageConfig(
            name=f"{arm.name} · seed {seed}, last {average.last} averaged",
            checkpoints=[Ref[Checkpoint](uid) for uid in kept],
            weights=average.weights,
            device=config.train.device,
            threads=config.train.threads,
        ),
    )


def too_few(arm: ArmConfig, average: ArmAverage, kept: int, number: int) -> Problem:
    """What is wrong with an arm (of this number) whose runs keep only so many checkpoints."""
    return Problem(
        f"a run of arm {arm.name!r} keeps {kept} checkpoints, not {average.last}",
        field=f"arms.{number}.average.last",
        hint="average fewer of them, or let the runs keep one more often (train.keep_every_steps)",
    )
