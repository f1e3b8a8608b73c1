"""Procedural reasoning by level: reasoning-gym as it is documented, full marks only, seeds apart from training."""

from __future__ import annotations

import pytest
import reasoning_gym
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.procedural.base import GeneratorChoice
from eval_app.core.examination import examine
from eval_app.core.item_sources.base import EVALUATION_SEEDS, ITEM_SOURCES
from eval_app.core.procedural_items import dataset_of, extracted, own_string
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.tasks.bundled import bundled_suites, bundled_task
from tests.core.eval.models import Roomy

TASKS = [name for name in bundled_suites()["reasoning"].tasks if bundled_task(name).metadata.generator]


def test_chain_sum_is_what_it_was():
    settings = {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 2}
    made = reasoning_gym.create_dataset("chain_sum", **settings, size=3, seed=42)
    asked = [entry["question"].split(": ")[-1] for entry in made]
    assert list(zip(asked, [entry["answer"] for entry in made], strict=True)) == [
        ("4 + 3 =", "7"),
        ("99 - 28 =", "71"),
        ("2 - 6 + 3 =", "-1"),
    ]
    assert [made.score_answer(answer, made[0]) for answer in ("7", "  7 ", "abc 7", "0", None)] == [1, 1, 0.2, 0, 0]


@pytest.mark.parametrize(("level", "terms", "digits"), [(0, (2, 2), (1, 1)), (1, (2, 3), (1, 2)), (2, (2, 4), (1, 3))])
def test_levels_are_those_of_its_curriculum(level, terms, digits):
    config = dataset_of("chain_sum", level, 5, EVALUATION_SEEDS).config
    assert ((config.min_terms, config.max_terms), (config.min_digits, config.max_digits)) == (terms, digits)
    assert config.seed == EVALUATION_SEEDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer> 7 </answer>", "7"),
        ("<answer>1</answer> no, <answer>2</answer>.", "2"),
        (" 7\n", "7"),
        ("<answer>7", "<answer>7"),
    ],
)
def test_the_answer_is_taken_from_its_tag(text, expected):
    assert extracted(text) == expected


@pytest.mark.parametrize("task", TASKS)
def test_items_are_equal_every_time_and_their_own_answers_are_right(task):
    choice = bundled_task(task).metadata.generator
    made, again = (list(choice.build().items()) for _ in range(2))
    assert made == again and len({name for name, _ in made}) == len(made)
    scorer = SCORERS.build("procedural")
    for _, record in made[:: len(made) // 3]:
        assert record.get("seed", EVALUATION_SEEDS) >= EVALUATION_SEEDS
        text = f"So <answer>{record['answer']}</answer>"
        level = f"level_{record['level'] + 1}"
        right = {key: value for key, value in scorer.score(record, "", Answer(texts=[text])).values.items() if value}
        assert right == {"accuracy": 1.0, level: 1.0}, record


def test_containing_the_answer_is_worth_nothing():
    (_, record), *_ = ITEM_SOURCES.build("reasoning_gym").items()
    texts = [f"it is {record['answer']}", record["answer"]]
    scored = SCORERS.build("procedural").score(record, "", Answer(texts=texts))
    assert scored.values["accuracy"] == 0.5 and 0 < scored.facts["verifier"][0] < 1


def test_seeds_of_training_are_refused_and_other_bad_settings_named():
    for source in ("reasoning_gym", "own_generators"):
        with pytest.raises(InputError, match="seed"):
            ITEM_SOURCES.build(source, {"seed": 42})
    with pytest.raises(InputError, match="no 'acre' by levels"):
        dataset_of("acre", 0, 1, EVALUATION_SEEDS)
    with pytest.raises(InputError, match="runs answers as code"):
        dataset_of("countdown", 0, 1, EVALUATION_SEEDS)
    with pytest.raises(InputError, match="without a question"):
        own_string(GeneratorChoice(key="dyck"), "1")
    with pytest.raises(ValidationError):
        GeneratorChoice(key="identity", config={"length": 0})


class Copier(Roomy):
    """A model that copies two letters and gives up at more."""

    def generate_until(self, requests, **_):
        asked = [request.args[0].rsplit("\n", 1)[-1].removesuffix(" =") for request in requests]
        return [text if len(text) < 4 else "a" for text in asked]


def test_the_report_is_by_level():
    found = examine(Copier(), [bundled_task("procedural_copying")], [], limit=None, seed=0)
    scores = {score.metric: score.value for score in found.scores}
    assert list(scores) == ["accuracy", "level_1", "level_2", "level_3"]
    assert (scores["level_1"], scores["level_2"], scores["level_3"]) == (1.0, 0.0, 0.0)
