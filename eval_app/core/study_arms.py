"""What a study's arms are made to say before it starts, and what is wrong between them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.configs_order import PolicyChoice
from eval_app.core.configs_study import CONTROL, StudyConfig
from training_app.core.configs import ModelChoice
from training_app.core.model_shape import shape_of

NAME_LENGTH = 61
SHARED = ("learning_rate", "average", "sequences", "model", "budget_factor", "budget_tokens")


def with_controls(raw: dict[str, Any]) -> dict[str, Any]:
    """A study's raw config with an arm "… shuffled" for every arm that selects or repeats and has none yet."""
    arms = raw.get("arms")
    if raw.get("order_control") is not True or not isinstance(arms, list):
        return raw
    named = [arm for arm in arms if isinstance(arm, dict)]
    controlled = {arm.get("shuffled_of") for arm in named}
    missing = [arm for arm in named if arm.get("name") not in controlled and _selects(arm.get("policy"))]
    return {**raw, "arms": [*arms, *map(_control, missing)]}


def _control(arm: dict[str, Any]) -> dict[str, Any]:
    name = str(arm.get("name", ""))
    shared = {key: arm[key] for key in SHARED if key in arm}
    return {"name": name[: NAME_LENGTH - len(CONTROL)] + CONTROL, "shuffled_of": name, **shared}


def _selects(policy: Any) -> bool:
    """Whether a policy may show anything but its pool, each once and whole, and says so before the run."""
    try:
        built = PolicyChoice.model_validate(policy).build()
    except (ValidationError, InputError):
        return False  # validation says what is wrong with it
    return not built.only_order and not isinstance(built, AdaptivePolicy) and policy.get("key") != "reshuffled"


def parameters_of(model: ModelChoice, vocab_size: int) -> int | None:
    """How many a model has, by the formula of a Llama; None where its settings name no sizes."""
    names = {
        "hidden_size": "hidden_size", "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads",
        "num_key_value_heads": "num_kv_heads", "intermediate_size": "intermediate_size",
        "tie_word_embeddings": "tie_embeddings",
    }  # fmt: skip
    sizes = {theirs: model.config[ours] for theirs, ours in names.items() if ours in model.config}
    shape = shape_of({**sizes, "vocab_size": vocab_size})
    return None if shape is None else shape.parameters


def equal_compute(budget: int, length: int, baseline: int, parameters: int) -> int:
    """Tokens, in whole sequences, for which a model of so many parameters takes the operations that the baseline's
    takes for `budget` (6 per parameter and token)."""
    return max(1, round(budget * baseline / parameters / length)) * length


def identical_arms(config: StudyConfig) -> list[Problem]:
    """Arms that are the same in all but their name: their runs would be equal to the last digit."""
    seen: dict[tuple[object, ...], str] = {}
    problems = []
    for number, arm in enumerate(config.arms):
        what = (config.trained_as(arm).name, arm.average.fingerprint() if arm.average else "")
        if what in seen:
            message = f"arms {seen[what]!r} and {arm.name!r} are the same but for their names: every run would be equal"
            hint = "let one of them differ, or leave it out"
            problems.append(Problem(message, field=f"arms.{number}.name", hint=hint))
        seen.setdefault(what, arm.name)
    return problems


def wrong_budgets(config: StudyConfig, tokens: Mapping[str, int]) -> list[Problem]:
    """Ready schedules that do not show what their arm is to be shown; `tokens` by schedule."""
    problems = []
    for number, arm in enumerate(config.arms):
        due = config.tokens_of(arm)
        for place, schedule in enumerate(arm.schedules):
            shown = tokens.get(str(schedule), due)
            if shown != due:
                message = f"{schedule} shows {shown:,} tokens, and a run of arm {arm.name!r} is to be shown {due:,}"
                hint = f"set the token budget to {shown}, or this arm's factor to {shown / config.budget_tokens:.6g}"
                problems.append(Problem(message, field=f"arms.{number}.schedules.{place}", hint=hint))
    return problems
