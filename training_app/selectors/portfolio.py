"""Every model of a project in one table: what it is, what it came from, and what training it would take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F

from chimera.projects.access import Actor
from curriculum_app.models import SequenceSet
from training_app.core import footprint
from training_app.core.configs import STARTER
from training_app.core.configs_portfolio import PredictConfig
from training_app.core.embedder import MODEL_FACTS
from training_app.core.footprint import Memory, Method, Rates
from training_app.core.model_shape import ModelShape, shape_of
from training_app.models import Checkpoint
from training_app.selectors.installed_models import installed_models
from training_app.selectors.machines import rates_of
from training_app.selectors.measured import Measured, measured_of

PAGE_SIZE = 30
STARTER_VOCABULARY = 2048
METHODS: tuple[Method, ...] = ("full", "lora")


@dataclass(frozen=True)
class Prediction:
    """Of one way to train one model; `seconds` of a step and `rate` (tokens/s) need a measured worker."""

    method: Method
    memory: Memory
    fits: bool
    seconds: float | None
    rate: float | None


@dataclass(frozen=True)
class ModelRow:
    """One line. `row` is None for what is not a checkpoint yet; `facts` is the checkpoint's manifest or alike."""

    title: str
    row: Checkpoint | None
    facts: dict[str, Any]
    licence: str
    bytes: int
    shape: ModelShape | None
    sequences: list[SequenceSet]
    installed: str = ""

    @property
    def trainable(self) -> int | None:
        """Parameters that its own training moved: of its adapter, or all."""
        adapter = self.facts.get("adapter") or {}
        if self.shape is not None and adapter.get("key") == "lora":
            return self.shape.lora_weights(adapter["config"]["rank"])
        return self.facts.get("parameters")

    @property
    def tokenizer(self) -> str:
        """Hex sha256 of its tokenizer.json, "" when unknown."""
        return _tokenizer_hash(self.facts)

    @cached_property
    def held_out(self) -> float | None:
        """Bits per byte, mean over domains, at this checkpoint."""
        value = self.facts.get("summary", {}).get("held_out_macro")
        return float(value) if value is not None else None

    @cached_property
    def measured(self) -> Measured | None:
        return measured_of(self.row) if self.row is not None else None

    def predictions(self, config: PredictConfig, speed: Any) -> list[Prediction]:
        """Full training and LoRA; empty when the sizes are unknown."""
        rates = rates_of(speed, config.precision) if speed is not None else None
        device = speed.device if speed is not None else "cpu"
        return [_predict(self.shape, method, config, rates, device) for method in METHODS] if self.shape else []


def _predict(shape: ModelShape, method: Method, config: PredictConfig, rates: Rates | None, device: str) -> Prediction:
    setting = config.setting(method, device)
    memory = footprint.memory(shape, setting)
    seconds = footprint.step_seconds(shape, setting, rates) if rates is not None else None
    rate = setting.parts * setting.tokens / seconds if seconds else None
    return Prediction(method, memory, memory.fits(config.memory_gb * 1e9), seconds, rate)


def portfolio_page(actor: Actor, number: str) -> Page[Checkpoint]:
    """Checkpoints of the project: imported ones first, then the newest of each run before its earlier ones."""
    rows = Checkpoint.objects.filter(project=actor.project).select_related("run__job", "parent")
    return Paginator(rows.order_by(F("run_id").desc(nulls_first=True), "-step", "-pk"), PAGE_SIZE).get_page(number)


def model_rows(actor: Actor, page: Page[Checkpoint]) -> list[ModelRow]:
    """The lines of a page, each with the sequences that its tokenizer reads."""
    sets = list(SequenceSet.objects.filter(project=actor.project).select_related("dataset"))
    by_tokenizer: dict[str, list[SequenceSet]] = {}
    for found in sets:
        by_tokenizer.setdefault(_tokenizer_hash(found.manifest), []).append(found)
    return [_of_checkpoint(row, by_tokenizer) for row in page]


def _of_checkpoint(row: Checkpoint, by_tokenizer: dict[str, list[SequenceSet]]) -> ModelRow:
    facts = dict(row.manifest)
    facts.setdefault("parameters", facts.get("summary", {}).get("parameters"))
    sequences = by_tokenizer.get(_tokenizer_hash(facts), [])
    return ModelRow(row.label, row, facts, row.licence, row.bytes, checkpoint_shape(row), sequences)


def checkpoint_shape(row: Checkpoint) -> ModelShape | None:
    """The sizes in its config.json; None when its files are not here."""
    try:
        path = row.stored().path
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    adapter = (row.manifest.get("adapter") or {}).get("key", "none") != "none"
    return shape_of(config, None if adapter else row.manifest.get("parameters"))


def models_reading(actor: Actor, sequences: SequenceSet, most: int) -> list[ModelRow]:
    """What could be trained on these sequences: a new model, and the newest checkpoints of their tokenizer."""
    tokenizer = _tokenizer_hash(sequences.manifest)
    rows = Checkpoint.objects.filter(
        project=actor.project, manifest__files__contains={"tokenizer.json": {"sha256": tokenizer}}
    )
    newest = rows.select_related("run__job", "parent").order_by("-pk")[:most] if tokenizer else []
    return [
        _starter(int(sequences.manifest.get("vocab_size", STARTER_VOCABULARY))),
        *(_of_checkpoint(row, {}) for row in newest),
    ]


def bases(actor: Actor) -> list[ModelRow]:
    """What one can begin with without a checkpoint: the starter's model, and installed models not imported yet."""
    sources = Checkpoint.objects.filter(project=actor.project, run=None).values_list("manifest__source", flat=True)
    known = set(sources)
    return [_starter(), *(row for row in _installed() if row.installed not in known)]


def _starter(vocabulary: int = STARTER_VOCABULARY) -> ModelRow:
    sizes = STARTER.settings().as_json()
    names = {"hidden_size": "hidden_size", "num_layers": "num_hidden_layers", "num_heads": "num_attention_heads"}
    config = {"vocab_size": vocabulary, "intermediate_size": sizes["intermediate_size"]}
    shape = shape_of(config | {theirs: sizes[ours] for ours, theirs in names.items()})
    facts = {
        "architecture": "llama",
        "vocab_size": vocabulary,
        "parameters": shape.parameters if shape else None,
    }
    return ModelRow("starter, from scratch", None, facts, "", 0, shape, [])


def _installed() -> list[ModelRow]:
    found = []
    for note in sorted(installed_models().glob(f"*/{MODEL_FACTS}")):
        config = _json(note.parent / "config.json")
        if any("CausalLM" in str(name) for name in config.get("architectures", [])):
            said, shape = _json(note), shape_of(config)
            facts = {
                "architecture": config.get("model_type"), "vocab_size": config.get("vocab_size"),
                "context_length": config.get("max_position_embeddings"),
                "parameters": shape.parameters if shape else None,
            }  # fmt: skip
            size = sum(file.stat().st_size for file in note.parent.iterdir())
            licence = str(said.get("license", ""))
            found.append(ModelRow(str(said.get("name")), None, facts, licence, size, shape, [], note.parent.name))
    return found


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _tokenizer_hash(manifest: dict[str, Any]) -> str:
    return str(manifest.get("files", {}).get("tokenizer.json", {}).get("sha256", ""))
