"""Step time of the training engine against `transformers.Trainer` and a bare torch loop.

Same architecture, same initial weights, same batches, one process, one thread. The three sides take turns in short
rounds. The goals are of processor seconds, which other programs disturb little; the same ratios by the wall clock stand
beside them, and with one thread on a quiet machine they agree. A ratio is the median over the rounds. Our side is
`training_app.core.engine.train` as a job runs it, with default probes, metrics and resume points; it runs twice more
without and with all probes, each at its default cadence.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.report import Figure, at_most, plain
from chimera.artefacts import ArtefactStore
from chimera.context import Control, LocalContext
from chimera.refs import Ref
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import HeldOut, Pieces
from curriculum_app.core.schedule import Schedule, multiset_digest, rows_of, save_schedule
from curriculum_app.core.sequences import Grouping, SequenceContents, SequenceTable, save_sequences
from training_app.core.configs import STARTER, ProbeChoice, TrainConfig
from training_app.core.probes.base import PROBES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "engine"
VOCABULARY, LENGTH, BATCH = 2048, 256, 4
WARM_UP = 3  # steps before the clock starts: first touch of memory, lazy imports
Seconds = NDArray[np.float64]  # [processor, wall]
Side = Callable[[int], Seconds]  # number of the round -> seconds for its steps
PROCESSOR, WALL = 0, 1


def now() -> Seconds:
    return np.array([time.process_time(), time.perf_counter()])


def measure(quick: bool) -> dict[str, Figure]:
    """Ratios of seconds per step; below 1 means that we are faster."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    rounds, steps = (4, 16) if quick else (12, 60)
    with tempfile.TemporaryDirectory() as folder:
        table, schedule = made_up_text(ArtefactStore(Path(folder)), (rounds * steps + WARM_UP + 1) * BATCH)
        times = race(Path(folder), table, schedule, rounds, steps)
    per_step = {name: statistics.median(each[PROCESSOR] for each in side) / steps for name, side in times.items()}
    ours, trainer = per_step["ours"], per_step["trainer"]
    peak = matmul_peak()
    return {
        "step_time_to_trainer": at_most(ratio(times, "ours", "trainer"), 1.00, "ratio"),
        "step_time_to_bare_loop": at_most(ratio(times, "ours", "bare"), 1.08, "ratio"),
        "all_probes_to_none": at_most(total(times["all_probes"]) / total(times["no_probes"]), 1.15, "ratio"),
        "default_probes_to_none": plain(total(times["ours"]) / total(times["no_probes"]), "ratio"),
        "wall_step_time_to_trainer": plain(ratio(times, "ours", "trainer", WALL), "ratio"),
        "wall_step_time_to_bare_loop": plain(ratio(times, "ours", "bare", WALL), "ratio"),
        "milliseconds_per_step": plain(1e3 * ours, "ms", 1e3 * trainer),
        "tokens_per_second": plain(BATCH * LENGTH / ours, "tokens/s", BATCH * LENGTH / trainer),
        "flop_utilisation": plain(flops_per_step() / ours / peak, "of peak", flops_per_step() / trainer / peak),
        "matmul_peak": plain(peak / 1e9, "GFLOP/s"),
    }


def ratio(times: dict[str, list[Seconds]], ours: str, peer: str, clock: int = PROCESSOR) -> float:
    """Median over the rounds of the ratio of two sides in one round."""
    return float(statistics.median(a[clock] / b[clock] for a, b in zip(times[ours], times[peer], strict=True)))


def total(side: list[Seconds]) -> float:
    """Processor seconds of all rounds: a probe with a cadence of 50 steps is in some rounds and not in others."""
    return float(sum(each[PROCESSOR] for each in side))


def matmul_peak() -> float:
    """FLOP a second of a large float32 product on the one thread that all sides have (best of five)."""
    import torch

    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    seconds = []
    for _ in range(6):
        started = now()
        left @ right
        seconds.append((now() - started)[PROCESSOR])
    return float(2 * 1024**3 / min(seconds[1:]))


def flops_per_step() -> float:
    """Forward and backward: 6 FLOP a weight and token, the output layer included, and the scores of attention.

    Kaplan et al. (arXiv 2001.08361), §2.1; attention as 12 · layers · hidden · length a token (PaLM, arXiv 2204.02311,
    appendix B), not halved for causality.
    """
    sizes = STARTER.build().config
    layer = 4 * sizes.hidden_size**2 + 3 * sizes.hidden_size * sizes.intermediate_size
    weights = sizes.num_layers * layer + VOCABULARY * sizes.hidden_size
    attention = 12 * sizes.num_layers * sizes.hidden_size * LENGTH
    return float(BATCH * LENGTH * (6 * weights + attention))


class Turns(LocalContext):
    """A run of the engine that stands still until it is its turn: it asks `control` between two steps."""

    def start(self, work: Callable[[], object]) -> None:
        self.turn, self.over, self.left = threading.Semaphore(0), threading.Semaphore(0), 0
        threading.Thread(target=work, daemon=True).start()
        self.over.acquire()

    def run_for(self, steps: int) -> None:
        """Let the run take `steps` steps."""
        self.left = steps
        self.turn.release()
        self.over.acquire()

    def control(self) -> Control:
        if self.left == 0:
            self.over.release()
            self.turn.acquire()
        self.left -= 1
        return "none"


def race(folder: Path, table: SequenceTable, schedule: Schedule, rounds: int, steps: int) -> dict[str, list[Seconds]]:
    """Seconds per round of each side; the sides take turns."""
    config = TrainConfig(name="benchmark", schedule=Ref("schedule-1"), batch_sequences=BATCH, device="cpu")
    settings = config.model_copy(update={"evaluate_every": 0})
    tokens = np.stack([table.tokens_of(int(index)) for index in schedule.rows["sequence"]]).astype(np.int64)
    every_probe = [ProbeChoice(key=entry.key) for entry in PROBES]
    sides = {
        "ours": engine_side(folder / "ours", settings, schedule, table, steps),
        "no_probes": engine_side(folder / "none", settings.model_copy(update={"probes": []}), schedule, table, steps),
        "all_probes": engine_side(
            folder / "all", settings.model_copy(update={"probes": every_probe}), schedule, table, steps
        ),
        "trainer": trainer_side(fresh_model(settings, schedule, table), tokens, steps),
        "bare": bare_side(fresh_model(settings, schedule, table), tokens, steps),
    }
    times: dict[str, list[Seconds]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            times[name].append(side(number))
    return times


def engine_side(folder: Path, config: TrainConfig, schedule: Schedule, table: SequenceTable, steps: int) -> Side:
    """Our engine as a job runs it, in a thread that waits while the others have their turn."""
    from training_app.core.engine import prepare, train

    ctx, run = Turns(folder), prepare(config, schedule, table)
    ctx.start(lambda: train(run, ctx))
    ctx.run_for(WARM_UP)

    def side(number: int) -> Seconds:
        started = now()
        ctx.run_for(steps)
        return now() - started

    return side


def fresh_model(config: TrainConfig, schedule: Schedule, table: SequenceTable) -> PreTrainedModel:
    """The model our side starts from, built by the same code."""
    from training_app.core.engine import prepare

    return prepare(config, schedule, table).model


def bare_side(model: PreTrainedModel, tokens: NDArray[np.int64], steps: int) -> Side:
    """The loop one would write by hand: forward, cross-entropy, backward, clip, fused AdamW, `loss.item()`."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    data = torch.from_numpy(tokens)

    def step(index: int) -> float:
        batch = data[index * BATCH : (index + 1) * BATCH]
        logits = model(input_ids=batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    def side(number: int) -> Seconds:
        first = number * steps
        for index in range(WARM_UP):
            step(first + index)
        started = now()
        for index in range(first, first + steps):
            step(index)
        return now() - started

    model.train()
    return side


def trainer_side(model: PreTrainedModel, tokens: NDArray[np.int64], steps: int) -> Side:
    """`transformers.Trainer` with its defaults (fused AdamW, clipping at 1, logging every 500 steps), in order."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Clock(TrainerCallback):
        """Seconds between the end of the warm-up and the end of the last step."""

        started = seconds = np.zeros(2)

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if state.global_step == WARM_UP:
                self.started = now()
            self.seconds = now() - self.started

    def side(number: int) -> Seconds:
        first = number * steps * BATCH
        rows = torch.from_numpy(tokens[first : first + (steps + WARM_UP) * BATCH])
        clock = Clock()
        arguments = TrainingArguments(
            output_dir=tempfile.gettempdir(),
            max_steps=steps + WARM_UP,
            per_device_train_batch_size=BATCH,
            train_sampling_strategy="sequential",
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
        )
        data = [{"input_ids": row, "labels": row} for row in rows]
        Trainer(model=model, args=arguments, train_dataset=data, callbacks=[clock]).train()
        return clock.seconds

    return side


def made_up_text(
    store: ArtefactStore, num_sequences: int, vocabulary: int = 0, tokenizer_json: str = "{}"
) -> tuple[SequenceTable, Schedule]:
    """Random tokens in 4 domains and 9 difficulty groups: step time does not depend on what they say."""
    vocabulary = vocabulary or VOCABULARY
    rng = np.random.default_rng(0)
    groupings = {"domain": made_up_groups("d", 4, num_sequences), "difficulty": made_up_groups("g", 9, num_sequences)}
    nothing = np.zeros(0, dtype=np.int64)
    window = rng.integers(1, vocabulary, LENGTH).astype(np.uint16)
    contents = SequenceContents(
        tokens=rng.integers(1, vocabulary, num_sequences * LENGTH).astype(np.uint16),
        offsets=np.arange(num_sequences + 1, dtype=np.int64) * LENGTH,
        groupings=groupings,
        bins=np.full((num_sequences, 1), LENGTH, dtype=np.int64),
        difficulty=np.zeros(num_sequences),
        pieces=Pieces(np.zeros(num_sequences + 1, dtype=np.int64), nothing, nothing),
        documents=pa.table({"id": pa.array([], pa.string())}),
        held_out={"d0": HeldOut(window, np.array([0, LENGTH]), np.array([3 * LENGTH]))},
        unigram_bits_per_byte={"d0": 4.0},
        tokenizer_json=tokenizer_json,
        vocab_size=vocabulary,
        eos_id=0,
        sequence_length=LENGTH,
    )
    table = SequenceTable.open(save_sequences(store, contents, {}))
    return table, made_up_schedule(store, table)


def made_up_groups(prefix: str, count: int, num_sequences: int) -> Grouping:
    """Every sequence lies in one of `count` groups, in turn."""
    columns = np.arange(num_sequences) % count
    shape = (num_sequences, count)
    counts = sparse.csr_array((np.full(num_sequences, LENGTH), (np.arange(num_sequences), columns)), shape=shape)
    return Grouping(tuple(f"{prefix}{index}" for index in range(count)), counts)


def made_up_schedule(store: ArtefactStore, table: SequenceTable) -> Schedule:
    """All sequences in their own order under a constant mixture."""
    order = np.arange(table.num_sequences)
    names = table.grouping("difficulty").names
    facts = {
        "policy": {"key": "fixed", "config": {}},
        "seed": 0,
        "pool": {"digest": multiset_digest(order), "tokens": table.num_tokens, "seed": 0},
        "grouping": "difficulty",
        "curve": MixtureCurve.constant(names, np.full(len(names), 1 / len(names))).as_json(),
        "adherence": {},
    }
    return Schedule.open(save_schedule(store, table, rows_of(table, order), facts))
