"""What the finished children of a study give its verdict to rest on (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chimera.jobs.kinds import Finished
from eval_app.core.configs_study import ArmConfig, StudyConfig
from eval_app.core.verdicts.evidence import ArmEvidence, StudyEvidence
from eval_app.core.verdicts.outcome import HELD_OUT, MACRO

Summary = Mapping[str, Any]


def gather(
    config: StudyConfig,
    finished: Mapping[str, Finished],
    unigram: Mapping[str, float] | None = None,
    rates: Mapping[str, str] | None = None,
) -> StudyEvidence:
    """The evidence by now.

    Args:
        unigram: bits per byte of the held-out domains under token frequencies; by default what the runs say of their
            own text, which nothing can be said of where they are scored on another.
        rates: arm → a text that is equal for arms that learnt with the same rate; by default their configs.
    """
    arms = [_arm(config, arm, finished, rates or {}) for arm in config.arms]
    return StudyEvidence(
        seeds=config.seeds,
        arms=arms,
        baseline=config.baseline,
        unigram=dict(_unigram(config, finished) if unigram is None else unigram),
        alpha=config.alpha,
        outcome=config.primary_outcome,
        secondary=config.secondary_outcomes,
        match=config.match,
        early_stop=config.early_stop,
    )


def _unigram(config: StudyConfig, finished: Mapping[str, Finished]) -> Mapping[str, float]:
    if config.held_out is not None:
        return {}
    runs = (each.summary for slot, each in finished.items() if slot.startswith("train/"))
    return next((run["unigram"] for run in runs if run.get("unigram")), {})


def _arm(
    config: StudyConfig, arm: ArmConfig, finished: Mapping[str, Finished], rates: Mapping[str, str]
) -> ArmEvidence:
    source = config.trained_as(arm)
    slots = {seed: f"train/{source.name}/{seed}" for seed in config.seeds}
    runs = {seed: finished[slot].summary for seed, slot in slots.items() if slot in finished}
    scored = {
        seed: finished[slot].summary for seed in config.seeds if (slot := scored_in(config, arm, seed)) in finished
    }
    return ArmEvidence(
        name=arm.name,
        multisets={seed: run["multiset_digest"] for seed, run in runs.items()},
        orders={seed: run["delivered_digest"] for seed, run in runs.items()},
        scores={seed: numbers_of(runs.get(seed, {})) | numbers_of(summary) for seed, summary in scored.items()},
        learning_rate=rates.get(arm.name) or _said(config.learning_rate_of(arm)),
        average=_said(arm.average) if arm.average else "",
        model=_said(arm.model or config.train.model),
        data=str(config.sequences_of(arm)),
        tokens={seed: int(run["tokens"]) for seed, run in runs.items() if run.get("tokens")},
        parameters=next((int(run["parameters"]) for run in runs.values() if run.get("parameters")), 0),
        shuffled_of=arm.shuffled_of,
    )


def _said(value: Any) -> str:
    return json.dumps(value.as_json(), sort_keys=True)


def scored_in(config: StudyConfig, arm: ArmConfig, seed: int) -> str:
    """The slot of the child whose scores count for an arm at a seed."""
    if config.evaluated:
        return f"evaluate/{arm.name}/{seed}"
    return f"average/{arm.name}/{seed}" if arm.average else f"train/{config.trained_as(arm).name}/{seed}"


def numbers_of(summary: Summary) -> dict[str, float | None]:
    """Every number of a run's, an average's or an evaluation's summary by metric key; held-out text by domain."""
    found: dict[str, float | None] = {key: value for key, value in summary.items() if _is_number(value)}
    found |= {HELD_OUT + domain: value for domain, value in (summary.get("held_out") or {}).items()}
    if "held_out_macro" in summary:
        found[MACRO] = found.pop("held_out_macro", None)
    return found | {key: value for key, value in (summary.get("scores") or {}).items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
