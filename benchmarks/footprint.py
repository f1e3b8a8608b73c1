"""Predicted memory and step time of training against what the engine really needs, one process for each case.

Predictions are those of the portfolio (`training_app.core.footprint`), from this machine's own matmul rates. Memory is
the peak resident size of the process; time is the median step. SmolLM2 takes part where `make models` has installed it.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.engine import LENGTH, VOCABULARY, made_up_text
from benchmarks.report import Figure, plain
from chimera import capabilities, environment
from chimera.artefacts import ArtefactStore
from chimera.context import LocalContext
from training_app.core import footprint
from training_app.core.configs import TrainConfig
from training_app.core.configs_models import ImportModelConfig, MeasureWorkerConfig
from training_app.core.footprint import Rates, Setting
from training_app.core.model_shape import ModelShape, shape_of

NAME = "footprint"
ROOT = Path(__file__).resolve().parent.parent
SMOL = "smollm2-135m-instruct"
LORA = {"key": "lora", "config": {"rank": 8}}
CASES: dict[str, dict[str, Any]] = {
    "starter_full": {"batch_sequences": 4},
    "starter_full_32": {"batch_sequences": 32},
    "smollm2_lora": {"batch_sequences": 1, "adapter": LORA},
    "smollm2_lora_4": {"batch_sequences": 4, "adapter": LORA},
    "smollm2_lora_4_checkpointing": {"batch_sequences": 4, "adapter": LORA, "gradient_checkpointing": True},
    "smollm2_lora_bf16": {"batch_sequences": 1, "adapter": LORA, "precision": "bf16"},
    "smollm2_full": {"batch_sequences": 1},
    "smollm2_full_4": {"batch_sequences": 4},
}


def models() -> Path:
    """Where `make models` puts them."""
    return environment.path("CHIMERA_DATA_DIR", ROOT / ".data") / "models"


def measure(quick: bool) -> dict[str, Figure]:
    """Measured memory and time of each case; `peer` is the prediction."""
    from training_app.core.jobs import measure_worker

    figures: dict[str, Figure] = {}
    config = MeasureWorkerConfig(seconds=0.1 if quick else 0.3, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            if name.startswith("smollm2") and (quick or not (models() / SMOL).is_dir()):
                continue
            speeds = measure_worker.run(config, LocalContext(Path(folder))).speeds  # each time: others work here
            found = in_a_process(name, 4 if quick else 10)
            setting = setting_of(case)
            rates = Rates({int(w): r for w, r in speeds[0].matmul[setting.precision].items()}, speeds[0].bandwidth)
            shape = shape_of_case(name)
            figures[f"{name}_memory"] = plain(found["peak"] / 1e9, "GB", footprint.memory(shape, setting).total / 1e9)
            predicted = footprint.step_seconds(shape, setting, rates)
            figures[f"{name}_step"] = plain(1e3 * found["seconds"], "ms", 1e3 * predicted)
    return figures


def setting_of(case: dict[str, Any]) -> Setting:
    """The case as the formulas see it."""
    return Setting(
        method="lora" if "adapter" in case else "full",
        length=LENGTH,
        sequences=case["batch_sequences"],
        precision=case.get("precision", "float32"),
        checkpointing=case.get("gradient_checkpointing", False),
    )


def shape_of_case(name: str) -> ModelShape:
    sizes = {
        "vocab_size": VOCABULARY, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2,
        "intermediate_size": 352,
    }  # fmt: skip
    if name.startswith("smollm2"):
        sizes = json.loads((models() / SMOL / "config.json").read_text())
    found = shape_of(sizes)
    assert found is not None, "the starter and SmolLM2 are transformers"
    return found


def in_a_process(name: str, steps: int) -> dict[str, float]:
    """Peak bytes and median seconds of a step, of a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.footprint", name, str(steps)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def one(name: str, steps: int) -> dict[str, float]:
    """Train `steps` steps of a case in this process."""
    from training_app.core.checkpoint import Checkpoint
    from training_app.core.engine import prepare, train
    from training_app.core.jobs import import_model

    with tempfile.TemporaryDirectory(dir=models() if models().is_dir() else None) as folder:
        ctx, base, case = LocalContext(Path(folder)), None, CASES[name]
        store = ArtefactStore(Path(folder))
        text = {}
        if name.startswith("smollm2"):
            capabilities.provide("installed_models", "benchmarks.footprint:models")
            base = Checkpoint.open(import_model.run(ImportModelConfig(name="base", source=SMOL), ctx).stored)
            text = {"vocabulary": base.manifest["vocab_size"], "tokenizer_json": base.tokenizer_path.read_text("utf-8")}
        table, schedule = made_up_text(store, steps * case["batch_sequences"], **text)
        settings = {"name": name, "schedule": "schedule-1", "evaluate_every": 0, "probes": [], **case}
        settings |= {"base": "checkpoint-1"} if base is not None else {}
        train(prepare(TrainConfig.model_validate(settings), schedule, table, base), ctx)
        pace = [values["tokens_per_second"] for _, _, values in ctx.recorder.points[2:]]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": peak, "seconds": LENGTH * case["batch_sequences"] / statistics.median(pace)}


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
