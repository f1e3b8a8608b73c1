"""Items that programs write, by level, and their verifiers: those of reasoning-gym and Chimera's own (pure).

Levels of reasoning-gym are driven here, by `generate_configuration`: its `CurriculumExperiment` loses the seed at every
change of a level (version 0.1.25).
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from functools import lru_cache
from random import Random
from typing import Any

from chimera.errors import InputError, Problem
from curriculum_app.core.procedural.base import EQUALS, GeneratorChoice, Task

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_RUNS_ANSWERS = re.compile(r"parse_expr|sympify|\beval\(|\bexec\(|parse_latex")
RIGHT = 0.99  # of a verifier that gives 1 for right ones: less is partial credit, which is not counted


def extracted(text: str) -> str:
    """The last `<answer>…</answer>` of a text, else all of it; without blanks around."""
    found = _ANSWER.findall(text)
    return str(found[-1] if found else text).strip()


@lru_cache(maxsize=32)
def dataset_of(name: str, level: int, size: int, seed: int) -> Any:
    """A reasoning-gym dataset at one level of its curriculum.

    Raises:
        InputError: there is no such dataset, or none by levels, or its verifier runs answers as code.
    """
    import reasoning_gym
    from reasoning_gym.factory import CURRICULA, DATASETS, create_curriculum

    if name not in DATASETS or name not in CURRICULA:
        hint = f"one of {', '.join(sorted(set(DATASETS) & set(CURRICULA)))}"
        raise InputError(Problem(f"reasoning-gym has no {name!r} by levels", field="dataset", hint=hint))
    verifier = sys.modules[DATASETS[name][0].score_answer.__module__]
    if _RUNS_ANSWERS.search(inspect.getsource(verifier)):
        hint = "choose another dataset"
        raise InputError(Problem(f"the verifier of {name} runs answers as code", field="dataset", hint=hint))
    curriculum = create_curriculum(name)
    curriculum.set_global_level(level)
    return reasoning_gym.create_dataset(name, **vars(curriculum.generate_configuration({"seed": seed, "size": size})))


def own_string(choice: GeneratorChoice, seed: str) -> tuple[str, str]:
    """`(question with its equals sign, answer)` of one of Chimera's own generators.

    Raises:
        InputError: the generator asks nothing: its strings have no question.
    """
    generator = choice.build()
    if not isinstance(generator, Task):
        hint = "choose a generator of questions and answers"
        raise InputError(Problem(f"{choice.key} writes strings without a question", field="levels", hint=hint))
    question = generator.question(Random(seed))
    return " ".join([*question, EQUALS]), " ".join(generator.answer(question))


def verdict(item: dict[str, Any], answer: str) -> float:
    """What the item's verifier says of an answer, 0 to 1."""
    if item["verifier"] == "own":
        generator = GeneratorChoice(key=item["generator"], config=json.loads(item["settings"])).build()
        return float(not generator.fault(f"{item['question']} {' '.join(answer.split())}"))
    dataset = dataset_of(item["dataset"], item["level"], item["size"], item["seed"])
    return float(dataset.score_answer(answer, dataset[item["index"]]))
