"""The charts of a run's live page: which series each one draws, and how."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.utils.text import slugify

from training_app.core.metric_keys import describe, members


@dataclass(frozen=True)
class Card:
    """One live chart. `patterns` name series as `training_app.core.metric_keys` declares them; `plain` lines are
    never smoothed; a `stack` draws shares, and the family `planned` as dotted borders between them. `mode` names an
    entry of `chimera.modes` in `static/js`; a script that adds one there can be named here."""

    slug: str
    title: str
    sub: str
    patterns: tuple[str, ...]
    mode: str = "lines"
    planned: str = ""
    ordered: bool = False  # the groups are a scale: colours run from dark to light
    colour: int = 1  # of the first line, 1 to 8

    @property
    def patterns_json(self) -> str:
        return json.dumps(self.patterns)


RUN_CARDS = (
    Card("loss", "Training loss", "nats per token", ("loss",)),
    Card("held-out", "Held-out loss", "bits per byte, by domain", ("held_out/*", "held_out/macro")),
    Card("token-entropy", "Token entropy", "nats; mean, median, 95th percentile",
         ("token_entropy", "token_entropy/p50", "token_entropy/p95"), colour=3),
    Card("attention-entropy", "Attention entropy", "share of uniform; mean over layers", ("attention_entropy",)),
    Card("stable-rank", "Stable rank", "of gradients, min and mean", ("stable_rank/min", "stable_rank/mean")),
    Card("grad-norm", "Gradient norm", "L2, before clipping", ("grad_norm",), colour=8),
    Card("difficulty", "Mixture by difficulty", "delivered so far; dotted: planned", ("mixture/delivered/*",),
         mode="stack", planned="mixture/planned/*", ordered=True),
    Card("domains", "Mixture by domain", "delivered so far; dotted: planned", ("mixture/delivered/domain/*",),
         mode="stack", planned="mixture/planned/domain/*"),
    Card("conditioning", "Under metadata and plain", "delivered so far; dotted: planned",
         ("mixture/delivered/conditioning/*",), mode="stack", planned="mixture/planned/conditioning/*"),
    Card("learning-rate", "Learning rate", "", ("learning_rate",), mode="plain", colour=7),
    Card("sequence-length", "Sequence length", "tokens of the longest row", ("sequence_length",), mode="plain",
         colour=6),
)  # fmt: skip

GEOMETRY = (
    Card("stable-rank-layers", "Stable rank by layer", "of gradients", ("stable_rank/layer/*",), mode="heat"),
    Card("spectral-layers", "Spectral entropy by layer", "of weights", ("spectral_entropy/layer/*",), mode="heat"),
    Card("top-share", "Top-eigenvalue share by layer", "of weights", ("spectral_top_share/layer/*",), mode="heat"),
    Card("spectral", "Effective rank", "of weights, mean over layers",
         ("spectral/effective_rank", "spectral/participation"), mode="plain"),
    Card("noise-scale", "Gradient noise scale", "sequences", ("noise_scale",), mode="plain", colour=2),
    Card("gradient-cosine", "Gradient cosine", "between parts and groups of a batch",
         ("gradient_cosine/mean", "gradient_cosine/min", "gradient_cosine/groups"), mode="plain"),
    Card("gradient-groups", "Gradient cosine with the rest", "each group against the others",
         ("gradient_cosine/group/*",), mode="plain"),
    Card("weights", "Norm of the weights", "L2", ("norm/weights",), mode="plain", colour=6),
    Card("update-ratio", "Update by weight", "norm of a step over that of the weights", ("norm/update_ratio",),
         mode="plain", colour=4),
    Card("update-layers", "Update by weight, by layer", "", ("norm/update_ratio/layer/*",), mode="heat"),
    Card("adam", "Adam, largest √v", "goes before instabilities", ("adam/variance_max",), mode="plain", colour=8),
)  # fmt: skip

ATTENTION = (
    Card("attention-layers", "Attention entropy by layer", "share of uniform", ("attention_entropy/layer/*",),
         mode="heat"),
    Card("attention-heads", "Attention entropy by head", "layer.head, share of uniform",
         ("attention_entropy/head/*",), mode="heat"),
    Card("attention-sharp", "Attention sharpness", "largest weight, first token, saturated queries",
         ("attention/sharpness", "attention/first_token", "attention/saturated"), mode="plain"),
)  # fmt: skip

DATA = (
    Card("loss-domain", "Training loss by domain", "nats per token, since the last point", ("group_loss/domain/*",)),
    Card("loss-difficulty", "Training loss by difficulty", "nats per token, since the last point",
         ("group_loss/difficulty/*",)),
    Card("exposures", "Exposures", "epochs of seen sequences", ("exposures/mean", "exposures/max"), mode="plain"),
)  # fmt: skip

CURRICULUM = (
    Card("curriculum-hardness", "Hardness of the candidates", "quantiles: 5, 25, 50, 75, 95 %",
         tuple(f"curriculum/hardness_q{percent:02}" for percent in (5, 25, 50, 75, 95)), mode="plain"),
    Card("curriculum-subset", "Subset and coverage", "share of the candidates",
         ("curriculum/share", "curriculum/coverage"), mode="plain"),
    Card("curriculum-temperature", "Sampling temperature", "", ("curriculum/temperature",), mode="plain", colour=8),
    Card("curriculum-gini", "Inequality of showings", "Gini; 0: all equally often", ("curriculum/gini",),
         mode="plain", colour=3),
)  # fmt: skip

SYSTEM = (
    Card("throughput", "Throughput", "tokens per second of training", ("tokens_per_second",), colour=5),
    Card("memory", "Memory", "MiB", ("memory/rss", "memory/peak", "memory/cuda", "memory/cuda_peak"), mode="plain"),
)  # fmt: skip

# Below the cards of every run: what probes and the machine say, under headings, as far as it is logged.
SECTIONS = (
    ("Curriculum", CURRICULUM),
    ("Data", DATA),
    ("Geometry", GEOMETRY),
    ("Attention", ATTENTION),
    ("System", SYSTEM),
)
OWN_AT_MOST = 24  # series without a card of ours that get a chart each at once; more are folded in the browser

COMPARE_CARDS = (
    Card("held-out-macro", "Held-out loss, mean over domains", "bits per byte", ("held_out/macro",)),
    Card("loss", "Training loss", "nats per token", ("loss",)),
    Card("token-entropy", "Token entropy", "nats", ("token_entropy",), colour=3),
    Card("stable-rank", "Stable rank, mean over layers", "of gradients", ("stable_rank/mean",)),
    Card("grad-norm", "Gradient norm", "L2, before clipping", ("grad_norm",), colour=8),
    Card("learning-rate", "Learning rate", "", ("learning_rate",), mode="plain", colour=7),
)


def card_of(key: str) -> Card:
    """The chart of one metric in the browser, whatever it is: also of one that nobody has declared."""
    described = describe(key)
    digest = hashlib.sha256(key.encode()).hexdigest()[:6]  # two keys may make one slug
    title, sub = (key, described.unit) if described.title == key else (described.label(key), key)
    return Card(f"{slugify(key)[:60] or 'metric'}-{digest}", title, sub, (key,))


def cards_with_points(cards: Iterable[Card], logged: Iterable[str]) -> list[Card]:
    """The cards of which at least one series has been logged."""
    keys = dict.fromkeys(logged)
    return [card for card in cards if any(members(pattern, keys) for pattern in card.patterns)]


def sections_of(logged: Iterable[str], coming: Iterable[str] = ()) -> list[tuple[str, list[Card]]]:
    """Headings with their cards, the first ones without a heading; of those also cards whose series are `coming`."""
    keys = dict.fromkeys(logged)
    first = ("", cards_with_points(RUN_CARDS, [*keys, *coming]))
    rest = [(title, cards_with_points(cards, keys)) for title, cards in SECTIONS]
    return [(title, cards) for title, cards in (first, *rest) if cards]


def own_cards(logged: Iterable[str]) -> list[Card]:
    """Cards of series that no other card draws, as those of another trainer; none if there are too many."""
    keys = dict.fromkeys(logged)
    known = cards_with_points([*RUN_CARDS, *(card for _, cards in SECTIONS for card in cards)], keys)
    drawn = {key for card in known for pattern in card.patterns for key in members(pattern, keys)}
    rest = [card_of(key) for key in keys if key not in drawn]
    return [replace(card, slug=f"own-{card.slug}") for card in rest] if len(rest) <= OWN_AT_MOST else []
