"""What can be said of a schedule before it is queued: that its curriculum cannot be meant for these sequences."""

from __future__ import annotations

from chimera.jobs import refs
from chimera.projects.models import Project
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import Policy
from curriculum_app.core.sequences import SequenceTable

MOST_SEQUENCES = 50_000  # above, the page would freeze: the job itself says it


def check_schedule(config: ScheduleConfig, project: Project) -> None:
    """Draw the pool and the mixture as the job will, where the sequences are here and few.

    Raises:
        InputError: as the job would; fields begin `policy.config` or `budget_tokens`.
    """
    row = refs.find(project, config.sequences)
    table = refs.opened(SequenceTable, row) if row is not None else None
    if table is None:
        return
    policy: Policy = config.policy.build()
    try:
        policy.prepare(str(table.manifest["dataset"]), lambda ref: refs.open_ref(project, ref))
    except FileNotFoundError:  # the worker that has the files will say
        return
    if table.num_sequences > MOST_SEQUENCES:
        return
    pool = policy.pool(table, config.budget_tokens, config.pool_seed)
    if not isinstance(policy, AdaptivePolicy):
        policy.preview(PlanRequest(table, pool, config.seed, config.budget_tokens))
