"""What a study will take, said before it starts: its runs, their tokens, and how long at the speed of earlier runs."""

from __future__ import annotations

from statistics import median

from chimera.format import compact, duration
from chimera.jobs.kinds import get_kind
from chimera.jobs.models import State
from chimera.jobs.queues import queue_for
from chimera.jobs.selectors import workers_of
from chimera.projects.models import Project
from eval_app.core.configs_study import StudyConfig
from training_app.models import TrainingRun

EARLIER = 20  # runs that are looked at


def foretell(config: StudyConfig, project: Project) -> str:
    """Such as "12 runs, 786 k tokens in all: about 3 min at the speed of earlier runs …, 2 at once."."""
    runs = len(config.arms) * len(config.seeds)
    tokens = sum(arm.budget_factor for arm in config.arms) * config.budget_tokens * len(config.seeds)
    said = f"{runs} runs, {compact(tokens)} tokens in all"
    rates = earlier_rates(config, project)
    if not rates:
        return f"{said}. No earlier run on these sequences says how long that takes here."
    workers = workers_of(queue_for(get_kind("train"), config.train))
    at_once = max(1, min(runs, sum(worker.concurrency for worker in workers)))
    seconds = tokens / median(rates) / at_once
    return f"{said}: about {duration(seconds)} at the speed of earlier runs on these sequences, {at_once} at once."


def earlier_rates(config: StudyConfig, project: Project) -> list[float]:
    """Tokens a second from start to end, what was evaluated on the way included, of the newest runs that ended well."""
    ended = TrainingRun.objects.filter(
        project=project, schedule__sequence_set__pk=config.sequences.number, job__state=State.SUCCEEDED
    ).select_related("job")
    times = [(run.tokens, run.job.started_at, run.job.finished_at) for run in ended.order_by("-pk")[:EARLIER]]
    spent = [(tokens, (end - start).total_seconds()) for tokens, start, end in times if start and end]
    return [tokens / seconds for tokens, seconds in spent if seconds > 0 and tokens]
