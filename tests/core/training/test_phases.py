"""The plan of a chain of phases, its gates, and what can be said before the first run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError, problems_of
from chimera.jobs.kinds import Child, Finished
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.example_factory import build_examples
from tests.core.curriculum.sequence_factory import build_sequences
from training_app.core.configs_phases import PhaseGate, PhasesConfig
from training_app.core.phases import plan
from training_app.core.phases_fit import misfits

FOUNDATIONS = {"name": "I", "sequences": "sequences-1", "budget_tokens": 4096}
ALIGNMENT = {
    "name": "III", "sequences": "sequences-2", "budget_tokens": 1024, "objective": {"key": "supervised"},
    "learning_rate": {"key": "constant", "config": {"peak": 1e-4}},
}  # fmt: skip


def chain(*phases: dict[str, Any], **more: Any) -> PhasesConfig:
    return PhasesConfig(name="chain", phases=list(phases) or [FOUNDATIONS, ALIGNMENT], **more)


def followed(config: PhasesConfig, scores: dict[str, float]) -> list[Child]:
    """Ask the plan again and again while children end in the order they were created; every child ever asked for."""
    finished: dict[str, Finished] = {}
    while waiting := [child for child in plan(config, finished) if child.slot not in finished]:
        child, number = waiting[0], len(finished) + 1
        made = {child.kind: f"{child.kind}-{number}", "checkpoint": f"checkpoint-{number}"}
        phase = child.slot.partition("/")[2]
        score = scores.get(phase, 1.0)
        finished[child.slot] = Finished(
            made, {"held_out_macro": score, "held_out": {"code": score}, "last_loss": score}
        )
    return plan(config, finished)


def test_every_phase_is_ordered_at_once_and_each_run_waits_for_the_one_before() -> None:
    config = chain()
    assert [child.slot for child in plan(config, {})] == ["schedule/I", "schedule/III"]
    ordered = {
        f"schedule/{name}": Finished({"schedule": f"schedule-{n}"}, {}) for n, name in enumerate(("I", "III"), 1)
    }
    assert [child.slot for child in plan(config, ordered)][2:] == ["train/I"]
    assert [child.slot for child in plan(config, {"schedule/III": ordered["schedule/III"]})][2:] == []


@pytest.mark.parametrize("base", [None, "checkpoint-9"])
def test_a_phase_goes_on_from_the_checkpoint_before_with_its_own_objective_and_rate(
    base: str | None,
) -> None:
    config = chain(base=base, seed=7, train={"batch_sequences": 2})
    children = followed(config, {})
    assert [child.slot for child in children] == ["schedule/I", "schedule/III", "train/I", "train/III"]
    orders, runs = (
        [child.config.as_json() for child in children[:2]],
        [child.config.as_json() for child in children[2:]],
    )
    assert [(order["sequences"], order["budget_tokens"], order["seed"]) for order in orders] == [
        ("sequences-1", 4096, 7), ("sequences-2", 1024, 7)
    ]  # fmt: skip
    assert [(run["schedule"], run["base"]) for run in runs] == [("schedule-1", base), ("schedule-2", "checkpoint-3")]
    assert [run["objective"]["key"] for run in runs] == ["next_token", "supervised"]
    assert [run["learning_rate"]["key"] for run in runs] == ["cosine", "constant"]
    assert {(run["group"], run["batch_sequences"], run["seed"]) for run in runs} == {("chain", 2, 7)}


@pytest.mark.parametrize(
    ("metric", "must_be", "value", "passed"),
    [("held_out_macro", "below", 2.0, True), ("held_out_macro", "below", 1.5, False), ("last_loss", "above", 1.0, True),
     ("held_out/code", "below", 2.0, True), ("held_out/code", "above", 2.0, False)],
)  # fmt: skip
def test_a_gate_that_is_not_passed_ends_the_chain(metric: str, must_be: str, value: float, passed: bool) -> None:
    gate = {"metric": metric, "must_be": must_be, "value": value}
    config = chain({**FOUNDATIONS, "gate": gate}, ALIGNMENT)
    if passed:
        assert len(followed(config, {"I": 1.5})) == 4
        return
    with pytest.raises(InputError) as raised:
        followed(config, {"I": 1.5})
    (problem,) = raised.value.problems
    assert problem.field == "phases.0.gate" and "checkpoint-3 was kept" in problem.hint
    assert problem.message == f"the gate of phase 'I': {metric} is 1.5, not {must_be} {value:g}"


def test_a_gate_is_never_passed_by_what_is_no_number_or_was_not_measured() -> None:
    summary = {"held_out_macro": float("nan"), "held_out": {}}
    assert PhaseGate(value=1.0).failed(summary) == "held_out_macro is nan, not below 1"
    assert PhaseGate(metric="held_out/code", value=1.0).failed(summary) == "held_out/code was not measured"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"phases": [FOUNDATIONS, FOUNDATIONS]}, "phases.1.name"),
        ({"phases": []}, "phases"),
        ({"phases": [{**FOUNDATIONS, "gate": {"metric": "beauty", "value": 1}}]}, "phases.0.gate.metric"),
        ({"phases": [{**FOUNDATIONS, "gate": {"value": float("nan")}}]}, "phases.0.gate.value"),
        ({"phases": [FOUNDATIONS], "train": {"adapter": {"key": "lora"}}}, "base"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(raw: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as raised:
        PhasesConfig.model_validate({"name": "chain", **raw})
    assert [problem.field for problem in problems_of(raised.value)] == [field]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SequenceTable]:
    """Text and conversations in bytes, conversations with another tokenizer, longer ones, pairs."""
    root = tmp_path_factory.mktemp("tables")

    def examples(form: str, name: str, **changes: Any) -> SequenceTable:
        return build_examples(Path(root / name), form, **changes)[1]

    return {
        "text": build_sequences(ArtefactStore(root / "artefacts"), num_documents=40, sequence_length=128),
        "chat": examples("chat", "chat", vocab_size=257, sequence_length=128),
        "other chat": examples("chat", "other", sequence_length=100),
        "long chat": examples("chat", "long", vocab_size=257),
        "pairs": examples("pairs", "pairs", vocab_size=257, sequence_length=128),
    }


def said(tables: dict[str, SequenceTable], *phases: tuple[str, str], gate: str = "") -> dict[str, str]:
    """Field to message of a chain of (sequences, objective)."""
    gates = {"gate": {"metric": gate, "value": 1.0}} if gate else {}
    config = chain(
        *({**FOUNDATIONS, "name": str(n), "objective": {"key": key}, **gates} for n, (_, key) in enumerate(phases))
    )
    return {each.field: each.message for each in misfits(config, [tables.get(name) for name, _ in phases], None)}


def test_phases_that_fit_each_other_have_no_problems(tables: dict[str, SequenceTable]) -> None:
    fitting = ("text", "next_token"), ("chat", "supervised"), ("pairs", "preference")
    assert said(tables, *fitting) == {}
    assert said(tables, ("on another machine", "next_token"), ("other chat", "supervised")) == {}


def test_sequences_must_fit_the_objective_and_the_model_of_the_first_phase(tables: dict[str, SequenceTable]) -> None:
    assert said(tables, ("text", "supervised"), ("pairs", "next_token")).keys() == {
        "phases.0.objective", "phases.1.objective"
    }  # fmt: skip
    other = said(tables, ("text", "next_token"), ("other chat", "supervised"))
    assert other == {"phases.1.sequences": "these were made with another tokenizer (280 tokens; the model of phase '0' "
                     "has 257)"}  # fmt: skip
    long = said(tables, ("text", "next_token"), ("long chat", "supervised"))
    assert long.keys() == {"phases.1.sequences"} and "the model of phase '0' reads 128" in long["phases.1.sequences"]
    assert said(tables, ("text", "next_token"), gate="held_out/poetry").keys() == {"phases.0.gate.metric"}
