"""Small job kinds for tests: a counter that does as its config says, and a composite of counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from pydantic import Field

from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.jobs import kinds
from chimera.jobs.kinds import Adopted, Child, Finished, JobKind
from chimera.jobs.models import Job
from chimera.typed import Config

HERE = "tests.jobs.kinds_for_tests"


class CountConfig(Config):
    """Counts to `steps`, or ends as `end` says."""

    name: str = Field(default="count", title="Name", max_length=50)
    steps: int = Field(default=3, ge=1, le=1000, title="Steps", description="How far to count")
    end: Literal["well", "input", "disk", "missing", "crash", "adopt"] = Field(default="well", title="End")


def count(config: CountConfig, ctx: Context) -> int:
    if config.end == "input":
        raise InputError([Problem("steps are odd", field="steps", hint="take an even number")])
    if config.end == "disk":
        raise OSError(5, "disk hiccup")
    if config.end == "missing":
        raise FileNotFoundError(2, "no such file", "a.txt")
    if config.end == "crash":
        raise ZeroDivisionError("one by nought")
    for step in range(config.steps):
        ctx.check()
        ctx.log(f"step {step}")
        ctx.progress(step + 1, config.steps, "steps")
    (ctx.scratch / "mark").write_text(str(ctx.attempt))
    return config.steps


def adopt(job: Job, result: int) -> Adopted:
    if job.config["end"] == "adopt":
        raise ZeroDivisionError("while adopting")
    return Adopted({"number": f"number-{result}"}, {"counted": result, "attempt": job.attempt})


class PairsConfig(Config):
    """Counts in `pairs` pairs: the second of each starts when the first has succeeded."""

    name: str = "pairs"
    pairs: int = Field(default=2, ge=0, le=10)
    second: Literal["well", "crash"] = "well"
    plan: Literal["well", "crash"] = "well"


def plan(config: PairsConfig, finished: Mapping[str, Finished]) -> list[Child]:
    if config.plan == "crash":
        raise ZeroDivisionError("no plan")
    wanted = []
    for pair in range(config.pairs):
        wanted.append(Child(f"first/{pair}", "t-count", CountConfig(name=f"first {pair}")))
        if f"first/{pair}" in finished:
            steps = finished[f"first/{pair}"].summary["counted"] + 1
            wanted.append(Child(f"second/{pair}", "t-count", CountConfig(steps=steps, end=config.second)))
    return wanted


def conclude(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    return Adopted(summary={"total": sum(item.summary.get("counted", 0) for item in finished.values())})


class NestConfig(Config):
    """A composite that holds one composite of pairs."""

    name: str = "nest"
    pairs: int = 1
    second: Literal["well", "crash"] = "well"


def plan_nest(config: NestConfig, finished: Mapping[str, Finished]) -> list[Child]:
    return [Child("pairs", "t-pairs", PairsConfig(pairs=config.pairs, second=config.second))]


KINDS = [
    JobKind("t-count", "Count", "Counts.", CountConfig, run=f"{HERE}:count", adopt=f"{HERE}:adopt"),
    JobKind("t-pairs", "Pairs", "Counts twice.", PairsConfig, plan=f"{HERE}:plan", conclude=f"{HERE}:conclude"),
    JobKind("t-nest", "Nest", "Pairs inside.", NestConfig, plan=f"{HERE}:plan_nest", conclude=f"{HERE}:conclude"),
]


@pytest.fixture
def test_kinds() -> Iterator[None]:
    """The kinds above, registered for one test."""
    for kind in KINDS:
        kinds.register(kind)
    yield
    for kind in KINDS:
        del kinds._KINDS[kind.name]
