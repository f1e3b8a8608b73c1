"""The phases that a schedule's curriculum names, as its page lists them."""

from __future__ import annotations

from dataclasses import dataclass

from curriculum_app.core.tracks import Gate, Tracks
from curriculum_app.models import Schedule


@dataclass(frozen=True)
class PhaseLine:
    """A phase over tokens; `rates` are the learning rates at its beginning and end, if the curriculum brings one."""

    name: str
    start: int
    end: int
    rates: tuple[float, float] | None
    gate: str
    note: str


def phase_lines(schedule: Schedule) -> list[PhaseLine]:
    """In order; empty for a curriculum without phases."""
    manifest = schedule.manifest
    tracks, tokens = Tracks.model_validate(manifest.get("tracks", {})), manifest.get("num_tokens", 0)
    notes = {fact.get("name"): fact.get("note", "") for fact in manifest.get("facts", {}).get("phases", [])}
    rate = tracks.learning_rate
    return [
        PhaseLine(
            name=phase.name,
            start=round(phase.start * tokens),
            end=round(phase.end * tokens),
            rates=(rate.at(phase.start), rate.at(phase.end - 1e-6)) if rate else None,
            gate=_said(phase.gate) if phase.gate else "",
            note=notes.get(phase.name, ""),
        )
        for phase in tracks.phases
    ]


def _said(gate: Gate) -> str:
    return f"{gate.metric} must be {gate.must_be} {gate.value:g}, else {gate.otherwise}"
