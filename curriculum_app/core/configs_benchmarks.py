"""Config of the job `register-benchmark`, and how a curation keeps its text free of benchmarks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.benchmarks import Benchmark

ITEM_KEYS = [
    *("context", "question", "prompt", "choices", "answers", "answer", "canonical_solution", "test"),
    *("query", "context_options", "continuation"),  # MosaicML's ICL files
]


class BenchmarkConfig(Config):
    """Read the items of a benchmark, so that every curation can keep training data free of them."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    path: str = Field(
        title="File of items",
        description="A path on the worker's machine.",
        min_length=1,
        json_schema_extra={"upload": True},
    )
    format: Literal["auto", "jsonl", "parquet", "csv", "tsv"] = Field("auto", title="Format")
    keys: list[str] = Field(
        default=ITEM_KEYS,
        title="Keys of the text",
        description="What of an item must not be trained on: question, choices, solution. Keys that a record lacks "
        "are passed over; numbers, such as the index of the right choice, are no text.",
        min_length=1,
    )
    id_key: str = Field("id", title="Key of the id", description="Without it: file name and line.")
    task_key: str = Field("task", title="Key of the task", description="Without it: the name above.")
    source: str = Field("", title="Source", description="For items that do not name their own.")
    license: str = Field("", title="Licence", description="SPDX name, for items that do not name their own.")
    max_bad_fraction: float = Field(
        0.0,
        title="Bad items at most",
        description="A share. Items without text, repeated ones and damaged lines are left out and listed.",
        ge=0,
        le=1,
    )


class DecontaminationConfig(Config):
    """Leave out documents that share word n-grams with a benchmark (GPT-3, arXiv 2005.14165, appendix C)."""

    benchmarks: list[Ref[Benchmark]] = Field(
        default=[],
        title="Benchmarks",
        description="Left out of the config: the newest version of every benchmark of the project.",
        json_schema_extra={"left_out": "every"},
    )
    action: Literal["drop", "report"] = Field(
        "drop", title="What to do", description="Drop the document, or keep it and only say what was found."
    )
    n: int = Field(13, title="Words of an n-gram", description="GPT-3 and lm-eval: 13.", ge=1, le=100)
    shortest_item: int = Field(
        8,
        title="Words of an item at least",
        description="A shorter item is not looked for; one shorter than an n-gram must occur whole.",
        ge=1,
    )
    min_matches: int = Field(1, title="Shared n-grams that are too many", description="With one benchmark.", ge=1)

    @field_validator("benchmarks")
    @classmethod
    def _distinct(cls, benchmarks: list[Ref[Benchmark]]) -> list[Ref[Benchmark]]:
        if len(set(benchmarks)) < len(benchmarks):
            raise ValueError("names a benchmark twice")
        return benchmarks
