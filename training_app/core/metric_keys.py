"""The names of every series a run can write, with title, unit and direction (pure, torch-free: charts read it)."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher", "none"]


@dataclass(frozen=True)
class MetricKey:
    """A series, or with a `*` in `pattern` a family of them. `direction` says which way is better."""

    pattern: str
    title: str
    unit: str = ""
    direction: Direction = "none"
    description: str = ""

    def matches(self, key: str) -> bool:
        return fnmatch.fnmatchcase(key, self.pattern)

    def label(self, key: str) -> str:
        """The title of one series; of a family's member the part that `*` stands for is added."""
        if "*" not in self.pattern:
            return self.title
        return f"{self.title}: {key.removeprefix(self.pattern.partition('*')[0])}"


BITS_PER_BYTE = "bits/byte"

# Order matters: the first pattern that matches describes a key.
ENGINE_KEYS: tuple[MetricKey, ...] = (
    MetricKey("loss", "Training loss", "nats/token", "lower", "Mean next-token loss of the step's batch."),
    MetricKey("held_out/macro", "Held-out, mean over domains", BITS_PER_BYTE, "lower", "Unweighted mean over domains."),
    MetricKey("held_out/*", "Held-out", BITS_PER_BYTE, "lower", "On text that no run trains on."),
    MetricKey("grad_norm", "Gradient norm", "", "none", "Global L2 norm before clipping."),
    MetricKey("learning_rate", "Learning rate"),
    MetricKey("tokens_per_second", "Throughput", "tokens/s", "higher", "Of the step alone, evaluations left out."),
    MetricKey("sequence_length", "Sequence length", "tokens", "none", "Of the step's longest row, where rows differ."),
    MetricKey("probe_seconds/*", "Cost of probe", "seconds", "lower", "Of one measurement."),
    MetricKey("curriculum/*", "Curriculum", "", "none", "What a policy that decides during the run says of itself."),
    MetricKey("mixture/planned/domain/*", "Planned share of domain", "share", "none", "Of the tokens so far."),
    MetricKey("mixture/planned/conditioning/*", "Planned, under metadata", "share", "none", "Of the tokens so far."),
    MetricKey("mixture/planned/*", "Planned share of difficulty", "share", "none", "Of the tokens so far."),
    MetricKey("mixture/delivered/domain/*", "Delivered share of domain", "share", "none", "Of the tokens so far."),
    MetricKey(
        "mixture/delivered/conditioning/*", "Delivered, under metadata", "share", "none", "Of the tokens so far."
    ),
    MetricKey("mixture/delivered/*", "Delivered share of difficulty", "share", "none", "Of the tokens so far."),
)


def metric_keys() -> tuple[MetricKey, ...]:
    """The engine's keys and those that every registered objective, probe and adaptive policy declares."""
    from curriculum_app.core.adaptive.policy import AdaptivePolicy
    from curriculum_app.core.policies.base import POLICIES
    from training_app.core.objectives.base import OBJECTIVES
    from training_app.core.probes.base import PROBES

    policies = [entry.cls for entry in POLICIES if issubclass(entry.cls, AdaptivePolicy)]
    decided = (
        MetricKey(f"curriculum/{told.name}", told.title, told.unit, "none", told.description)
        for told in dict.fromkeys(series for policy in policies for series in policy.series)
    )
    objectives = (key for entry in OBJECTIVES for key in entry.cls.metrics)
    return (*decided, *ENGINE_KEYS, *objectives, *(key for entry in PROBES for key in entry.cls.metrics))


@functools.lru_cache(maxsize=20_000)  # pages ask for thousands of keys, again and again
def describe(key: str) -> MetricKey:
    """What is known of the series `key`; an undeclared one is described by its own name."""
    for declared in metric_keys():
        if declared.matches(key):
            return declared
    return MetricKey(key, key)


def members(pattern: str, keys: Collection[str]) -> list[str]:
    """Those of `keys` that are `pattern` or belong to its family, in their order.

    A key belongs to the family that describes it: `held_out/macro` is no member of `held_out/*`.
    """
    if pattern in keys:
        return [pattern]
    head, family, _ = pattern.partition("*")
    return [key for key in keys if family and key.startswith(head) and describe(key).pattern == pattern]
