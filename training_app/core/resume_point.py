"""Resume points: all that a killed run needs to go on as if nothing had happened. Safetensors, NPY and JSON only.

A directory is written under a `tmp-` name, fsynced, given its manifest last, renamed, and only then noted with the
recorder. All but the last two are removed after that, so at any instant the noted one is whole, and if a disk damages
it later there is one before it.
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
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from chimera.artefacts import MANIFEST, file_facts, rename_durably, write_json
from chimera.context import CheckpointNote, Context
from chimera.disk import space_for
from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.contract import State
from curriculum_app.core.schedule import ROW
from training_app.core.model import trained_parameters
from training_app.core.order import Batch, Hashes, Rows

FOLDER = "resume"
COUNTS = ("step", "tokens", "seconds", "non_finite", "non_finite_in_a_row")


START_AGAIN = "Start a new run, or fork from the last checkpoint that this one kept."


class DamagedResumePoint(RuntimeError):
    """A resume point that was noted is incomplete or altered."""


class ForeignResumePoint(RuntimeError):
    """A resume point is whole and belongs to another configuration: nothing in this run can have written it."""


@dataclass
class RunState:
    """Where a run stands. `losses` holds one value per step; `delivered` (schedule rows), `hashes` (of the tokens fed)
    and `row_losses` (float32, mean nats per target of each row) one array per step. `probes` is what each remembers,
    `fed` what the feed does (`Feed.memory`), as of the last save. `answered` holds every amendment of the plan by
    number: "" if it was made, else why not.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    non_finite: int = 0
    non_finite_in_a_row: int = 0
    losses: list[float] = field(default_factory=list)
    delivered: list[Rows] = field(default_factory=list)
    hashes: list[Hashes] = field(default_factory=list)
    row_losses: list[NDArray[np.float32]] = field(default_factory=list)
    probes: list[dict[str, float]] = field(default_factory=list)
    fed: dict[str, State] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)

    def delivered_rows(self) -> Rows:
        """All rows fed so far, in order, of dtype ROW."""
        return np.concatenate([np.zeros(0, dtype=ROW), *self.delivered])

    def all_hashes(self) -> Hashes:
        """One hash per row fed so far."""
        return np.concatenate([np.zeros(0, dtype=np.uint64), *self.hashes])

    def all_row_losses(self) -> NDArray[np.float32]:
        """One loss per row fed so far, from the step in which it was fed."""
        return np.concatenate([np.zeros(0, dtype=np.float32), *self.row_losses])

    def advance(self, batch: Batch, loss: float, row_losses: Tensor, *, finite: bool) -> None:
        self.step += 1
        self.tokens += batch.num_tokens
        self.losses.append(loss)
        self.delivered.append(batch.rows.copy())
        self.hashes.append(batch.hashes)
        self.row_losses.append(row_losses.float().numpy())
        self.non_finite += not finite
        self.non_finite_in_a_row = 0 if finite else self.non_finite_in_a_row + 1


def save_resume_point(
    ctx: Context, state: RunState, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> None:
    """Write a resume point for `state.step`, note it, and remove those older than the one before it.

    Raises:
        OSError: the disk is full or fails. Nothing of the attempt is left; the points before it are as they were.
    """
    folder = ctx.scratch / FOLDER
    folder.mkdir(exist_ok=True)
    target = folder / f"step-{state.step:09d}"
    staged = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder))
    try:
        with space_for(folder, bytes_of(model, optimizer), "a resume point"):
            _write(staged, state, model, optimizer, fingerprint)
            rename_durably(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    ctx.recorder.checkpoint(CheckpointNote(path=target, step=state.step, tokens=state.tokens))
    keep_two(folder, target)


def _write(
    staged: Path, state: RunState, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> None:
    """Every file of a resume point, the manifest last."""
    save_file(_parameters(model), staged / "model.safetensors")
    save_moments(staged / "optimizer.safetensors", model, optimizer)
    save_file(_torch_rng(), staged / "rng.safetensors")
    np.save(staged / "losses.npy", np.array(state.losses, dtype=np.float64), allow_pickle=False)
    np.save(staged / "delivered.npy", state.delivered_rows(), allow_pickle=False)
    np.save(staged / "hashes.npy", state.all_hashes(), allow_pickle=False)
    np.save(staged / "row_losses.npy", state.all_row_losses(), allow_pickle=False)
    for name, remembered in state.fed.items():
        remembered.save(staged, name)
    facts = {name: getattr(state, name) for name in COUNTS} | {
        "fingerprint": fingerprint, "probes": state.probes, "fed": list(state.fed),
        "answered": state.answered,
    }  # fmt: skip
    write_json(staged / "state.json", {**facts, "python_rng": random.getstate(), "numpy_rng": _numpy_rng()})
    write_json(staged / MANIFEST, {file.name: file_facts(file) for file in sorted(staged.iterdir())})


def bytes_of(model: torch.nn.Module, optimizer: torch.optim.Optimizer | None) -> int:
    """What the weights that move and, if given, the optimizer's state take on disk."""
    moments = [t for entries in optimizer.state.values() for t in entries.values()] if optimizer else []
    return sum(tensor.numel() * tensor.element_size() for tensor in [*trained_parameters(model).values(), *moments])


def keep_two(folder: Path, noted: Path | None) -> None:
    """Remove every directory but the noted point and the one before it.

    What goes are older points, and what a killed worker left: half-written, or later and never noted.
    """
    kept = {noted, point_before(noted)} if noted else set()
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in kept:
            shutil.rmtree(path)


def point_before(noted: Path) -> Path | None:
    """The newest point that is older than `noted` (its name rises with its step)."""
    return max((path for path in noted.parent.glob("step-*") if path.name < noted.name), default=None)


def newest_whole(note: CheckpointNote, fingerprint: str) -> tuple[CheckpointNote, str]:
    """The noted point or, if that is damaged, the one before it; and what was wrong with the noted one ("" if nothing).

    Raises:
        DamagedResumePoint: neither can be used, or the noted one belongs to another configuration.
    """
    try:
        require_whole(note.path, fingerprint)
    except DamagedResumePoint as damage:
        before = point_before(note.path)
        if before is None:
            raise DamagedResumePoint(f"{damage}, and there is none before it. {START_AGAIN}") from damage
        try:
            facts = require_whole(before, fingerprint)
        except DamagedResumePoint as other:
            raise DamagedResumePoint(f"{damage}; so is the one before it: {other}. {START_AGAIN}") from other
        return CheckpointNote(before, facts["step"], facts["tokens"]), str(damage)
    return note, ""


def restore(note: CheckpointNote, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> RunState:
    """Put model, optimizer and random states back as they were at `note.step`; the point was found whole before."""
    facts = json.loads((note.path / "state.json").read_text())
    weights = load_file(note.path / "model.safetensors")
    with torch.no_grad():
        for name, parameter in trained_parameters(model).items():
            parameter.copy_(weights[name])
    load_moments(note.path / "optimizer.safetensors", model, optimizer)
    _restore_rng(facts, load_file(note.path / "rng.safetensors"))
    lists = {
        name: np.load(note.path / f"{name}.npy", allow_pickle=False) for name in ("delivered", "hashes", "row_losses")
    }
    losses: list[float] = np.load(note.path / "losses.npy", allow_pickle=False).tolist()
    fed = {name: State.read(note.path, name) for name in facts.get("fed", [])}
    state = RunState(losses=losses, probes=facts.get("probes", []), fed=fed, answered=facts.get("answered", {}))
    for name, value in [*((name, facts[name]) for name in COUNTS), *((name, [array]) for name, array in lists.items())]:
        setattr(state, name, value)
    return state


def require_whole(path: Path, fingerprint: str) -> dict[str, Any]:
    """The point's `state.json`, after every file was compared with the manifest.

    Raises:
        DamagedResumePoint: a file is missing or altered.
        ForeignResumePoint: the point belongs to another configuration.
    """
    if not (path / MANIFEST).is_file():
        raise DamagedResumePoint(f"{path} is not there or has no manifest: is the scratch directory shared by workers?")
    for name, facts in _manifest(path).items():
        if not (path / name).is_file() or file_facts(path / name) != facts:
            raise DamagedResumePoint(f"{path / name} is missing or was altered")
    state: dict[str, Any] = json.loads((path / "state.json").read_text())
    if state["fingerprint"] != fingerprint:
        raise ForeignResumePoint(f"{path} was written by a run with another configuration")
    return state


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((path / MANIFEST).read_bytes())
    except ValueError as error:
        raise DamagedResumePoint(f"{path / MANIFEST} was altered") from error
    return found


def _parameters(model: torch.nn.Module) -> dict[str, Tensor]:
    """What moves: a frozen base lies in the store already."""
    return {name: parameter.detach().contiguous() for name, parameter in trained_parameters(model).items()}


def save_moments(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """The optimizer's tensors as `<parameter>|<entry>` (a parameter's name holds dots, never a bar)."""
    tensors = {
        f"{name}|{entry}": tensor.contiguous()
        for name, parameter in trained_parameters(model).items()
        for entry, tensor in optimizer.state.get(parameter, {}).items()
    }
    save_file(tensors, path)


def load_moments(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put back what `save_moments` wrote.

    Raises:
        InputError: it belongs to other parameters.
    """
    parameters, tensors = trained_parameters(model), load_file(path)
    for key, tensor in tensors.items():
        name, entry = key.split("|")
        if name not in parameters or (tensor.ndim and tensor.shape != parameters[name].shape):
            hint = "carry the optimizer's state on only where the same weights are trained"
            raise InputError(
                Problem(f"the optimizer's state is of another model: {name}", field="carry_moments", hint=hint)
            )
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
