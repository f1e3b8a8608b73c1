"""The multi-domain quality curriculum of PCMind-2.1-Kaiyuan-2B (arXiv 2512.07612, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from chimera.errors import InputError, NestedProblems, Problem
from chimera.refs import Ref
from chimera.typed import Config as BaseConfig
from curriculum_app.core.chosen_shares import chosen_grouping
from curriculum_app.core.columns import Columns
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.mixture_ledger import MOST_EPOCHS
from curriculum_app.core.order_plans import plan_of_order, stretch_curve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES, Opener, Policy
from curriculum_app.core.pool import Pool
from curriculum_app.core.schedule import multiset_digest
from curriculum_app.core.scheduling.interleave import interleaved
from curriculum_app.core.scheduling.judged import Combination, Part
from curriculum_app.core.scheduling.passes import PASSES_HINT, passes_message, repeated
from curriculum_app.core.scheduling.sequence_scores import sequence_scores
from curriculum_app.core.scheduling.source_quotas import FIELD, Source, SourceRule, source_quotas
from curriculum_app.core.sequences import SequenceTable

METHOD = "sources interleaved by rescaled quality rank"


@POLICIES.register("multi_domain_quality")
class MultiDomainQuality(Policy):
    """Every source ascends in its own quality and keeps its share at every moment (PCMind-2.1, arXiv 2512.07612).

    Scores of different sources are never compared: row r of the N_i of source i, worst first, stands at r · N / N_i. A
    sequence belongs to the source that most of its tokens have.
    """

    title: ClassVar[str] = "Multi-domain quality"
    summary: ClassVar[str] = "Every source from its worst to its best text, interleaved so that the mixture stays even."
    only_order = False
    fact_titles: ClassVar[Mapping[str, str]] = {
        "sources": "What of each source is shown",
        "kept": "kept",
        "shown": "shown",
        "tokens": "tokens",
        "share": "of the tokens",
        "least": "at least",
        "most": "at most",
        "passes": "passes",
    }

    class Config(BaseConfig):
        grouping: str = Field("domain", title="Sources are", description="A grouping of the sequences.", min_length=1)
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
            description="Measured for the same dataset version, for sources with a score of their own.",
        )
        sources: dict[str, SourceRule] = Field(
            default_factory=dict,
            title="Sources",
            description="Those that are not kept whole, shown once and free in their share.",
            json_schema_extra={"key_title": "Source", "value_title": "Rule"},
        )
        perturb: float = Field(
            0.0, title="Noise", description="Added to the rescaled ranks: uniform, up to so many rows.", ge=0.0, le=1e9
        )
        most_passes: float = Field(MOST_EPOCHS, title="Most passes", description="Over any source.", gt=0.0, le=100.0)

        @model_validator(mode="after")
        def _possible(self) -> MultiDomainQuality.Config:
            problems = [
                Problem(
                    f"{name} is to be judged by {rule.column!r}, but no columns are chosen", f"sources.{name}.column"
                )
                for name, rule in self.sources.items()
                if rule.column and self.columns is None
            ]
            if self.columns is not None and not any(rule.column for rule in self.sources.values()):
                problems.append(Problem("no source names one of the columns", "columns", hint="leave them out"))
            problems += [
                Problem(passes_message(rule.repeat, self.most_passes), f"sources.{name}.repeat", hint=PASSES_HINT)
                for name, rule in self.sources.items()
                if rule.repeat > self.most_passes
            ]
            least = sum(rule.least for rule in self.sources.values())
            if least > 1 + 1e-9:
                problems.append(Problem(f"the smallest shares add up to {least:.3g}, more than 1", "sources"))
            if problems:
                raise NestedProblems(problems)
            return self

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        own = {name: rule for name, rule in config.sources.items() if rule.column}
        self._own = {
            name: Combination(config.columns, [Part(column=rule.column, higher=rule.higher)], "better", "")
            for name, rule in own.items()
        }

    def prepare(self, dataset: str, open_: Opener) -> None:
        for name, column in self._own.items():
            try:
                column.open(dataset, open_)
            except InputError as error:
                here = [
                    replace(problem, field=problem.field.replace("policy.config.parts.0", f"{FIELD}.{name}"))
                    for problem in error.problems
                ]
                raise InputError(here) from error

    def meaning(self) -> dict[str, Any]:
        digests = {column.digest for column in self._own.values()}
        return {**self.config.as_json(), "columns": next(iter(digests), None)}

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """Of every source as many sequences as fill its part of the budget, drawn among those that are kept.

        Raises:
            InputError: see `source_quotas`; or a source or score that the sequences do not have.
        """
        rng, sources = np.random.default_rng(seed), self._sources(table)
        quotas = self._quotas(table, sources, budget_tokens)
        drawn = [_draw(source, int(quota), table, rng) for source, quota in zip(sources, quotas, strict=True)]
        ids = np.sort(np.concatenate(drawn)).astype(np.int64)
        return Pool(ids, multiset_digest(ids), int(table.lengths[ids].sum()))

    def _quotas(self, table: SequenceTable, sources: list[Source], budget: int) -> Int:
        return source_quotas(sources, budget, table.sequence_length if table.form == "text" else 1)

    def _sources(self, table: SequenceTable) -> list[Source]:
        """Every source that has sequences.

        Raises:
            InputError: no such grouping, or a rule for a source it does not have.
        """
        grouping = chosen_grouping(table, self.config.grouping, "policy.config.grouping")
        if unknown := [name for name in self.config.sources if name not in grouping.names]:
            message = f"{self.config.grouping} has no group {unknown[0]!r}"
            raise InputError(Problem(message, f"{FIELD}.{unknown[0]}", hint=f"one of {', '.join(grouping.names)}"))
        of, common = _most(table, self.config.grouping), self._common(table)
        found = [
            self._source(name, np.flatnonzero(of == k), self._scores(table, name, common), table)
            for k, name in enumerate(grouping.names)
        ]
        return [source for source in found if len(source.kept)]

    def _source(self, name: str, ids: Int, scores: Float, table: SequenceTable) -> Source:
        rule = self.config.sources.get(name, SourceRule())
        if len(ids) == 0 and rule.least:
            raise InputError(Problem(f"{name} has no sequences", f"{FIELD}.{name}.least", hint="leave it out"))
        rng = np.random.default_rng(len(ids))  # which of equals are kept is the same for every seed
        ascending = ids[np.lexsort((rng.random(len(ids)), scores[ids] if rule.scored else np.zeros(len(ids))))]
        kept = ascending[len(ids) - max(round(rule.keep * len(ids)), min(len(ids), 1)) :]
        return Source(name, rule, kept, int(table.lengths[kept].sum()))

    def _common(self, table: SequenceTable) -> Float:
        """Shape (M,), higher is better: the score of the sources that have none of their own."""
        scores = sequence_scores(table, self.config.score)
        return scores if self.config.best == "highest" else -scores

    def _scores(self, table: SequenceTable, source: str, common: Float) -> Float:
        """Shape (M,), higher is better: those of one source; they are compared with no other's."""
        judged = self._own[source].of_sequences(table) if source in self._own else None
        return common if judged is None else judged.values

    def _parts(self, request: PlanRequest) -> list[tuple[Source, Int]]:
        """The rows of each source, worst first; copies of a sequence side by side."""
        table, rng, common = request.table, np.random.default_rng(request.seed), self._common(request.table)
        sources = self._sources(table)
        quotas = self._quotas(table, sources, request.budget_tokens)
        parts = []
        for source, quota in zip(sources, quotas, strict=True):
            ids = rng.permutation(np.intersect1d(source.kept, request.pool.ids))
            rows = _repeat_to(ids, int(quota), source, table, rng)
            scores = self._scores(table, source.name, common)
            in_order = np.argsort(scores[rows], kind="stable") if source.rule.scored else rng.permutation(len(rows))
            parts.append((source, rows[in_order]))
        return parts

    def preview(self, request: PlanRequest) -> MixtureCurve:
        rows = np.concatenate([rows for _, rows in self._parts(request)])
        return stretch_curve(request, self.config.grouping, [rows])

    def plan(self, request: PlanRequest) -> Plan:
        parts = self._parts(request)
        rng = np.random.default_rng([request.seed, 1])
        order = interleaved([rows for _, rows in parts], rng, self.config.perturb)
        curve = stretch_curve(request, self.config.grouping, [order])
        facts = {"sources": [_facts(source, rows, request) for source, rows in parts]}
        return plan_of_order(request, order, self.config.grouping, curve, method=METHOD, facts=facts)


def _most(table: SequenceTable, grouping: str) -> Int:
    """Shape (M,): the group that most of a sequence's tokens have."""
    return np.asarray(table.grouping(grouping).counts.argmax(axis=1), dtype=np.int64).ravel()


def _draw(source: Source, quota: int, table: SequenceTable, rng: np.random.Generator) -> Int:
    """As few of the kept sequences as can show `quota` tokens within the passes of the source."""
    ids = rng.permutation(source.kept)
    ends = np.cumsum(table.lengths[ids]) * source.rule.repeat
    return ids[: int(np.searchsorted(ends, quota - 1e-6)) + 1] if quota else ids[:0]


def _repeat_to(ids: Int, quota: int, source: Source, table: SequenceTable, rng: np.random.Generator) -> Int:
    """`ids`, each as often as the others give or take one, up to `quota` tokens."""
    there = int(table.lengths[ids].sum())
    if not there:
        return ids
    passes = min(quota / there, source.rule.repeat)
    rows = repeated(ids, passes, rng, most=source.rule.repeat)
    return rows[np.cumsum(table.lengths[rows]) <= quota]


def _facts(source: Source, rows: Int, request: PlanRequest) -> dict[str, Any]:
    tokens, lengths = int(request.table.lengths[rows].sum()), request.table.lengths
    unique = np.unique(rows)
    return {
        "name": source.name,
        "kept": len(source.kept),
        "shown": len(unique),
        "tokens": tokens,
        "share": round(tokens / request.budget_tokens, 6),
        "passes": round(tokens / max(int(lengths[unique].sum()), 1), 4),
        "least": source.rule.least,
        "most": source.rule.most,
    }
