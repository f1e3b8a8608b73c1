"""Templates of studies: each fills in a config that can be started."""

from __future__ import annotations

from typing import Any

import pytest

from chimera.errors import InputError
from eval_app.core.configs_study import StudyConfig
from eval_app.core.study_arms import identical_arms
from eval_app.core.study_templates import TEMPLATES, Chosen, arm_name, quantile_axis

MANIFEST: dict[str, Any] = {
    "sequence_length": 128,
    "num_tokens": 1_000_000,
    "groupings": {"domain": ["code", "prose"], "quality-compression": ["1 of 3", "2 of 3", "3 of 3"], "one": ["all"]},
    "tokens_by_group": {"domain": [400_000, 600_000], "quality-compression": [340_000, 330_000, 330_000], "one": [9]},
}


def chosen(**changes: Any) -> Chosen:
    return Chosen(
        **{"sequences": ["sequences-1", "sequences-2"], "manifest": MANIFEST, "names": ["plain", "Q&A"]} | changes
    )


@pytest.mark.parametrize("key", TEMPLATES)
def test_a_template_fills_in_a_study_that_can_be_started(key: str) -> None:
    config = StudyConfig.model_validate(TEMPLATES[key].build(chosen(grouping="quality-compression")))
    assert not identical_arms(config)
    assert config.budget_tokens % 128 == 0 and config.budget_tokens <= 524_288
    assert config.baseline == config.arms[0].name and len(config.seeds) == 5


def test_quantiles_are_one_arm_each_at_tokens_that_all_of_them_have() -> None:
    config = StudyConfig.model_validate(TEMPLATES["quantiles"].build(chosen(grouping="quality-compression")))
    assert [arm.name for arm in config.arms] == ["everything", "only 1 of 3", "only 2 of 3", "only 3 of 3"]
    assert config.budget_tokens == 264_000 // 128 * 128
    axis = quantile_axis([(arm.name, arm.policy.key, arm.policy.config) for arm in config.arms if arm.policy])
    assert axis and axis.grouping == "quality-compression"
    assert axis.arms == [("only 1 of 3", "1 of 3"), ("only 2 of 3", "2 of 3"), ("only 3 of 3", "3 of 3")]
    starter = StudyConfig.model_validate(TEMPLATES["starter"].build(chosen()))
    assert quantile_axis([(arm.name, arm.policy.key, arm.policy.config) for arm in starter.arms if arm.policy]) is None


@pytest.mark.parametrize(("grouping", "says"), [("quality", "no grouping 'quality'"), ("one", "1 groups with tokens")])
def test_a_grouping_that_gives_no_quantiles_is_refused(grouping: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        TEMPLATES["quantiles"].build(chosen(grouping=grouping))


def test_variants_train_on_sequences_of_their_own_and_share_the_held_out_text() -> None:
    config = StudyConfig.model_validate(TEMPLATES["variants"].build(chosen(held_out="sequences-2")))
    assert [str(config.sequences_of(arm)) for arm in config.arms] == ["sequences-1", "sequences-2"]
    assert str(config.held_out) == "sequences-2" and config.arms[1].name == "sequences-2 Q A"
    with pytest.raises(InputError, match="two sets"):
        TEMPLATES["variants"].build(chosen(sequences=["sequences-1"]))


def test_a_text_becomes_the_name_of_an_arm() -> None:
    assert arm_name("only “räther” good: 2/3") == "only r ther good 2 3"
    assert len(arm_name("x" * 200)) == 61
