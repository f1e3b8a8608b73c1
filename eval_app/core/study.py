"""The plan of a study: which schedules and runs exist by now, given what has finished (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chimera.errors import InputError, Problem
from chimera.jobs.kinds import Child, Finished
from chimera.refs import Ref
from curriculum_app.core.configs_order import PolicyChoice, ScheduleConfig
from curriculum_app.core.schedule import Schedule
from eval_app.core.configs_evaluate import EvaluateConfig
from eval_app.core.configs_study import ArmAverage, ArmConfig, StudyConfig
from eval_app.core.study_evidence import gather, scored_in
from eval_app.core.verdicts.deciding import stand
from eval_app.core.verdicts.stopping import Look, looks_of
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.configs_average import AverageConfig
from training_app.core.kept_names import FINAL, checkpoints_of


def plan(config: StudyConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """Every child that may exist: a schedule per arm and seed, a run on each finished schedule, an average of each
    finished run whose arm asks for one, an evaluation of each that is scored on a common held-out text.

    Seeds are the outer loop: the first finished runs are a pair, and an interrupted study is as balanced as can be.
    After a declared look, arms whose difference is clear get no further seeds; the study ends when all are.

    Raises:
        InputError: a run has kept fewer checkpoints than its arm averages.
    """
    children: list[Child] = []
    arms, begun = config.arms, 0
    looks = looks_of(len(config.seeds), config.alpha, config.early_stop)
    for number, look in enumerate(looks, start=1):
        cells = [(index, arm) for index in range(begun, look.seeds) for arm in arms]
        for index, arm in cells:
            children.extend(_cell(config, arm, index, finished))
        if look is looks[-1] or not all(scored_in(config, arm, config.seeds[i]) in finished for i, arm in cells):
            break
        arms, begun = _still_open(config, looks[:number], finished), look.seeds
        if not arms:
            break
    return list({child.slot: child for child in children}.values())  # arms may share runs


def _still_open(config: StudyConfig, looks: list[Look], finished: Mapping[str, Finished]) -> list[ArmConfig]:
    """The arms that are run on after these looks; none when every arm with the baseline's budget is decided."""
    evidence = gather(config, finished)
    decided = {name for name, each in stand(evidence, looks).items() if each.decided}
    rivals = [arm for arm in evidence.arms if arm.name != config.baseline and evidence.matched(arm)]
    if all(arm.name in decided for arm in rivals):
        return []
    return [arm for arm in config.arms if arm.name not in decided]


def _cell(config: StudyConfig, arm: ArmConfig, index: int, finished: Mapping[str, Finished]) -> Iterator[Child]:
    """All of one arm at one seed; of an arm that shares another's runs, those."""
    seed, source = config.seeds[index], config.trained_as(arm)
    yield from _schedule_and_run(config, source, index, finished)
    if arm.average is not None:
        yield from _average(config, arm, arm.average, seed, finished)
    if config.evaluated:
        yield from _evaluation(config, arm, seed, finished)


def _schedule_and_run(
    config: StudyConfig, arm: ArmConfig, index: int, finished: Mapping[str, Finished]
) -> Iterator[Child]:
    seed = config.seeds[index]
    schedule = arm.schedules[index] if arm.schedules else None
    if schedule is None:
        yield from _schedules(config, arm, index, finished)
        made = finished.get(f"schedule/{arm.name}/{seed}")
        schedule = Ref[Schedule](made.artifacts["schedule"]) if made else None
    if schedule is not None:
        yield _train(config, arm, seed, schedule)


def _schedules(config: StudyConfig, arm: ArmConfig, index: int, finished: Mapping[str, Finished]) -> Iterator[Child]:
    """The arm's schedule; before one that shuffles another arm's, that one."""
    seed, policy = config.seeds[index], arm.policy
    if arm.shuffled_of:
        source = config.trained_as(config.arm(arm.shuffled_of))
        if not source.schedules:
            yield from _schedules(config, source, index, finished)
        policy = _shuffling(source, index, finished.get(f"schedule/{source.name}/{seed}"))
    if policy is not None:
        yield Child(f"schedule/{arm.name}/{seed}", "schedule", schedule_of(config, arm, policy, seed))


def _shuffling(source: ArmConfig, index: int, made: Finished | None) -> PolicyChoice | None:
    """The policy that shuffles what an arm is shown at a seed; None until that is known."""
    if source.schedules:
        return PolicyChoice(key="reshuffled", config={"schedule": str(source.schedules[index])})
    return PolicyChoice(key="reshuffled", config={"schedule": made.artifacts["schedule"]}) if made else None


def schedule_of(config: StudyConfig, arm: ArmConfig, policy: PolicyChoice, seed: int) -> ScheduleConfig:
    """The schedule of an arm at a seed."""
    return ScheduleConfig(
        name=arm.name,
        sequences=config.sequences_of(arm),
        policy=policy,
        budget_tokens=config.tokens_of(arm),
        pool_seed=config.pool_seed,
        seed=seed,
    )


def _train(config: StudyConfig, arm: ArmConfig, seed: int, schedule: Ref[Schedule]) -> Child:
    settings = config.train.as_json() | {"learning_rate": config.learning_rate_of(arm).as_json()}
    settings |= {"model": arm.model.as_json()} if arm.model else {}
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


def _evaluation(config: StudyConfig, arm: ArmConfig, seed: int, finished: Mapping[str, Finished]) -> Iterator[Child]:
    """The scores of the arm's model on the text that all arms have in common, and on tasks."""
    source = f"average/{arm.name}/{seed}" if arm.average else f"train/{config.trained_as(arm).name}/{seed}"
    if source not in finished:
        return
    yield Child(
        f"evaluate/{arm.name}/{seed}",
        "evaluate",
        EvaluateConfig(
            **(config.tasks.as_json() if config.tasks else {}),
            name=f"{arm.name} · seed {seed}",
            checkpoint=Ref[Checkpoint](finished[source].artifacts[FINAL]),
            sequences=config.held_out,
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
