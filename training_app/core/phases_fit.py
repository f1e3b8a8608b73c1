"""Whether the phases of a chain fit each other: what its runs would be refused for, said before the first (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import different_vocabularies
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_phases import PhasesConfig, TrainingPhaseConfig
from training_app.core.objectives.base import Objective


@dataclass(frozen=True)
class Reader:
    """What the model of a chain can read; None where that is not known before it runs. `hint`: how to cut for it."""

    name: str
    hint: str
    tokenizer: Path | None
    context: int | None


def misfits(config: PhasesConfig, tables: Sequence[SequenceTable | None], base: Checkpoint | None) -> Iterator[Problem]:
    """Problems of objectives, tokenizers, lengths and gates, with fields that begin `phases.<number>`.

    Args:
        tables: the sequences of each phase; None where their files are on another machine, whose worker will say.
    """
    reader = _reader(config, tables[0], base)
    for number, (phase, table) in enumerate(zip(config.phases, tables, strict=True)):
        if table is not None:
            at = f"phases.{number}"
            yield from _of_objective(config, phase, table, at)
            yield from _of_reader(reader, table, at)
            yield from _of_gate(phase, table, at)


def _reader(config: PhasesConfig, first: SequenceTable | None, base: Checkpoint | None) -> Reader:
    """A new model is made for the sequences of the first phase, unless its own settings say what it reads."""
    if config.base is not None:
        context = base.manifest.get("context_length") if base is not None else None
        hint = f"group the dataset again with the tokenizer of {config.base}"
        return Reader("the base", hint, base.tokenizer_path if base is not None else None, context)
    name = f"the model of phase {config.phases[0].name!r}"
    hint = f"group the dataset again like {config.phases[0].sequences}"
    if first is None:
        return Reader(name, hint, None, None)
    context = None if config.train.model.key == "any_causal" else first.longest_text
    return Reader(name, hint, first.tokenizer_path, context)


def _of_objective(config: PhasesConfig, phase: TrainingPhaseConfig, table: SequenceTable, at: str) -> Iterator[Problem]:
    objective: Objective = config.objective_of(phase).build()
    try:
        objective.require(table)
    except InputError as error:
        yield from (Problem(each.message, f"{at}.objective", hint=each.hint) for each in error.problems)


def _of_reader(reader: Reader, table: SequenceTable, at: str) -> Iterator[Problem]:
    field = f"{at}.sequences"
    differ = different_vocabularies(reader.tokenizer, table.tokenizer_path) if reader.tokenizer else None
    if differ is not None:
        said = f"these were made with another tokenizer ({differ[1]:,} tokens; {reader.name} has {differ[0]:,})"
        yield Problem(said, field, hint=reader.hint)
    if reader.context is not None and table.longest_text > reader.context:
        said = f"these have up to {table.longest_text:,} tokens, {reader.name} reads {reader.context:,}"
        yield Problem(said, field, hint=f"group the dataset into sequences of {reader.context:,} or fewer")


def _of_gate(phase: TrainingPhaseConfig, table: SequenceTable, at: str) -> Iterator[Problem]:
    known = table.manifest["held_out_domains"]
    if phase.gate is not None and phase.gate.domain and phase.gate.domain not in known:
        said = f"these sequences hold no text of {phase.gate.domain!r} out"
        yield Problem(said, f"{at}.gate.metric", hint=f"one of {', '.join(known)}")
