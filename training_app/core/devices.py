"""One run on several processes: who computes which rows, and how the results become one step.

The job's own process is rank 0: it alone has the recorder, control, evaluations and checkpoints. The others
(`training_app.core.follower`) wait for its word, step by step, so a pause or a cancellation needs no agreement: nobody
goes on without it. Every step has the same global batch whatever the number of processes; a rank takes its share of the
rows, gradients are summed, and what each rank has really fed (rows and token hashes) is gathered on rank 0, which
compares it with the plan. The process group is accelerate's (`PartialState`): gloo on CPUs, NCCL on GPUs.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import xxhash
from torch import Tensor

from chimera.context import Context
from chimera.errors import InputError, Problem
from training_app.core.memory_advice import is_out_of_memory
from training_app.core.model import trained_parameters
from training_app.core.order import Batch

if TYPE_CHECKING:
    from curriculum_app.core.schedule import Schedule
    from training_app.core.checkpoint import Checkpoint
    from training_app.core.configs import TrainConfig
    from training_app.core.engine import Run
    from training_app.core.gradients import Gradients

STOP, STEP, UPDATE, SKIP, COMPARE = range(5)  # rank 0's words to the others
ANSWER = timedelta(minutes=10)  # how long rank 0 waits for the others; a dead one is noticed at once
PATIENCE = timedelta(hours=24)  # how long they wait for rank 0, which may be evaluating
LAST_WORDS = 600  # characters of a dead rank's output


class RankLost(RuntimeError):
    """A process of the run has died or does not answer: the step it was in never happened."""


class RanksDisagree(RuntimeError):
    """The processes ended with different weights, so at least one of them computed something wrong."""


class Devices:
    """A single process: every step is its own. The base of `SeveralDevices`."""

    processes = 1

    def start(self, run: Run) -> None:
        """Called once before the first step, when `run` stands where it was resumed."""

    def begin(self, step: int, *, with_entropy: bool) -> None:
        """Tell the others to compute their shares of `step`."""

    def share(self, run: Run, step: int, batch: Batch) -> Batch:
        """The rows of `batch` that this process computes: at least one."""
        return batch

    def complete(self, run: Run, found: Gradients, share: Batch, batch: Batch) -> tuple[Gradients, Batch]:
        """What all processes have found together, and the batch as it was really fed by all of them."""
        return found, batch

    def update(self, *, finite: bool) -> None:
        """Tell the others whether to apply the step's gradient."""

    def finish(self, run: Run) -> None:
        """Called once after the last step."""


@dataclass
class Follower:
    """A started process and where its output goes."""

    rank: int
    process: subprocess.Popen[bytes]
    log: Path

    def obituary(self) -> str:
        said = self.log.read_text(errors="replace")[-LAST_WORDS:].strip() if self.log.is_file() else ""
        return f"process {self.rank + 1} ended with code {self.process.returncode}" + (f": {said}" if said else "")


class SeveralDevices(Devices):
    """Rank 0 of a run on several processes."""

    def __init__(self, followers: list[Follower]) -> None:
        self.followers = followers
        self.processes = len(followers) + 1

    def start(self, run: Run) -> None:
        with self._watched("before its first step"):
            spread(run)

    def begin(self, step: int, *, with_entropy: bool) -> None:
        with self._watched(f"in step {step}"):
            say(STEP, step, int(with_entropy))

    def share(self, run: Run, step: int, batch: Batch) -> Batch:
        own = own_share(run, step, batch, 0, self.processes)
        assert own is not None, "the first rank has the first rows"
        return own

    def complete(self, run: Run, found: Gradients, share: Batch, batch: Batch) -> tuple[Gradients, Batch]:
        with self._watched(f"in step {run.state.step + 1}"):
            loss = sum_gradients(run, found)
            parts = gather(pack(found, share))
        assert parts is not None
        return joined(parts, loss, batch)

    def update(self, *, finite: bool) -> None:
        with self._watched("at the update"):
            say(UPDATE if finite else SKIP)

    def finish(self, run: Run) -> None:
        with self._watched("after its last step"):
            say(COMPARE)
            digests = gather(weights_hash(run))
        assert digests is not None
        if len(set(digests)) > 1:
            raise RanksDisagree(f"the {self.processes} processes ended with different weights: trust none of them")

    @contextmanager
    def _watched(self, when: str) -> Iterator[None]:
        """Name the dead process where torch only says that a connection was closed."""
        try:
            self._require_all(when)
            yield
        except RuntimeError as error:
            if isinstance(error, RankLost) or is_out_of_memory(error):
                raise
            self._require_all(when, wait=True)
            raise RankLost(f"the {self.processes} processes lost each other {when}: {error}") from error

    def _require_all(self, when: str, *, wait: bool = False) -> None:
        for follower in self.followers:
            if wait:
                wait_a_moment(follower.process)
            if follower.process.poll() is not None:
                raise RankLost(f"{follower.obituary()} ({when}, one of {self.processes} processes)")


def wait_a_moment(process: subprocess.Popen[bytes]) -> None:
    """A closed connection is seen a little before the end of the process that closed it."""
    try:
        process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return


@contextmanager
def started(
    config: TrainConfig, ctx: Context, schedule: Schedule, base: Checkpoint | None, device: str
) -> Iterator[Devices]:
    """The devices of a run. On leaving, by whatever way, no process of it is left.

    Raises:
        InputError: more GPUs are asked for than there are.
    """
    processes = count(config, device)
    if processes == 1:
        yield Devices()
        return
    with tempfile.TemporaryDirectory(prefix="ranks-", dir=ctx.scratch) as folder:
        order = {
            "config": config.as_json(), "store": str(ctx.store.root), "schedule": schedule.digest,
            "base": base.digest if base else None, "processes": processes, "device": device,
        }  # fmt: skip
        (Path(folder) / "order.json").write_text(json.dumps(order))
        followers = [_start(rank, Path(folder), config.threads) for rank in range(1, processes)]
        try:
            wait_until_ready(followers, Path(folder))
            with group(Path(folder), 0, processes, device, config.threads):
                devices = SeveralDevices(followers)
                yield devices
                say(STOP)
        finally:
            _end(followers)


def wait_until_ready(followers: list[Follower], folder: Path) -> None:
    """Return when every follower has loaded its libraries and is about to join.

    Raises:
        RankLost: one ended before.
    """
    while not all((folder / f"ready-{follower.rank}").exists() for follower in followers):
        for follower in followers:
            if follower.process.poll() is not None:
                raise RankLost(f"{follower.obituary()} (before it joined)")
        time.sleep(0.05)


def count(config: TrainConfig, device: str) -> int:
    """How many processes a run has: as asked, or one for every GPU.

    Raises:
        InputError: fewer GPUs than processes.
    """
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    wanted = config.processes or max(gpus, 1)
    if device == "cuda" and wanted > gpus:
        hint = f"set processes to {gpus} or fewer; 0 takes all that the worker has"
        raise InputError(Problem(f"{wanted} processes want a GPU each, this worker has {gpus}", "processes", hint=hint))
    return wanted


def _start(rank: int, folder: Path, threads: int) -> Follower:
    """A process of its own session (a signal to the worker is for rank 0 to answer) that ends when its stdin does."""
    log = folder / f"rank-{rank}.log"
    command = [sys.executable, "-m", "training_app.core.follower", str(folder), str(rank)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    return Follower(rank, process, log)


def _end(followers: list[Follower]) -> None:
    """Followers hold nothing that is not also on rank 0, so an end may be hard."""
    for follower in followers:
        follower.process.kill()
    for follower in followers:
        follower.process.wait()
        if follower.process.stdin is not None:
            follower.process.stdin.close()


@contextmanager
def group(folder: Path, rank: int, processes: int, device: str, threads: int) -> Iterator[None]:
    """This process as a member of accelerate's process group; they meet in a file, so no port is chosen or taken."""
    from accelerate import PartialState

    names = {
        "RANK": rank, "WORLD_SIZE": processes, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": processes,
        "OMP_NUM_THREADS": threads,
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(value) for name, value in names.items()})
    backend = {"backend": "cuda:nccl,cpu:gloo"} if device == "cuda" else {}
    try:
        PartialState(
            cpu=device == "cpu", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=processes,
            timeout=PATIENCE if rank else ANSWER, **backend,
        )  # fmt: skip
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
        PartialState._reset_state()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def say(word: int, step: int = 0, flag: int = 0) -> None:
    """Rank 0 tells all others what to do."""
    dist.broadcast(torch.tensor([word, step, flag]), src=0)


def hear() -> tuple[int, int, int]:
    """What rank 0 says."""
    heard = torch.zeros(3, dtype=torch.int64)
    dist.broadcast(heard, src=0)
    word, step, flag = heard.tolist()
    return word, step, flag


def spread(run: Run) -> None:
    """Give every rank the weights and the optimizer's state of rank 0, to which alone a resume point was given back."""
    known = torch.tensor([int(bool(run.optimizer.state))])
    dist.broadcast(known, src=0)
    for parameter in trained_parameters(run.model).values():
        dist.broadcast(parameter.data, src=0)
        if int(known):
            _spread_moments(run.optimizer.state[parameter], parameter)


def _spread_moments(entries: dict[str, Tensor], parameter: Tensor) -> None:
    empty = {"step": torch.zeros((), device=parameter.device), "exp_avg": torch.zeros_like(parameter)}
    for name, tensor in {**empty, "exp_avg_sq": torch.zeros_like(parameter)}.items():
        entries.setdefault(name, tensor)
        dist.broadcast(entries[name], src=0)


def own_share(run: Run, step: int, batch: Batch, rank: int, processes: int) -> Batch | None:
    """The contiguous rows of this rank; also its random state, which depends on seed, step and rank alone."""
    torch.manual_seed(xxhash.xxh3_64_intdigest(f"{run.config.seed}/{step}/{rank}".encode()) >> 1)
    rows = share_of(len(batch.rows), rank, processes)
    return batch.take(range(rows.start, rows.stop)) if rows.start < rows.stop else None


def share_of(rows: int, rank: int, processes: int) -> slice:
    """Rows of `rank` among `rows`, the larger shares first. 5 rows on 2 processes: 0-2 and 3-4."""
    size, more = divmod(rows, processes)
    first = rank * size + min(rank, more)
    return slice(first, first + size + (rank < more))


def sum_gradients(run: Run, found: Gradients | None) -> float:
    """Replace every rank's gradients by their sum over the ranks; returns the sum of the losses, equal on all.

    A weight without a gradient on every rank (an expert that no token has met) keeps none, as in a single process.
    """
    parameters = list(trained_parameters(run.model).values())
    facts = [found.loss if found else 0.0, *(float(p.grad is not None) for p in parameters)]
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    head = torch.tensor(facts, dtype=torch.float32, device=grads[0].device)
    flat = torch.cat([head, *(grad.flatten() for grad in grads)])
    dist.all_reduce(flat)
    loss, *present = flat[: len(facts)].tolist()
    pieces = torch.split(flat[len(facts) :], [grad.numel() for grad in grads])
    for parameter, piece, ranks in zip(parameters, pieces, present, strict=True):
        parameter.grad = piece.view_as(parameter).clone() if ranks else None
    return float(loss)


def pack(found: Gradients | None, share: Batch | None) -> bytes:
    """What a rank says of its share of a step, as NPZ: nothing is pickled. Empty if it had no row."""
    if found is None or share is None:
        return b""
    buffer, values = io.BytesIO(), np.frombuffer(json.dumps(found.values).encode(), np.uint8)
    np.savez(
        buffer, rows=share.rows, hashes=share.hashes, row_losses=found.row_losses.float().numpy(),
        entropy=found.entropy_N.float().cpu().numpy(), values=values,
    )  # fmt: skip
    return buffer.getvalue()


def gather(said: bytes) -> list[bytes] | None:
    """What every rank says, by rank, on rank 0; None on the others."""
    mine, world = torch.tensor([len(said)]), dist.get_world_size()
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(world)]
    dist.all_gather(sizes, mine)
    longest = max(1, *(int(size) for size in sizes))
    padded = torch.frombuffer(bytearray(said.ljust(longest, b"\0")), dtype=torch.uint8)
    all_said = [torch.zeros(longest, dtype=torch.uint8) for _ in range(world)] if dist.get_rank() == 0 else None
    dist.gather(padded, all_said, dst=0)
    if all_said is None:
        return None
    return [tensor[: int(size)].numpy().tobytes() for tensor, size in zip(all_said, sizes, strict=True)]


def joined(parts: list[bytes], loss: float, batch: Batch) -> tuple[Gradients, Batch]:
    """One step out of what the ranks say of theirs; the batch's rows and hashes are those that were fed."""
    from training_app.core.gradients import Gradients

    opened: list[Any] = [np.load(io.BytesIO(part), allow_pickle=False) for part in parts if part]
    rows, hashes = (np.concatenate([part[name] for part in opened]) for name in ("rows", "hashes"))
    values: dict[str, float] = {}
    for part in opened:
        for key, value in json.loads(part["values"].tobytes()).items():
            values[key] = values.get(key, 0.0) + value * len(part["rows"]) / len(rows)
    losses, entropy = (np.concatenate([part[name] for part in opened]) for name in ("row_losses", "entropy"))
    found = Gradients(loss, torch.from_numpy(losses), torch.from_numpy(entropy), values)
    return found, replace(batch, rows=rows, hashes=hashes)


def weights_hash(run: Run) -> bytes:
    """Equal for bit-equal weights."""
    digest = xxhash.xxh3_128()
    for parameter in trained_parameters(run.model).values():
        digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.digest()
