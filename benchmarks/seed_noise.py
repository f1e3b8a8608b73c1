"""How runs that differ in their seeds alone spread: real scores for the simulated studies of the tests.

`python -m benchmarks.seed_noise FILE` trains models of 43 k parameters on the beginning of the bundled corpus (the
starter study at its scale `test`), in three shuffled orders for each seed, and writes the held-out bits per byte of
every run. A seed fixes the initial weights of its three runs, as in a study; their orders differ, so all differences
within a seed are noise. A fourth run for each seed has the first order and a learning rate that is 2 % larger.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from chimera.context import LocalContext
from curriculum_app.core.configs_order import GroupConfig, PolicyChoice, ScheduleConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import curate, group, import_, schedule
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.starter import recipes
from eval_app.core.starter import SCALES
from training_app.core.configs import TrainConfig
from training_app.core.jobs import train

SEEDS, ORDERS = range(1, 21), 3
SCALE = SCALES["test"]


def measure_noise(root: Path) -> dict[str, Any]:
    """`scores[order][seed number]`, `same_order_other_rate[seed number]`: held-out bits per byte by domain."""
    ctx = LocalContext(root)
    table = _sequences(ctx)
    scores = [[_score(ctx, table, seed, order) for seed in SEEDS] for order in range(ORDERS)]
    warmer = [_score(ctx, table, seed, 0, rate=1.02) for seed in SEEDS]
    return {
        "from": "python -m benchmarks.seed_noise",
        "parameters": 43_168,
        "tokens": SCALE.budget_tokens,
        "unigram": table.unigram_bits_per_byte(),
        "seeds": list(SEEDS),
        "scores": scores,
        "same_order_other_rate": warmer,
    }


def _sequences(ctx: LocalContext) -> SequenceTable:
    """`sequences-1` of the context."""
    for number, config in enumerate(recipes.imports(SCALE.max_documents), 1):
        ctx.artefacts[f"dataset-{number}"] = DatasetVersion.open(import_.run(config, ctx).stored)
    curated = curate.run(recipes.curation(list(ctx.artefacts), workers=1), ctx)
    ctx.artefacts["dataset-9"] = DatasetVersion.open(curated.stored)
    grouping = GroupConfig.model_validate(
        {
            "name": "noise",
            "dataset": "dataset-9",
            "vocab_size": SCALE.vocab_size,
            "sequence_length": SCALE.sequence_length,
            "held_out_tokens": SCALE.held_out_tokens,
        }
    )
    table = SequenceTable.open(group.run(grouping, ctx).stored)
    ctx.artefacts["sequences-1"] = table
    return table


def _score(ctx: LocalContext, table: SequenceTable, seed: int, order: int, rate: float = 1.0) -> dict[str, float]:
    planned = ScheduleConfig.model_validate(
        {
            "name": "noise",
            "sequences": "sequences-1",
            "policy": PolicyChoice(key="shuffle").as_json(),
            "budget_tokens": SCALE.budget_tokens,
            "seed": seed + 1000 * order,
        }
    )
    ctx.artefacts["schedule-1"] = Schedule(schedule.run(planned, ctx).stored)
    own = LocalContext(ctx.root / f"run-{seed}-{order}-{rate:g}", dict(ctx.artefacts))
    own.store = ctx.store
    chosen = SCALE.train.learning_rate
    settings = SCALE.train.as_json() | {"name": "noise", "schedule": "schedule-1", "seed": seed, "evaluate_every": 0}
    settings["learning_rate"] = {"key": chosen.key, "config": {**chosen.config, "peak": rate * chosen.config["peak"]}}
    found = train.run(TrainConfig.model_validate(settings | {"probes": []}), own).summary.held_out
    print(
        f"seed {seed}, order {order}, rate {rate:g}: {sum(found.values()) / len(found):.4f}",
        file=sys.stderr,
        flush=True,
    )
    return {domain: round(value, 6) for domain, value in found.items()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        Path(sys.argv[1]).write_text(json.dumps(measure_noise(Path(folder)), indent=1) + "\n", encoding="utf-8")
