"""Resume points: all that a killed run needs to go on as if nothing had happened. Safetensors, NPY and JSON only.

A directory is written under a `tmp-` name, fsynced, given its manifest last, renamed, and only then noted with the
recorder. Older ones are removed after that, so at any instant the noted one is whole.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from chimera.artefacts import MANIFEST, file_facts, rename_durably, write_json
from chimera.context import CheckpointNote, Context
from curriculum_app.core.schedule import ROW
from training_app.core.order import Rows

FOLDER = "resume"


class DamagedResumePoint(RuntimeError):
    """A resume point that was noted is incomplete, altered or of another configuration."""


@dataclass
class RunState:
    """Where a run stands. `delivered` holds one array of schedule rows per step, `losses` one value per step."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    delivered: list[Rows] = field(default_factory=list)

    def delivered_rows(self) -> Rows:
        """All rows fed so far, in order, of dtype ROW."""
        return np.concatenate([np.zeros(0, dtype=ROW), *self.delivered])

    def advance(self, rows: Rows, loss: float) -> None:
        self.step += 1
        self.tokens += int(rows["length"].sum())
        self.losses.append(loss)
        self.delivered.append(rows.copy())


def save_resume_point(
    ctx: Context, state: RunState, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> None:
    """Write a resume point for `state.step`, note it, and remove older ones."""
    folder = ctx.scratch / FOLDER
    folder.mkdir(exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder))
    save_file(_parameters(model), staged / "model.safetensors")
    save_file(_moments(model, optimizer), staged / "optimizer.safetensors")
    save_file(_torch_rng(), staged / "rng.safetensors")
    np.save(staged / "losses.npy", np.array(state.losses, dtype=np.float64), allow_pickle=False)
    np.save(staged / "delivered.npy", state.delivered_rows(), allow_pickle=False)
    facts = {"step": state.step, "tokens": state.tokens, "seconds": state.seconds, "fingerprint": fingerprint}
    write_json(staged / "state.json", {**facts, "python_rng": random.getstate(), "numpy_rng": _numpy_rng()})
    write_json(staged / MANIFEST, {file.name: file_facts(file) for file in sorted(staged.iterdir())})
    target = folder / f"step-{state.step:09d}"
    rename_durably(staged, target)
    ctx.recorder.checkpoint(CheckpointNote(path=target, step=state.step, tokens=state.tokens))
    remove_others(folder, target)


def remove_others(folder: Path, keep: Path | None) -> None:
    """Remove every directory but `keep`: older points, and what a killed worker left half-written or unnoted."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path != keep:
            shutil.rmtree(path)


def restore(
    note: CheckpointNote, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> RunState:
    """Put model, optimizer and random states back as they were at `note.step`.

    Raises:
        DamagedResumePoint: a file is missing or altered, or the point belongs to another configuration.
    """
    facts = _verified(note.path, fingerprint)
    weights = load_file(note.path / "model.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    _restore_moments(load_file(note.path / "optimizer.safetensors"), model, optimizer)
    _restore_rng(facts, load_file(note.path / "rng.safetensors"))
    losses: list[float] = np.load(note.path / "losses.npy", allow_pickle=False).tolist()
    delivered = np.load(note.path / "delivered.npy", allow_pickle=False)
    return RunState(facts["step"], facts["tokens"], facts["seconds"], losses, [delivered])


def _verified(path: Path, fingerprint: str) -> dict[str, Any]:
    """The point's `state.json`, after every file was compared with the manifest."""
    if not (path / MANIFEST).is_file():
        raise DamagedResumePoint(f"{path} is not there or has no manifest: is the scratch directory shared by workers?")
    for name, facts in json.loads((path / MANIFEST).read_text()).items():
        if not (path / name).is_file() or file_facts(path / name) != facts:
            raise DamagedResumePoint(f"{path / name} is missing or was altered")
    state: dict[str, Any] = json.loads((path / "state.json").read_text())
    if state["fingerprint"] != fingerprint:
        raise DamagedResumePoint(f"{path} was written by a run with another configuration")
    return state


def _parameters(model: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters by name, tied ones once."""
    return {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}


def _moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors as `<parameter>|<entry>` (a parameter's name holds dots, never a bar)."""
    return {
        f"{name}|{entry}": tensor.contiguous()
        for name, parameter in model.named_parameters()
        for entry, tensor in optimizer.state.get(parameter, {}).items()
    }


def _restore_moments(tensors: dict[str, Tensor], model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    parameters = dict(model.named_parameters())
    for key, tensor in tensors.items():
        name, entry = key.split("|")
        optimizer.state[parameters[name]][entry] = tensor.to(parameters[name].device)


def _torch_rng() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def _numpy_rng() -> dict[str, Any]:
    state = np.random.get_state(legacy=False)
    return {**state, "state": {**state["state"], "key": state["state"]["key"].tolist()}}


def _restore_rng(facts: dict[str, Any], torch_states: dict[str, Tensor]) -> None:
    version, internal, gauss = facts["python_rng"]
    random.setstate((version, tuple(internal), gauss))
    numpy_state = facts["numpy_rng"]
    key = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state({**numpy_state, "state": {**numpy_state["state"], "key": key}})
    torch.set_rng_state(torch_states["cpu"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all([s for name, s in sorted(torch_states.items()) if name.startswith("cuda")])
