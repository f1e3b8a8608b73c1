"""What every kind of job owes: a new one is tested by existing, once it has an example here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chimera.config_forms import ConfigForm, posted
from chimera.jobs.kinds import JobKind, all_kinds, resolve

EXAMPLES: dict[str, dict[str, Any]] = {
    "import": {"name": "books", "path": "books.jsonl"},
    "register-benchmark": {"name": "exam", "path": "exam.jsonl"},
    "preview": {"path": "books.jsonl"},
    "curate": {"name": "clean books", "datasets": ["dataset-1"], "recipes": {"text": [{"key": "min_length"}]}},
    "sample-rules": {"datasets": ["dataset-1"], "recipes": {"text": [{"key": "min_length"}]}},
    "measure": {"dataset": "dataset-2", "measures": [{"key": "length", "config": {"of": "words"}}, {"key": "mtld"}]},
    "cluster": {"name": "topics", "dataset": "dataset-2"},
    "verify": {"dataset": "dataset-1"},
    "compare": {"before": "dataset-1", "after": "dataset-2"},
    "group": {"name": "sequences", "dataset": "dataset-2"},
    "count-tokens": {"dataset": "dataset-1", "tokenizers": ["sequences-1"]},
    "schedule": {
        "name": "easy first", "sequences": "sequences-1", "policy": {"key": "easy_to_hard"}, "budget_tokens": 4096,
    },
    "dry-run": {
        "name": "easy first", "sequences": "sequences-1", "policy": {"key": "easy_to_hard"}, "budget_tokens": 4096,
        "bounds": [{"group": "code", "most": 0.3}],
    },
    "dry-run-schedule": {"schedule": "schedule-1"},
    "train": {"name": "first run", "schedule": "schedule-1"},
    "phases": {
        "name": "three phases",
        "phases": [
            {"name": "I Foundations", "sequences": "sequences-1", "budget_tokens": 4096,
             "gate": {"metric": "held_out_macro", "value": 3.0}},
            {"name": "III Alignment", "sequences": "sequences-2", "policy": {"key": "easy_to_hard"},
             "budget_tokens": 2048, "objective": {"key": "supervised"},
             "learning_rate": {"key": "constant", "config": {"peak": 1e-4}}},
        ],
    },
    "import-run": {"path": "runs", "rename": {"train/loss": "loss"}, "tokens_per_step": 1024},
    "external-run": {"name": "elsewhere", "settings": {"lr": 0.1, "layers": [1, 2]}},
    "import-model": {"name": "smollm2", "source": "smollm2-135m-instruct"},
    "verify-checkpoint": {"checkpoint": "checkpoint-1"},
    "measure-worker": {},
    "generate-reply": {"checkpoint": "checkpoint-1", "messages": [{"role": "user", "content": "Who are you?"}]},
    "evaluate": {"name": "first score", "checkpoint": "checkpoint-1", "sequences": "sequences-1"},
    "register-task": {"name": "mine", "definition": "task: mine\ndoc_to_choice: '{{choices}}'\n"},
    "judge-pairs": {
        "candidate": "evaluation-2", "baseline": "evaluation-1", "task": "tool_use", "judge": "checkpoint-1",
    },
    "edit-plan": {"name": "the rest shuffled", "run": "run-1", "policy": {"key": "shuffle"}},
    "average": {"name": "last two", "checkpoints": ["checkpoint-1", "checkpoint-2"], "weights": {"key": "wma"}},
    "diagnose": {"name": "along the schedule", "checkpoint": "checkpoint-1", "schedule": "schedule-1"},
    "study": {"sequences": "sequences-1"},
    "reproduce": {"study": "study-1"},
    "starter": {},
    "procedural": {"name": "brackets", "generators": [{"key": "dyck", "config": {"types": 2}}], "documents": 10},
    "train-classifier": {"name": "edu", "labels": "labels-1", "dataset": "dataset-1"},
    "subset": {"name": "edu", "dataset": "dataset-1", "classifier": "classifier-1"},
}  # fmt: skip
DOTTED = ("run", "adopt", "plan", "conclude", "created", "complete", "recorder", "page")
of_every_kind = pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)


def test_every_kind_has_an_example_here() -> None:
    assert EXAMPLES.keys() == {kind.name for kind in all_kinds()}


@of_every_kind
def test_the_example_of_a_kind_survives_json(kind: JobKind) -> None:
    config = kind.config.model_validate(EXAMPLES[kind.name])
    again = kind.config.model_validate(json.loads(json.dumps(config.as_json(), allow_nan=False)))
    assert again == config and again.fingerprint() == config.fingerprint()


@of_every_kind
def test_a_kind_has_a_json_schema_with_a_title_for_every_field(kind: JobKind) -> None:
    schema = json.loads(json.dumps(kind.config.model_json_schema()))
    assert schema["additionalProperties"] is False
    untitled = [name for name, info in kind.config.model_fields.items() if not info.title]
    assert untitled == [] and kind.title and kind.summary.endswith(".")


@of_every_kind
def test_the_functions_of_a_kind_exist_and_are_pure_where_they_must_be(kind: JobKind) -> None:
    named = {part: getattr(kind, part) for part in DOTTED if getattr(kind, part)}
    assert {part: callable(resolve(dotted)) for part, dotted in named.items()} == dict.fromkeys(named, True)
    owed = {"plan", "conclude"} if kind.composite else {"created"} if kind.of_client else {"run", "adopt"}
    assert set(named) >= owed
    pure = [dotted for part, dotted in named.items() if part in ("run", "plan")]
    assert all(".core." in dotted for dotted in pure)


@of_every_kind
def test_the_form_of_a_kind_posted_back_gives_the_same_config(kind: JobKind) -> None:
    def forms(data: Any, initial: Any) -> ConfigForm:
        return ConfigForm(kind.config, ref_choices, kind.config.model_validate, data, initial)

    def ref_choices(ref_kind: str) -> list[tuple[str, str]]:
        return [(f"{ref_kind}-{number}", "") for number in (1, 2)]

    example = kind.config.model_validate(EXAMPLES[kind.name])
    bound = forms(posted(forms(None, example.as_json())), None)
    assert bound.is_valid(), bound.errors
    assert bound.config == example
