"""The default suite on the starter model within a minute, and items per second against lm-evaluation-harness.

The suite is the job `evaluate` as a worker runs it, on two threads: held-out text of every starter domain and the
bundled items. The race asks the same model the same items of the same task files in one process, warm, in turns: ours
from the stored items to scores with intervals, the peer's `evaluate` with its own `HFLM` at its fastest batch size and
with its tasks already loaded. Both see equal log-likelihoods, item by item. The goals are of processor seconds (of the
suite divided by its cores), which other programs disturb little; the wall clock stands beside them, and on a quiet
machine they agree. Last comes the page of a study of 20 arms and 5 seeds (`study-page`).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import study_page
from benchmarks.report import Figure, at_least, at_most, plain

if TYPE_CHECKING:
    from chimera.context import LocalContext
    from curriculum_app.core.benchmarks import Benchmark
    from eval_app.core.examination import Examination
    from eval_app.core.language_model import CheckpointLM
    from eval_app.core.tasks.definition import TaskDefinition

NAME = "evaluation"
THREADS = 2
BATCH_SIZES = (16, 64)  # of which the peer gets its fastest


def measure(quick: bool) -> dict[str, Figure]:
    """Seconds of the suite, and the ratio of items per second."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "true", "HF_DATASETS_OFFLINE": "1"}
    import torch
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it names every prompt that is too long
    with tempfile.TemporaryDirectory() as folder:
        ctx = starter(Path(folder), *((60, 1024) if quick else (None, 8192)))
        seconds, processor = default_suite(ctx)
        torch.set_num_threads(1)  # of both sides: on a busy machine two wait for each other
        suite = {
            "default_suite_processor_seconds_by_cores": at_most(processor / THREADS, 60, "s"),
            "default_suite_seconds": plain(seconds, "s"),
        }
        raced = race(ctx, quick=quick)
    pages = {f"study_page_{name}": figure for name, figure in study_page.measure(quick).items()}
    return suite | raced | pages


def starter(folder: Path, documents: int | None, held_out_tokens: int) -> LocalContext:
    """The starter project's artefacts by their refs: sequences, a checkpoint of a few steps, the bundled benchmarks.

    How long a model was trained changes nothing about how long it takes to ask it.
    """
    from chimera.context import LocalContext
    from curriculum_app.core.benchmarks import Benchmark
    from curriculum_app.core.configs_order import GroupConfig, ScheduleConfig
    from curriculum_app.core.dataset_version import DatasetVersion
    from curriculum_app.core.jobs import curate, group, import_, register_benchmark, schedule
    from curriculum_app.core.schedule import Schedule
    from curriculum_app.core.sequences import SequenceTable
    from curriculum_app.starter import benchmarks, recipes
    from training_app.core.checkpoint import Checkpoint
    from training_app.core.configs import TrainConfig
    from training_app.core.jobs import train

    ctx = LocalContext(folder)
    for number, config in enumerate(recipes.imports(documents), 1):
        ctx.artefacts[f"dataset-{number}"] = DatasetVersion.open(import_.run(config, ctx).stored)
    raw = list(ctx.artefacts)
    ctx.artefacts["dataset-9"] = DatasetVersion.open(curate.run(recipes.curation(raw, workers=1), ctx).stored)
    sizes = {"sequence_length": 128, "held_out_tokens": held_out_tokens}
    grouped = group.run(GroupConfig.model_validate({"name": "starter", "dataset": "dataset-9", **sizes}), ctx)
    ctx.artefacts["sequences-1"] = SequenceTable.open(grouped.stored)
    order = {"name": "s", "sequences": "sequences-1", "policy": {"key": "shuffle"}, "budget_tokens": 4096}
    ctx.artefacts["schedule-1"] = Schedule.open(schedule.run(ScheduleConfig.model_validate(order), ctx).stored)
    trained = train.run(TrainConfig.model_validate({"name": "t", "schedule": "schedule-1"}), ctx)
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(trained.stored)
    for number, benchmark in enumerate(benchmarks.BUNDLED, 1):
        ctx.artefacts[f"benchmark-{number}"] = Benchmark.open(register_benchmark.run(benchmark, ctx).stored)
    return ctx


def default_suite(ctx: LocalContext) -> tuple[float, float]:
    """Seconds of the whole job, by the wall clock and of the processor."""
    from eval_app.core.configs_evaluate import EvaluateConfig
    from eval_app.core.jobs import evaluate

    items = [ref for ref in ctx.artefacts if ref.startswith("benchmark-")]
    asked = {"suite": "default", "benchmarks": items, "sequences": "sequences-1", "threads": THREADS}
    config = EvaluateConfig.model_validate({"name": "e", "checkpoint": "checkpoint-1", **asked})
    return seconds_of(lambda: evaluate.run(config, ctx))


def race(ctx: LocalContext, *, quick: bool) -> dict[str, Figure]:
    """Both sides in turns; the best batch size of the peer is found before."""
    from tokenizers import Tokenizer

    from eval_app.core.language_model import CheckpointLM
    from eval_app.core.tasks.bundled import bundled_tasks

    checkpoint = ctx.artefacts["checkpoint-1"]
    model = checkpoint.load_model().eval()
    words = Tokenizer.from_file(str(checkpoint.tokenizer_path))
    lm = CheckpointLM(model, words, model.config.eos_token_id, model.config.max_position_embeddings)
    names = ("commonsense_qa", "medmcqa_dental", "mmlu")
    definitions = [bundled_tasks()[name] for name in names]
    benchmarks = [each for ref, each in ctx.artefacts.items() if ref.startswith("benchmark-")]
    limit, rounds = (60, 3) if quick else (500, 7)
    ours: Callable[[], Examination] = lambda: asked_by_us(lm, definitions, benchmarks, limit)  # noqa: E731
    examined = ours()
    peer = Peer(model, words, ctx.root, definitions, benchmarks, examined)
    peer.settle()
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        times["ours"].append(seconds_of(ours))
        times["peer"].append(seconds_of(peer.run))
    count = len(examined.results)
    ours_per_second, theirs_per_second = (count / min(seconds for _, seconds in times[side]) for side in times)
    return {
        "items_per_processor_second_to_lm_eval": at_least(ratio(times, clock=1), 1.3, "times"),
        "items_per_second_to_lm_eval": plain(ratio(times, clock=0), "times"),
        "items_per_processor_second": plain(ours_per_second, "items/s", theirs_per_second),
        "largest_difference_of_log_likelihoods": at_most(1e6 * peer.difference(examined), 100, "millionths of a nat"),
        "items": plain(count, "items"),
    }


def ratio(times: dict[str, list[tuple[float, float]]], clock: int) -> float:
    """The median over the rounds of how often ours goes into the peer's time."""
    rounds = zip(times["ours"], times["peer"], strict=True)
    return statistics.median(theirs[clock] / own[clock] for own, theirs in rounds)


def asked_by_us(
    lm: CheckpointLM, definitions: list[TaskDefinition], benchmarks: list[Benchmark], limit: int
) -> Examination:
    from eval_app.core.examination import examine

    return examine(lm, definitions, benchmarks, limit=limit, seed=0)


class Peer:
    """lm-eval's own evaluation of the same items with its own model class."""

    def __init__(
        self,
        model: Any,
        words: Any,
        folder: Path,
        definitions: list[TaskDefinition],
        benchmarks: list[Benchmark],
        examined: Examination,
    ) -> None:
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.models.huggingface import HFLM
        from transformers import PreTrainedTokenizerFast

        end = words.id_to_token(model.config.eos_token_id)
        tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=words, eos_token=end, pad_token=end
        )
        self.sides = {size: HFLM(pretrained=model, tokenizer=tokenizer, batch_size=size) for size in BATCH_SIZES}
        self.side = self.sides[BATCH_SIZES[0]]
        self.tasks = {}
        for definition in definitions:
            path = folder / f"{definition.task}.jsonl"
            path.write_text("".join(lines_of(definition, benchmarks, examined)), encoding="utf-8")
            self.tasks[definition.task] = ConfigurableTask(config=peer_config(definition, path))

    def settle(self) -> None:
        """The batch size with which it is fastest; every side runs once before it is timed."""
        times = {}
        for size, side in self.sides.items():
            self.side = side
            self.run()
            times[size] = seconds_of(self.run)[1]
        self.side = self.sides[min(times, key=lambda size: times[size])]

    def run(self) -> dict[str, Any]:
        from lm_eval.evaluator import evaluate

        with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
            found: dict[str, Any] = evaluate(self.side, dict(self.tasks), bootstrap_iters=0, log_samples=True)
        return found

    def difference(self, examined: Examination) -> float:
        """The largest between any two log-likelihoods of one option."""
        samples = self.run()["samples"]
        theirs = [
            float(response[0][0])
            for task in self.tasks
            for sample in sorted(samples[task], key=lambda sample: sample["doc_id"])
            for response in sample["resps"]
        ]
        ours = itertools.chain.from_iterable(result.loglikelihoods for result in examined.results)
        return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


def lines_of(definition: TaskDefinition, benchmarks: list[Benchmark], examined: Examination) -> list[str]:
    """The records of the items that we asked, in our order, as JSON lines."""
    records = {item.id: item.record for each in benchmarks for item in each.iter_items()}
    wanted = [result.item for result in examined.results if result.task == definition.task]
    return [
        json.dumps({key: records[item][key] for key in ("question", "choices", "answer")}) + "\n" for item in wanted
    ]


def peer_config(definition: TaskDefinition, path: Path) -> dict[str, Any]:
    """The same task file with lm-eval's own way to name its data."""
    ours = definition.model_dump(exclude={"metadata"}, exclude_none=True)
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")]
    data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(path)}}, "test_split": "test"}
    return ours | data | {"metric_list": metrics}


def seconds_of(work: Callable[[], Any]) -> tuple[float, float]:
    """By the wall clock, and of the processor."""
    start, started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - started
