"""Metadata conditioning, then a cooldown without (MeCo, arXiv 2501.01956)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from chimera.errors import InputError, Problem
from curriculum_app.core.claims import Claim
from curriculum_app.core.conditioning import CONDITIONED, GROUPING, PLAIN
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.order_plans import stretch_curve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, draw_among, pool_of, sequences_for
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.stretches import StretchConfig, plan_stretches, require_tokens_of

HINT = "group the dataset with metadata (url, source, domain or a field of meta) and order those sequences"


@POLICIES.register("metadata_conditioning")
class MetadataConditioning(Policy):
    """Texts under their metadata first, plain ones for the last tenth (MeCo: Gao et al., arXiv 2501.01956).

    It is one run: optimizer and learning rate go on through the change. The two parts hold different documents.
    """

    title: ClassVar[str] = "Metadata, then cooldown"
    summary: ClassVar[str] = "Documents under their metadata first; the last tokens are of plain ones, as in use."
    claim: ClassVar[Claim | None] = Claim(
        effect="Equal downstream scores with 33 % less data",
        setting="1.6 B parameters",
        source="Gao et al. (MeCo), arXiv 2501.01956, abstract",
    )
    only_order = False
    fact_titles: ClassVar[Mapping[str, str]] = {
        "conditioned_tokens": "Tokens under metadata",
        "plain_tokens": "Tokens of plain documents, the cooldown",
    }

    class Config(StretchConfig):
        cooldown: float = Field(
            0.1, title="Cooldown", description="Share of the tokens, at the end, without metadata.", gt=0.0, lt=1.0
        )

    config: Config

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """Of both parts exactly their share of the budget.

        Raises:
            InputError: no document stands under metadata, or one part holds too little for the budget.
        """
        parts = _parts(table)
        count = sequences_for(table, budget_tokens)
        first = first_sequences(count, self.config.cooldown)
        wanted = {CONDITIONED: first, PLAIN: count - first}
        most = min(len(parts[name]) * count // max(size, 1) for name, size in wanted.items()) * table.sequence_length
        for name, size in wanted.items():
            hint = f"a budget of at most about {most}, or group again with another cooldown_share"
            require_tokens_of(table, f"{name} documents", parts[name], size, hint)
        drawn = [draw_among(table, parts[name], size, seed) for name, size in wanted.items() if size]
        return pool_of(table, np.concatenate(drawn))

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return stretch_curve(request, GROUPING, _stretches(request))

    def plan(self, request: PlanRequest) -> Plan:
        stretches = _stretches(request)
        tokens = [int(request.table.lengths[ids].sum()) for ids in stretches]
        facts = {"conditioned_tokens": tokens[0], "plain_tokens": tokens[1]}
        return plan_stretches(request, GROUPING, stretches, self.config, facts)


def first_sequences(count: int, cooldown: float) -> int:
    """Sequences under metadata of `count`: of 40,000 with a cooldown of 0.1 those from 0 to 35,999."""
    return count - max(round(count * cooldown), 1)


def _parts(table: SequenceTable) -> dict[str, Int]:
    """The sequences of each part; none holds both."""
    if GROUPING not in table.grouping_names:
        message = "no document of these sequences stands under its metadata"
        raise InputError(Problem(message, field="sequences", hint=HINT))
    grouping = table.grouping(GROUPING)
    counts = grouping.counts.tocsc()
    return {name: np.unique(counts[:, [grouping.names.index(name)]].nonzero()[0]) for name in (CONDITIONED, PLAIN)}


def _stretches(request: PlanRequest) -> list[Int]:
    parts = _parts(request.table)
    return [np.intersect1d(parts[name], request.pool.ids) for name in (CONDITIONED, PLAIN)]
