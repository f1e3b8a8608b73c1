"""Selective repetition: the better a text, the more often it is shown (PCMind-2.1-Kaiyuan-2B, arXiv 2512.07612)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from chimera.errors import InputError, NestedProblems, Problem
from chimera.refs import Ref
from chimera.typed import Config as BaseConfig
from curriculum_app.core.claims import Claim
from curriculum_app.core.columns import Columns
from curriculum_app.core.judged_policy import JudgedPolicy
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.mixture_ledger import MOST_EPOCHS
from curriculum_app.core.order_plans import plan_of_order, stretch_curve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.scheduling import selective
from curriculum_app.core.scheduling.judged import Part, require_both
from curriculum_app.core.scheduling.passes import PASSES_HINT, passes_message
from curriculum_app.core.scheduling.selective import RepetitionPhase
from curriculum_app.core.scheduling.sequence_scores import sequence_scores
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import Phase, Tracks

GROUPING = "domain"
METHOD = "selective repetition, shuffled within each phase"


def default_phases() -> list[RepetitionPhase]:
    """100/100/50/30/10 %, of which the first two are together one pass: the best tenth is shown four times."""
    halves = [RepetitionPhase(fraction=1.0, pass_fraction=0.5)] * 2
    return [*halves, *(RepetitionPhase(fraction=part) for part in (0.5, 0.3, 0.1))]


@dataclass(frozen=True)
class _Drawn:
    """Sequences each phase shows, in order; `members` of the pool take part in the phases, `filling` are shown once."""

    parts: list[Int]
    members: int
    filling: int


@POLICIES.register("selective_repetition")
class SelectiveRepetition(JudgedPolicy):
    """Phases that each show the best fraction of the pool, shuffled (PCMind-2.1, arXiv 2512.07612).

    A sequence of quality rank q (0 is best, taken by tokens) is in a phase of fraction f if and only if q < f. The pool
    is as large as the phases show exactly the budget of; a few sequences that are shown once fill what is left.
    """

    title: ClassVar[str] = "Selective repetition"
    summary: ClassVar[str] = "The better a text is, the more often it is shown: each phase holds the best part of it."
    claim: ClassVar[Claim | None] = Claim(
        effect="Mean benchmark score 46.65 % against 46.21 % of uniform sampling (a third kept; 44.14 % with 13.8)",
        setting="1.5 B parameters, 30 B tokens",
        source="PCMind-2.1-Kaiyuan-2B, arXiv 2512.07612",
    )
    only_order = False
    fact_titles: ClassVar[Mapping[str, str]] = {
        "epochs": "Passes in all phases together",
        "sequences_in_phases": "Sequences that go through the phases",
        "sequences_shown_once_to_fill_the_budget": "Sequences shown once to fill the budget",
        "phases": "What each phase shows",
        "best_fraction": "of the best",
        "sequences": "sequences",
        "tokens": "tokens",
        "passes": "passes",
    }

    class Config(BaseConfig):
        phases: list[RepetitionPhase] = Field(
            default_factory=default_phases,
            title="Phases",
            description="One after another.",
            min_length=1,
            max_length=20,
        )
        score: str = Field(
            "quality_rank",
            title="Score",
            description="A numeric column of the documents; quality_rank is the quality that Group was given.",
            min_length=1,
        )
        best: Literal["highest", "lowest"] = Field("highest", title="Best is", description="Which scores are good.")
        columns: Ref[Columns] | None = Field(
            None,
            title="Columns",
            description="Measured for the same dataset version; they take the place of the score.",
        )
        parts: list[Part] = Field(
            default_factory=list,
            max_length=20,
            title="Parts",
            description="Columns whose ranks are averaged by weight.",
        )
        most_passes: float = Field(
            MOST_EPOCHS, title="Most passes", description="Over any text, in all phases together.", gt=0.0, le=100.0
        )

        @model_validator(mode="after")
        def _possible(self) -> SelectiveRepetition.Config:
            require_both(self.columns, self.parts)
            asked = float(selective.expected_passes(0.0, self.phases))
            if asked > self.most_passes + selective.TIE:
                message = "the best texts are in every phase: " + passes_message(asked, self.most_passes)
                raise NestedProblems([Problem(message, "phases", hint=PASSES_HINT)])
            return self

    config: Config

    def _quality(self, table: SequenceTable) -> Float:
        """Shape (M,); higher is better."""
        if (judged := self._combined.of_sequences(table)) is not None:
            return judged.values
        scores = sequence_scores(table, self.config.score)
        return scores if self.config.best == "highest" else -scores

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """As many sequences as the phases show exactly the budget of.

        Raises:
            InputError: the budget is no multiple of the sequence length, too small for the phases, or more than they
                show of everything there is.
        """
        self._require_possible(table, budget_tokens)
        if table.form != "text":
            return draw_pool(table, int(budget_tokens / selective.epochs(self.config.phases)), seed)
        length, count = table.sequence_length, table.num_sequences
        rows = budget_tokens // length
        members = selective.members_for(rows, self.config.phases, count)
        filling = rows - selective.rows_shown(members, self.config.phases)
        return draw_pool(table, min(members + filling, count) * length, seed)

    def _require_possible(self, table: SequenceTable, budget: int) -> None:
        phases, length = self.config.phases, table.sequence_length
        if table.form != "text":
            most, least, step = int(table.num_tokens * selective.epochs(phases)), 1, 1
        else:
            most = selective.rows_shown(table.num_sequences, phases) * length
            least, step = selective.rows_shown(1, phases) * length, length
        if budget > most:
            message = f"the phases show at most {most:,} tokens of the {table.num_tokens:,} there are, not {budget:,}"
            raise InputError(Problem(message, "budget_tokens", hint=f"at most {most}, or raise the phases' passes"))
        if budget < least:
            message = f"the budget of {budget:,} tokens is too small to show one sequence in every phase"
            raise InputError(Problem(message, "budget_tokens", hint=f"at least {least}"))
        if budget % step:
            below = budget // step * step
            message = f"the budget of {budget:,} tokens is not a multiple of the sequence length {step}"
            raise InputError(Problem(message, "budget_tokens", hint=f"use {below} or {below + step}"))

    def _draw(self, request: PlanRequest) -> _Drawn:
        table, rng = request.table, np.random.default_rng(request.seed)
        phases, ids = self.config.phases, rng.permutation(request.pool.ids)
        members, filling = self._sizes(request)
        chosen, extra = ids[:members], ids[members : members + filling]
        ranks = selective.quality_ranks(self._quality(table)[chosen], table.lengths[chosen], rng)
        parts = [chosen[part] for part in selective.phase_rows(ranks, phases, rng)]
        parts[0] = rng.permutation(np.concatenate([parts[0], extra]))
        return _Drawn(_within(parts, table.lengths, request.budget_tokens), len(chosen), len(extra))

    def _sizes(self, request: PlanRequest) -> tuple[int, int]:
        """How many of the pool are in the phases, and how many fill what is left of the budget."""
        available = len(request.pool.ids)
        if request.table.form != "text":
            return available, 0
        rows = request.budget_tokens // request.table.sequence_length
        members = selective.members_for(rows, self.config.phases, available)
        return members, rows - selective.rows_shown(members, self.config.phases)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return stretch_curve(request, GROUPING, self._draw(request).parts)

    def plan(self, request: PlanRequest) -> Plan:
        drawn = self._draw(request)
        curve, order = stretch_curve(request, GROUPING, drawn.parts), np.concatenate(drawn.parts)
        tracks = Tracks(phases=self._stretches(request.table.lengths, drawn.parts))
        return plan_of_order(
            request, order, GROUPING, curve, method=METHOD, tracks=tracks, facts=self._facts(request, drawn)
        )

    def _stretches(self, lengths: Int, parts: list[Int]) -> list[Phase]:
        ends = np.cumsum([lengths[part].sum() for part in parts]).tolist()
        edges = [0.0, *(end / ends[-1] for end in ends)]
        named = zip(self.config.phases, edges, edges[1:], strict=False)
        return [Phase(name=_name(phase), start=start, end=end) for phase, start, end in named if end > start]

    def _facts(self, request: PlanRequest, drawn: _Drawn) -> dict[str, Any]:
        lengths = request.table.lengths
        return {
            "epochs": round(selective.epochs(self.config.phases), 6),
            "sequences_in_phases": drawn.members,
            "sequences_shown_once_to_fill_the_budget": drawn.filling,
            "phases": [
                {"name": _name(phase), "best_fraction": phase.fraction, "passes": phase.pass_fraction,
                 "sequences": len(np.unique(part)), "tokens": int(lengths[part].sum())}
                for phase, part in zip(self.config.phases, drawn.parts, strict=True)
            ],
        }  # fmt: skip


def _name(phase: RepetitionPhase) -> str:
    return phase.name or f"best {phase.fraction:.3%}".replace(".000", "").replace("best 100%", "everything")


def _within(parts: list[Int], lengths: Int, budget: int) -> list[Int]:
    """The parts without the rows beyond the budget; sequences of unequal length cannot meet it exactly."""
    left, kept = budget, []
    for part in parts:
        fits = int(np.searchsorted(np.cumsum(lengths[part]), left, side="right"))
        kept.append(part[:fits])
        left = left - int(lengths[part[:fits]].sum()) if fits == len(part) else 0
    return kept
