"""Short sequences first: sequence-length warm-up."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from curriculum_app.core.claims import Claim
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.order_plans import curve_of_rows, in_ascending_order, plan_of_rows
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest, natural_curve
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.lengths import Remainder, require_text, rows_needed, shortened
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.shown_facts import lengths_over_tokens
from curriculum_app.core.tracks import LengthKnot, LengthTrack

FIELD = "policy.config"


@POLICIES.register("length_warm_up")
class LengthWarmUp(Policy):
    """Sequences are cut to a length that grows over the tokens shown (Li, Zhang & He, arXiv 2108.06084).

    The forms are those of DeepSpeed's scheduler: linear, root and discrete steps, rounded down to a multiple.
    """

    title: ClassVar[str] = "Length warm-up"
    summary: ClassVar[str] = "Sequences are cut short at first and whole later; tokens are counted, not steps."
    claim: ClassVar[Claim | None] = Claim(
        effect="2.2 times fewer tokens and 3.7 times less time, with 8 times the batch and 4 times the learning rate",
        setting="GPT-2",
        source="Li, Zhang & He, arXiv 2108.06084, abstract",
    )
    only_order = False

    class Config(BaseConfig):
        form: Literal["linear", "root", "step"] = Field(
            "linear", title="Form", description="root: fast at first; step: as listed under steps"
        )
        start: int = Field(8, title="Length at the start", description="tokens of a row", ge=2, le=65_536)
        until: float = Field(
            0.3,
            title="Whole after",
            description="share of the tokens from which on sequences are whole",
            gt=0.0,
            le=1.0,
        )
        root: float = Field(2.0, title="Root", description="of the form root: 2 is the square root", ge=1.0, le=10.0)
        steps: list[LengthKnot] = Field(
            default_factory=list, max_length=64, title="Steps", description="of the form step, between start and whole"
        )
        multiple: int = Field(
            8, title="Multiple of", description="lengths are rounded down to it; start must be one", ge=1, le=4096
        )
        remainder: Remainder = Field(
            "reshape",
            title="Rest of a cut sequence",
            description="reshape: shown right after, so that the same tokens are shown. drop: left out, as in the "
            "paper; more sequences are needed.",
        )
        order: Literal["shuffle", "easy_to_hard", "hard_to_easy"] = Field(
            "shuffle", title="Order of the sequences", description="shuffled, or by the sequences' own difficulty"
        )

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.start % self.multiple:
                raise ValueError(
                    f"start {self.start} is not a multiple of {self.multiple}: lengths would fall below it"
                )
            if self.steps and self.form != "step":
                raise ValueError(f"steps belong to the form step, not to {self.form}")
            try:
                self.track(max([self.start, *(knot.length for knot in self.steps)]))
            except ValidationError as error:
                raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
            return self

        def track(self, whole: int) -> LengthTrack:
            """The track for sequences of `whole` tokens, which is where it ends."""
            last = -(-whole // self.multiple) * self.multiple  # rows are never longer than their sequence
            knots = [LengthKnot(at=0.0, length=self.start), *self.steps, LengthKnot(at=self.until, length=last)]
            return LengthTrack(knots=knots, between=self.form, root=self.root, multiple=self.multiple)

    config: Config

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """As many sequences as the budget holds whole, or, where their ends are left out, as many as it takes.

        Raises:
            InputError: the sequences are no packed text or too few, or the start is not below their length.
        """
        require_text(table)
        track = self._track(table)
        if self.config.remainder == "reshape":
            return draw_pool(table, budget_tokens, seed)
        count = rows_needed(budget_tokens, table.sequence_length, track, remainder="drop")
        if count > table.num_sequences:
            message = (
                f"{count:,} sequences are needed for {budget_tokens:,} tokens, because the ends of those that are "
            )
            message += f"cut are left out; there are {table.num_sequences:,}"
            hint = "lower the budget, show the ends too (remainder: reshape), or start longer or shorter in time"
            raise InputError(Problem(message, field="budget_tokens", hint=hint))
        return draw_pool(table, count * table.sequence_length, seed)

    def _track(self, table: SequenceTable) -> LengthTrack:
        longest = max([self.config.start, *(knot.length for knot in self.config.steps)])
        if longest > table.sequence_length:
            message = f"a length of {longest} tokens is more than the {table.sequence_length} of the sequences"
            raise InputError(Problem(message, field=f"{FIELD}.start", hint="start shorter"))
        return self.config.track(table.sequence_length)

    def _order(self, request: PlanRequest) -> Int:
        rng, ids = np.random.default_rng(request.seed), request.pool.ids
        sign = {"shuffle": 0.0, "easy_to_hard": 1.0, "hard_to_easy": -1.0}[self.config.order]
        return in_ascending_order(ids, sign * request.table.difficulty[ids], rng)

    def _rows(self, request: PlanRequest) -> NDArray[np.void]:
        rows = rows_of(request.table, self._order(request))
        track, remainder = self._track(request.table), self.config.remainder
        return shortened(rows, request.table, track, remainder=remainder, budget=request.budget_tokens)

    def _curve(self, request: PlanRequest, rows: NDArray[np.void]) -> MixtureCurve:
        """A shuffle keeps the domains mixed as they are; another order moves the difficulty bins as it does."""
        if self.config.order == "shuffle":
            return natural_curve(request, "domain")
        return curve_of_rows(request.table, rows, "difficulty")

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return self._curve(request, self._rows(request))

    def plan(self, request: PlanRequest) -> Plan:
        rows = self._rows(request)
        grouping = "domain" if self.config.order == "shuffle" else "difficulty"
        facts: dict[str, Any] = {"lengths": lengths_over_tokens(rows)}
        return plan_of_rows(request, rows, grouping, self._curve(request, rows), method="cut to length", facts=facts)
