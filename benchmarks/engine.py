"""Step time of the training engine against `transformers.Trainer` and a bare torch loop.

Same architecture, same initial weights, same batches, one process, one thread. The three sides take turns in short
rounds. The goals are of processor seconds, which other programs disturb little; the same ratios by the wall clock stand
beside them, and with one thread on a quiet machine they agree. A ratio is the median over the rounds. Our side is
`training_app.core.engine.train` as a job runs it, with default probes, metrics and resume points; the final held-out
evaluation, which the peers do not do, is outside the clock.
"""

from __future__ import annotations

import os
import statistics
import tempfile
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
from training_app.core.configs import TrainConfig

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
    """Ratios of milliseconds per step; below 1 means that we are faster."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    rounds, steps = (5, 16) if quick else (12, 60)
    with tempfile.TemporaryDirectory() as folder:
        table, schedule = made_up_text(ArtefactStore(Path(folder)), (rounds * steps + WARM_UP + 1) * BATCH)
        ours, peers = race(Path(folder), table, schedule, rounds, steps)
    trainer, bare = peers["trainer"], peers["bare"]
    per_step, trainers = (statistics.median(each[PROCESSOR] for each in side) / steps for side in (ours, trainer))
    return {
        "step_time_to_trainer": at_most(ratio(ours, trainer, PROCESSOR), 1.00, "ratio"),
        "step_time_to_bare_loop": at_most(ratio(ours, bare, PROCESSOR), 1.08, "ratio"),
        "wall_step_time_to_trainer": plain(ratio(ours, trainer, WALL), "ratio"),
        "wall_step_time_to_bare_loop": plain(ratio(ours, bare, WALL), "ratio"),
        "milliseconds_per_step": plain(1e3 * per_step, "ms", 1e3 * trainers),
        "tokens_per_second": plain(BATCH * LENGTH / per_step, "tokens/s", BATCH * LENGTH / trainers),
    }


def ratio(ours: list[Seconds], peer: list[Seconds], clock: int) -> float:
    return float(statistics.median(a[clock] / b[clock] for a, b in zip(ours, peer, strict=True)))


class TakingTurns(LocalContext):
    """Lets the peers run at every round's end: the engine asks `control` between two steps and waits for the answer."""

    def race_against(self, peers: dict[str, Side], steps: int) -> None:
        self.peers, self.steps = peers, steps
        self.ours: list[Seconds] = []
        self.theirs: dict[str, list[Seconds]] = {name: [] for name in peers}
        self.started, self.asked = now(), 0

    def control(self) -> Control:
        done, self.asked = self.asked - WARM_UP, self.asked + 1
        if done >= 0 and done % self.steps == 0:
            if done:
                self.ours.append(now() - self.started)
                for name, side in self.peers.items():
                    self.theirs[name].append(side(len(self.ours) - 1))
            self.started = now()
        return "none"


def race(
    folder: Path, table: SequenceTable, schedule: Schedule, rounds: int, steps: int
) -> tuple[list[Seconds], dict[str, list[Seconds]]]:
    """Seconds per round of our side and of each peer."""
    from training_app.core.engine import prepare, train

    config = TrainConfig(name="benchmark", schedule=Ref("schedule-1"), batch_sequences=BATCH, device="cpu")
    settings = config.model_copy(update={"evaluate_every": 0})
    tokens = np.stack([table.tokens_of(int(index)) for index in schedule.rows["sequence"]]).astype(np.int64)
    ctx = TakingTurns(folder / "job")
    peers = {"trainer": trainer_side(fresh_model(settings, schedule, table), tokens, steps)}
    peers["bare"] = bare_side(fresh_model(settings, schedule, table), tokens, steps)
    ctx.race_against(peers, steps)
    train(prepare(settings, schedule, table), ctx)
    return ctx.ours[:rounds], {name: found[:rounds] for name, found in ctx.theirs.items()}


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
