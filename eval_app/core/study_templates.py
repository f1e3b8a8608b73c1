"""Studies to begin with: each makes a config from the sequences that are chosen, to look at first (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chimera.errors import InputError, Problem

BUDGET = 524_288  # tokens of a run, where there are as many
SEEDS = [1, 2, 3, 4, 5]
MOST_ARMS = 20
WARM = 8e-3  # four times the default peak of the cosine schedule
DECAYING = {"key": "wsd", "config": {"final_fraction": 0.0, "decay": "sqrt"}}
SHUFFLE = {"key": "shuffle"}
SHARE_OF_QUANTILE = 0.8  # sequences that hold two quantiles cannot give all of one

Asked = Literal["grouping", "variants"]
Raw = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """What a template is filled with. `sequences` are uids, the first the study's own; `manifest` is of the first."""

    sequences: Sequence[str]
    manifest: Mapping[str, Any]
    names: Sequence[str] = ()  # of the sequences, as a reader knows them
    grouping: str = ""
    held_out: str = ""

    def budget(self, available: float | None = None) -> int:
        """Whole sequences, as many tokens as usual or as there are."""
        length = int(self.manifest["sequence_length"])
        most = min(BUDGET, int(self.manifest["num_tokens"] if available is None else available))
        return max(length, most // length * length)


@dataclass(frozen=True)
class Template:
    """`build` gives a raw config; `asks` names what it needs beside sequences."""

    key: str
    title: str
    summary: str
    build: Callable[[Chosen], Raw]
    asks: tuple[Asked, ...] = field(default=())


def _study(chosen: Chosen, name: str, arms: list[Raw], budget: int | None = None, **more: Any) -> Raw:
    return {
        "name": name,
        "sequences": chosen.sequences[0],
        "budget_tokens": budget or chosen.budget(),
        "arms": arms,
        "baseline": arms[0]["name"],
        "seeds": SEEDS,
        **more,
    }


def _starter(chosen: Chosen) -> Raw:
    arms = [{"name": "shuffled", "policy": SHUFFLE}, {"name": "easy-to-hard", "policy": {"key": "easy_to_hard"}}]
    return _study(chosen, "Does easy-to-hard order help?", arms)


def _ascending(chosen: Chosen) -> Raw:
    ascending, constant = {"key": "quality_ascending"}, {"key": "constant"}
    arms: list[Raw] = [
        {"name": "shuffled decay", "policy": SHUFFLE, "learning_rate": DECAYING},
        {"name": "ascending constant", "policy": ascending, "learning_rate": constant},
        {"name": "ascending decay", "policy": ascending, "learning_rate": DECAYING},
        {"name": "shuffled constant", "policy": SHUFFLE, "learning_rate": constant},
        {"name": "ascending averaged", "policy": ascending, "learning_rate": constant, "average": {"last": 6}},
    ]
    every = max(1, chosen.budget() // int(chosen.manifest["sequence_length"]) // 4 // 16)  # of steps of four sequences
    name = "Does ascending quality help once the learning rate stays up?"
    return _study(chosen, name, arms, train={"keep_every_steps": every})


def _length(chosen: Chosen) -> Raw:
    warm_up = {"key": "length_warm_up", "config": {"start": 8, "until": 0.3}}
    fast = {"key": "cosine", "config": {"peak": WARM}}
    arms: list[Raw] = [
        {"name": "shuffled", "policy": SHUFFLE},
        {"name": "length warm-up 4x rate", "policy": warm_up, "learning_rate": fast},
        {"name": "shuffled 4x rate", "policy": SHUFFLE, "learning_rate": fast},
        {"name": "length warm-up", "policy": warm_up},
    ]
    return _study(chosen, "Does length warm-up help at a 4x larger learning rate?", arms)


def _yardstick(chosen: Chosen) -> Raw:
    budget = chosen.budget(int(chosen.manifest["num_tokens"]) / 2)
    twice = {"key": "selective_repetition", "config": {"phases": [{"fraction": 1.0}, {"fraction": 1.0}]}}
    arms: list[Raw] = [
        {"name": "shuffled", "policy": SHUFFLE},
        {"name": "best repeated", "policy": {"key": "selective_repetition"}},
        {"name": "best repeated in random order", "shuffled_of": "best repeated"},
        {"name": "twice the tokens", "policy": SHUFFLE, "budget_factor": 2.0},
        {"name": "the same twice", "policy": twice, "budget_factor": 2.0},
    ]
    return _study(chosen, "What is repeating the best texts worth in tokens?", arms, budget)


def _quantiles(chosen: Chosen) -> Raw:
    """One arm for each group of a grouping, all at the tokens that the smallest one has, against all of them."""
    known = chosen.manifest.get("tokens_by_group", {})
    if chosen.grouping not in known:
        hint = f"one of {', '.join(known)}; Group counts by quality quantiles with the grouping Quality quantile"
        raise InputError(Problem(f"these sequences have no grouping {chosen.grouping!r}", "grouping", hint=hint))
    tokens = zip(chosen.manifest["groupings"][chosen.grouping], known[chosen.grouping], strict=True)
    held = {name: count for name, count in tokens if count > 0}
    if not 2 <= len(held) < MOST_ARMS:
        message = f"{chosen.grouping} has {len(held)} groups with tokens; a study takes 2 to {MOST_ARMS - 1}"
        raise InputError(Problem(message, "grouping", hint="group with fewer quantiles"))
    shares = [{"grouping": chosen.grouping, "shares": {name: 1.0}} for name in held]
    arms = [{"name": arm_name(f"only {name}"), "policy": {"key": "fixed_mixture", "config": each}}
            for name, each in zip(held, shares, strict=True)]  # fmt: skip
    budget = chosen.budget(SHARE_OF_QUANTILE * min(held.values()))
    title = f"How good is the text of each group of {chosen.grouping}?"
    return _study(chosen, title, [{"name": "everything", "policy": SHUFFLE}, *arms], budget)


def _variants(chosen: Chosen) -> Raw:
    """One arm for each set of sequences made of the same examples in another form, on a held-out text in common."""
    if not 2 <= len(chosen.sequences) <= MOST_ARMS:
        hint = "group every form of the dataset version with the tokenizer of the first (like), then choose them here"
        raise InputError(Problem("variants need two sets of sequences or more", "variants", hint=hint))
    names = chosen.names or chosen.sequences
    arms = [{"name": arm_name(f"{uid} {name}"), "policy": SHUFFLE, "sequences": uid}
            for uid, name in zip(chosen.sequences, names, strict=True)]  # fmt: skip
    return _study(
        chosen, "Which form of the same examples is best?", arms, held_out=chosen.held_out or chosen.sequences[0]
    )


def arm_name(text: str) -> str:
    """A text as the name of an arm: letters, digits, blanks, hyphens."""
    return re.sub(r"[^A-Za-z0-9_-]+", " ", text).strip(" _-")[:61].strip()


TEMPLATES = {
    template.key: template
    for template in (
        Template("starter", "Easy to hard", "One pool in two orders: shuffled, and easy sequences first.", _starter),
        Template(
            "quality-ascending",
            "Ascending quality × learning rate",
            "Shuffled or ascending, with a decay to nothing or at a constant rate (arXiv 2511.18903), and averaged.",
            _ascending,
        ),
        Template(
            "length-warm-up",
            "Length warm-up",
            "Short sequences first at one and at four times the learning rate (arXiv 2108.06084).",
            _length,
        ),
        Template(
            "worth-in-tokens",
            "Worth in tokens",
            "The best texts repeated, beside two yardsticks: twice as many tokens, and the same tokens twice.",
            _yardstick,
        ),
        Template(
            "quantiles",
            "Quantile benchmarking",
            "A small model on each quality quantile at equal tokens: what quality is worth, and what it costs.",
            _quantiles,
            ("grouping",),
        ),
        Template(
            "variants",
            "Variants",
            "The same examples in several forms at equal tokens, scored on one held-out text.",
            _variants,
            ("variants",),
        ),
    )
}


@dataclass(frozen=True)
class QuantileAxis:
    """The arms of a quantile study in the order of their groups: (arm, group)."""

    grouping: str
    arms: list[tuple[str, str]]


def quantile_axis(arms: Sequence[tuple[str, str, Mapping[str, Any]]]) -> QuantileAxis | None:
    """The axis of a study whose arms (name, policy key, policy config) show one group of one grouping each.

    At least two such arms, all of the same grouping; None of any other study.
    """
    found = [
        (name, str(config["grouping"]), next(iter(config["shares"])))
        for name, key, config in arms
        if key == "fixed_mixture" and len(config.get("shares", {})) == 1
    ]
    groupings = {grouping for _, grouping, _ in found}
    if len(found) < 2 or len(groupings) != 1:
        return None
    return QuantileAxis(groupings.pop(), [(name, group) for name, _, group in found])
