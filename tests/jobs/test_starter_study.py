"""The whole study at test scale, in this process: what one worker of concurrency one would do, job after job."""

from __future__ import annotations

import pytest

from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_next
from chimera.projects.access import Actor
from eval_app.core.verdicts.verdict import Verdict
from eval_app.models import Study

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torch, pytest.mark.timeout(180)]


def work_off() -> None:
    while run_next("cpu"):
        pass


def verdict_of(job: Job) -> Verdict:
    return Verdict.model_validate(Study.objects.get(job=job).verdict)


def swapped(study: Job) -> dict:
    """The config of the same study with the order files of its two arms exchanged."""
    config = dict(study.config)
    schedules = {child.slot: child.artifacts["schedule"] for child in study.children.filter(kind="schedule")}
    names = [arm["name"] for arm in config["arms"]]
    of_arm = {name: [schedules[f"schedule/{name}/{seed}"] for seed in config["seeds"]] for name in names}
    config["arms"] = [
        {"name": name, "schedules": of_arm[other]} for name, other in zip(names, reversed(names), strict=True)
    ]
    return config


def test_the_starter_study_reaches_an_honest_verdict_and_swapping_the_order_files_flips_the_sign(editor: Actor) -> None:
    starter, _ = services.start(editor, "starter", {"scale": "test", "seeds": [1, 2]})
    work_off()
    starter.refresh_from_db()
    assert starter.state == State.SUCCEEDED, starter.error_text
    study = starter.children.get(kind="study")

    verdict = verdict_of(study)
    comparison = verdict.comparisons[0]
    assert verdict.word == "cannot tell"
    assert "2 seeds cannot carry a verdict" in verdict.sentence
    assert verdict.compares == "order"
    shown = {digest for arm in verdict.arms for digest in arm.multisets.values()}
    assert len(shown) == 1, "both arms are shown the same multiset at every seed"
    assert all(pair.difference != 0 for pair in comparison.seeds)

    again, _ = services.start(editor, "study", swapped(study))
    work_off()
    again.refresh_from_db()
    assert again.state == State.SUCCEEDED, again.error_text
    flipped = verdict_of(again).comparisons[0]
    assert [pair.difference for pair in flipped.seeds] == [-pair.difference for pair in comparison.seeds]
