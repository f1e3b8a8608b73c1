"""DIHCL: what stays hard over the run is shown more often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from curriculum_app.core.adaptive.contract import (
    Chooser,
    Decision,
    Feedback,
    Happening,
    Progress,
    Standing,
    State,
    generator_of,
    generator_state,
)
from curriculum_app.core.adaptive.hardness import ARRAYS, Float, Hardness, Int, draw, gini
from curriculum_app.core.adaptive.policy import AdaptivePolicy, Series, require_equal_lengths
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.sequences import SequenceTable

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EDGES: Float = np.concatenate([[0.0], np.geomspace(1e-3, 20.0, 200)])  # 5 % apart
LOOKS = 10  # at the spread of hardness, per pass over the candidates
RECENT = 3  # episodes that coverage speaks of


@POLICIES.register("dihcl")
class Dihcl(AdaptivePolicy):
    """Dynamic instance hardness (Zhou, Wang & Bilmes, NeurIPS 2020; code tianyizhou/DIHCL).

    The loss is that of the training step itself, so it costs nothing. Where the code passes over all data at the start
    of an episode to refresh its losses, a share of every episode goes to what was not shown for longest.
    """

    title: ClassVar[str] = "Hardest over time (DIHCL)"
    summary: ClassVar[str] = (
        "After a full pass, episodes over ever smaller subsets, drawn by how hard each sequence has been so far."
    )
    series: ClassVar[tuple[Series, ...]] = (
        Series("share", "Subset of an episode", "share", "Of the candidates that an episode shows."),
        Series("temperature", "Sampling temperature", "", "High: what is hardest almost surely; 1: gently."),
        Series("coverage", f"Candidates shown in {RECENT} episodes", "share", "The present one and those before it."),
        Series("gini", "Inequality of showings", "Gini", "0: all candidates were shown equally often."),
        *(Series(f"hardness_q{int(100 * q):02}", f"Hardness, {int(100 * q)} % quantile", "nats") for q in QUANTILES),
    )

    class Config(BaseConfig):
        passes: float = Field(
            4.0, title="Showings on average", ge=1.0, le=1000.0,
            description="of a candidate: candidates hold the budget divided by this many tokens",
        )  # fmt: skip
        feedback: Literal["loss", "loss_change", "flip"] = Field(
            "loss_change", title="Hardness is", description="flip: an answer turns right or wrong; needs such answers"
        )
        rule: Literal["rand", "exp", "beta"] = Field(
            "exp", title="Drawn by", description="rand: in proportion; exp: softmax; beta: Thompson sampling"
        )
        keep: float = Field(
            0.9, title="Kept of the old hardness", ge=0.0, lt=1.0, description="the new value has the rest"
        )
        warm_start: int = Field(1, title="Full passes first", ge=0, le=100)
        share: float = Field(1.0, title="Subset at first", gt=0.0, le=1.0, description="share of the candidates")
        share_decay: float = Field(0.1, title="Subset shrinks by", ge=0.0, lt=1.0, description="per episode")
        share_least: float = Field(0.3, title="Subset at least", gt=0.0, le=1.0)
        temperature: float = Field(20.0, title="Temperature at first", ge=1.0, le=1000.0)
        temperature_decay: float = Field(
            0.8, title="Temperature per episode", gt=0.0, le=1.0, description="factor; it never falls below 1"
        )
        refresh: float = Field(
            0.05, title="Refreshed", ge=0.0, le=1.0,
            description="share of the candidates that every subset holds because they were not shown for longest",
        )  # fmt: skip

    config: Config

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        require_equal_lengths(table, budget_tokens)
        length = table.sequence_length
        wanted = int(budget_tokens / length / self.config.passes)
        if not wanted:
            hint = f"at least {int(np.ceil(self.config.passes)) * length} tokens, or fewer showings on average"
            message = f"the budget of {budget_tokens:,} tokens leaves no candidate to show {self.config.passes:g} times"
            raise InputError(Problem(message, field="budget_tokens", hint=hint))
        return draw_pool(table, wanted * length, seed)

    def chooser(self, table: SequenceTable, candidates: Int, seed: int) -> Chooser:
        """Raises:
        InputError: flips are asked of text, which holds no answers.
        """
        if self.config.feedback == "flip" and table.form == "text":
            hint = "take loss or loss_change, which every sequence has"
            message = "flips need rows with answers that can be checked; packed text has none"
            raise InputError(Problem(message, field="policy.config.feedback", hint=hint))
        return DihclChooser(self.config, candidates, lambda ids: rows_of(table, ids), seed)


class DihclChooser(Chooser):
    """One run's hardness, and the episode it is in. `rows_of` makes rows of sequence ids."""

    when_exhausted = "repeat"  # an episode that is through is followed by the next one, in an event

    def __init__(self, config: Dihcl.Config, candidates: Int, make: Callable[[Int], Any], seed: int) -> None:
        self.config, self.candidates, self.make = config, candidates, make
        n = len(candidates)
        self.hardness = Hardness(n, keep=config.keep, told=config.feedback)
        self.rng = np.random.default_rng(seed)
        self.episode, self.place, self.rows_shown, self.looked_at = 0, 0, 0, 0
        self.share, self.temperature = config.share, config.temperature
        self.queue: Int = np.zeros(0, dtype=np.int64)
        self.shown_at: Int = np.full(n, -1, dtype=np.int64)  # the row of the run in which it was shown last
        self.episode_of: Int = np.zeros(n, dtype=np.int64)  # and that row's episode; 0: never
        self.counts: list[Int] = []
        self.rows_at: list[int] = []
        self.fresh = False

    def decide(self, progress: Progress) -> Decision:
        places, happenings, missing = [], [], progress.rows
        while missing:
            if self.place == len(self.queue):
                happenings.append(self._begin_episode())
            places.append(self.queue[self.place : self.place + missing])
            self.place += len(places[-1])
            missing -= len(places[-1])
            self.episode_of[places[-1]] = self.episode
        chosen = np.concatenate(places)
        self.shown_at[chosen] = np.arange(self.rows_shown, self.rows_shown + len(chosen))
        self.rows_shown += len(chosen)
        return Decision(
            rows=self.make(self.candidates[chosen]),
            scalars={"share": len(self.queue) / len(self.candidates), "temperature": self.temperature},
            per_row={"hardness": self.hardness.r[chosen], "times_shown": self.hardness.shown[chosen].astype(float)},
            reason={"episode": self.episode, "drawn_by": "full pass" if self._is_warm else self.config.rule},
            happenings=tuple(happenings),
        )

    @property
    def _is_warm(self) -> bool:
        return self.episode <= self.config.warm_start

    def _begin_episode(self) -> Happening:
        """Draw the next subset: all at first, then those not shown for longest and, by hardness, the rest."""
        config, n = self.config, len(self.candidates)
        self.episode += 1
        if self.episode > max(config.warm_start, 1):
            self.share = max(self.share * (1 - config.share_decay), config.share_least)
            self.temperature = max(self.temperature * config.temperature_decay, 1.0)
        chosen = np.arange(n) if self._is_warm else self._subset(max(1, int(self.share * n)))
        self.queue, self.place = self.rng.permutation(chosen).astype(np.int64), 0
        said = f"episode {self.episode}: {len(chosen):,} of {n:,} candidates"
        how = "a full pass" if self._is_warm else f"drawn by {config.rule} at temperature {self.temperature:.4g}"
        return Happening("episode", f"{said}, {how}")

    def _subset(self, count: int) -> Int:
        stale = min(int(self.config.refresh * len(self.candidates)), count)
        oldest = np.argsort(self.shown_at, kind="stable")[:stale]
        weights = self.hardness.log_weights(self.config.rule, self.temperature, self.rng)
        weights[oldest] = -np.inf
        return np.concatenate([oldest, draw(weights, count - stale, self.rng)]) if count > stale else oldest

    def observe(self, feedback: Feedback) -> None:
        places = np.searchsorted(self.candidates, feedback.rows["sequence"])
        told = feedback.correct if self.config.feedback == "flip" else feedback.losses
        assert told is not None, "flips are refused where answers are not checked"
        values = np.asarray(told, dtype=np.float64)
        while len(places):  # the last of an episode can be the first of the next: one after the other
            once = np.unique(places, return_index=True)[1]
            self.hardness.update(places[once], values[once])
            places, values = np.delete(places, once), np.delete(values, once)
        self.fresh = self.rows_shown - self.looked_at >= max(1, len(self.candidates) // LOOKS)
        if self.fresh:
            self.looked_at = self.rows_shown
            self.counts.append(np.histogram(self.hardness.seen().clip(max=EDGES[-1]), EDGES)[0].astype(np.int64))
            self.rows_at.append(self.rows_shown)

    def metrics(self) -> dict[str, float]:
        """What costs a pass over the candidates is said ten times a pass."""
        if not self.fresh:
            return {}
        spread = np.quantile(self.hardness.seen(), QUANTILES)
        quantiles = {f"hardness_q{int(100 * q):02}": float(v) for q, v in zip(QUANTILES, spread, strict=True)}
        recent = (self.episode_of > max(self.episode - RECENT, 0)).mean()
        return {"coverage": float(recent), "gini": gini(self.hardness.shown), **quantiles}

    def standing(self) -> Standing:
        counts = np.array(self.counts, dtype=np.int64).reshape(-1, len(EDGES) - 1)
        rows_at = np.array(self.rows_at, dtype=np.int64)
        hardness = self.hardness
        return Standing("hardness", self.candidates, hardness.r, hardness.shown, EDGES, counts, rows_at)

    def state(self) -> State:
        standing = self.standing()
        own = {"queue": self.queue, "shown_at": self.shown_at, "episode_of": self.episode_of}
        looks = {"counts": standing.counts, "rows_at": standing.rows_at}
        facts = {name: getattr(self, name) for name in FACTS}
        hardness = {name: getattr(self.hardness, name) for name in ARRAYS}
        return State(own | looks | hardness, {**facts, "rng": generator_state(self.rng)})

    def load(self, state: State) -> None:
        for name in ("queue", "shown_at", "episode_of"):
            setattr(self, name, state.arrays[name].copy())
        for name in ARRAYS:
            setattr(self.hardness, name, state.arrays[name].copy())
        for name in FACTS:
            setattr(self, name, state.facts[name])
        self.counts, self.rows_at = list(state.arrays["counts"]), state.arrays["rows_at"].tolist()
        self.rng, self.fresh = generator_of(state.facts["rng"]), False


FACTS = ("episode", "place", "rows_shown", "looked_at", "share", "temperature")
