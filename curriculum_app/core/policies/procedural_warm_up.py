"""A warm-up on procedural strings before any text (arXiv 2601.21725)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from chimera.errors import InputError, Problem
from curriculum_app.core.claims import Claim
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.order_plans import stretch_curve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, draw_among, pool_of, sequences_for
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.stretches import StretchConfig, plan_stretches, require_tokens_of

MAKE_SOME = (
    "make some with Procedural strings, put them together with the text by Curate with empty recipes, and group that "
    "with this domain apart"
)


@POLICIES.register("procedural_warm_up")
class ProceduralWarmUp(Policy):
    """A few tokens of procedural strings first, then the text (procedural pre-pretraining, arXiv 2601.21725).

    All weights go on into the text; carrying over attention or MLP layers alone is not offered.
    """

    title: ClassVar[str] = "Procedural warm-up"
    summary: ClassVar[str] = "A small share of brackets, sorting, automata first; then text, shuffled or even."
    claim: ClassVar[Claim | None] = Claim(
        effect="Equal loss with 55, 67 and 86 % of the data (natural language, code, informal mathematics)",
        setting="0.1 % of the tokens procedural, models of up to 1.3 B parameters",
        source="arXiv 2601.21725, abstract",
    )
    only_order = False
    fact_titles: ClassVar[Mapping[str, str]] = {
        "warm_up_tokens": "Tokens of procedural strings",
        "text_tokens": "Tokens of text after them",
        "warm_up_share": "Share of the warm-up",
    }

    class Config(StretchConfig):
        share: float = Field(
            0.002,
            title="Share of the warm-up",
            description="Of the budget; 0.001 to 0.003 in the article. At least one sequence is shown.",
            gt=0.0,
            le=0.5,
        )
        accounting: Literal["substitutive", "additive"] = Field(
            "substitutive",
            title="Its tokens",
            description="substitutive: are part of the budget. additive: come on top, the text has all of the budget.",
        )
        grouping: str = Field("domain", title="Grouping", description="In which the strings are a group.", min_length=1)
        group: str = Field("procedural", title="Group", description="The strings.", min_length=1)

    config: Config

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """So many sequences of strings, and text for what the accounting leaves of the budget.

        Raises:
            InputError: no sequence holds strings alone, or there is too little of them or of text.
        """
        strings, text = self._parts(table)
        count = sequences_for(table, budget_tokens)
        first = max(round(count * self.config.share), 1)
        rest = count if self.config.accounting == "additive" else count - first
        more = "make more strings, or lower the share"
        require_tokens_of(table, f"{self.config.group} strings", strings, first, more)
        require_tokens_of(table, "text", text, rest, f"at most {len(text) * table.sequence_length} tokens of text")
        drawn = [draw_among(table, strings, first, seed), draw_among(table, text, rest, seed) if rest else text[:0]]
        return pool_of(table, np.concatenate(drawn))

    def _parts(self, table: SequenceTable) -> tuple[Int, Int]:
        """Sequences of strings alone, and sequences without any."""
        name, group = self.config.grouping, self.config.group
        if name not in table.grouping_names:
            hint = f"one of {', '.join(table.grouping_names)}"
            raise InputError(Problem(f"no grouping {name!r}", field="policy.config.grouping", hint=hint))
        grouping = table.grouping(name)
        if table.form != "text" or group not in grouping.names:
            message = f"these sequences hold no packed strings {group!r} ({name}s: {', '.join(grouping.names)})"
            raise InputError(Problem(message, field="policy.config.group", hint=MAKE_SOME))
        tokens = grouping.counts[:, [grouping.names.index(group)]].toarray().ravel()
        strings = np.flatnonzero(tokens == table.lengths)
        if not len(strings):
            hint = f"group the dataset again with {group} among the domains apart"
            message = f"no sequence holds strings of {group!r} alone"
            raise InputError(Problem(message, field="policy.config.group", hint=hint))
        return strings, np.flatnonzero(tokens == 0)

    def _stretches(self, request: PlanRequest) -> list[Int]:
        return [np.intersect1d(part, request.pool.ids) for part in self._parts(request.table)]

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return stretch_curve(request, self.config.grouping, self._stretches(request))

    def plan(self, request: PlanRequest) -> Plan:
        stretches = self._stretches(request)
        strings, text = (int(request.table.lengths[ids].sum()) for ids in stretches)
        facts = {"warm_up_tokens": strings, "text_tokens": text, "warm_up_share": strings / (strings + text)}
        return plan_stretches(request, self.config.grouping, stretches, self.config, facts)
