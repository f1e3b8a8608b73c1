"""By quality: quantiles of how dense a text is, or of any measured column."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from pydantic import Field

import chimera.typed
from chimera.refs import Ref
from curriculum_app.core.chosen_column import choose_column
from curriculum_app.core.columns import Columns
from curriculum_app.core.difficulty.ranks import quantile_bin, ranks_within, weighted_ranks
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, Density, DocumentGrouping, Groups, Opener
from curriculum_app.core.mixture_curve import Float

NOT_MEASURED = "not measured"


@GROUPINGS.register("quality")
class Quality(DocumentGrouping):
    """Quantiles that hold about equal numbers of tokens, as quality buckets do (Nemotron-CC, arXiv 2412.02595).

    Documents of which the column says nothing (NaN) are a group of their own. The first quantile is the lowest.
    """

    title = "Quality quantile"
    summary = "Equal shares of tokens by a measured column, or by compression or surprisal."
    key = "quality"

    class Config(chimera.typed.Config):
        quantiles: int = Field(4, title="Quantiles", ge=2, le=100)
        measure: Density = Field(
            "compression", title="Measure", description="Of the text itself; used where no column is named."
        )
        columns: Ref[Columns] | None = Field(None, title="Columns", description="Measured for this dataset version.")
        column: str = Field("", title="Column", description="Its name in the columns; empty: the measure above.")
        within_domain: bool = Field(False, title="Within each domain", description="Rank against its own domain only.")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self._values: Float | None = None
        self._identity = ""

    @property
    def name(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", self.config.column.lower()).strip("-")
        return f"quality-{words}" if words else f"quality-{self.config.measure}"

    def prepare(self, dataset: str, open_: Opener) -> None:
        chosen = choose_column(self.config.columns, self.config.column, dataset, open_)
        if chosen is not None:
            self._values, self._identity = chosen.values, chosen.digest

    def meaning(self) -> dict[str, Any]:
        return {**self.config.as_json(), "columns": self._identity or None}

    def assign(self, corpus: Corpus) -> Groups:
        values = corpus.density(self.config.measure) if self._values is None else np.asarray(self._values)
        known = ~np.isnan(values)
        ranks = self._ranks(values[known], corpus, known)
        bins = np.full(len(values), self.config.quantiles, dtype=np.int64)
        bins[known] = quantile_bin(ranks, self.config.quantiles)
        names = [f"{number + 1} of {self.config.quantiles}" for number in range(self.config.quantiles)]
        if not known.all():
            names.append(NOT_MEASURED)
        return Groups(tuple(names), bins, {"edges": _edges(values, bins, self.config.quantiles)})

    def _ranks(self, values: Float, corpus: Corpus, known: Any) -> Float:
        if self.config.within_domain:
            return ranks_within(values, corpus.tokens[known], corpus.domain_of[known])
        return weighted_ranks(values, corpus.tokens[known])


def _edges(values: Float, bins: Any, quantiles: int) -> list[list[float] | None]:
    """Least and greatest value of each quantile; None where it is empty."""
    within = [values[bins == number] for number in range(quantiles)]
    return [[float(part.min()), float(part.max())] if len(part) else None for part in within]
