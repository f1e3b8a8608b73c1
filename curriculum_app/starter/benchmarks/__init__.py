"""Benchmarks that ship with the starter project: where their items lie and how they are registered."""

from __future__ import annotations

from pathlib import Path

from curriculum_app.core.configs_benchmarks import BenchmarkConfig

FOLDER = Path(__file__).resolve().parent
# name → task in the collection they are cut from
TASKS = {
    "HumanEval": "humaneval",
    "MMLU (sample)": "mmlu",
    "CommonsenseQA (sample)": "commonsense_qa",
    "MedMCQA dental": "medmcqa_dental",
}
BUNDLED = [BenchmarkConfig(name=name, path=str(FOLDER / f"{task}.jsonl.gz")) for name, task in TASKS.items()]
