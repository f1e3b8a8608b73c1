"""The `average` job: the mean of several checkpoints becomes a checkpoint. Torch is imported when it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from chimera.artefacts import Stored, file_facts
from chimera.context import Context
from chimera.disk import space_for
from chimera.typed import sha256_json
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import WEIGHTS, Checkpoint, whole_model
from training_app.core.configs_average import AverageConfig

if TYPE_CHECKING:
    from training_app.core.averaging import Source

SHARED = ("schedule", "sequences")  # entries of the manifests that an average takes over when all sources agree


@dataclass(frozen=True)
class AverageResult:
    """The sealed checkpoint."""

    stored: Stored
    licence: str


def run(config: AverageConfig, ctx: Context) -> AverageResult:
    """Average, and score the result on the held-out text that its sources were scored on, if that is the same.

    Raises:
        InputError: a source is damaged, holds NaN, or differs in architecture, sizes or tokenizer; says which.
    """
    import torch

    from training_app.core.averaging import require_alike, write_average, write_reading

    torch.set_num_threads(config.threads)
    with _sources(config, ctx) as sources, ctx.store.stage(Checkpoint.ref_kind) as stage:
        require_alike(sources)
        weights = config.weights.build().weights(len(sources))
        for source, weight in zip(sources, weights, strict=True):
            ctx.log(f"{source.name} at {source.checkpoint.manifest.get('tokens', 0):,} tokens counts {weight:.5f}")
        needed = sources[-1].weights.stat().st_size
        with space_for(ctx.store.root, needed, "the average"):
            parameters = write_average(sources, weights, stage.path / WEIGHTS, ctx.check)
        newest = sources[-1].checkpoint
        write_reading(newest, stage.path)
        averaged = {
            "averaged": [source.checkpoint.digest for source in sources],
            "average": {**config.weights.as_json(), "weights": weights},
        }
        meaning = {name: file_facts(stage.path / name)["sha256"] for name in (WEIGHTS, "tokenizer.json")} | averaged
        facts = {**averaged, **_facts(sources, parameters)}
        facts["summary"] = _scored(facts.get("sequences"), stage.path, config, ctx)
        return AverageResult(stage.seal(sha256_json(meaning), facts), facts["licence"])


@contextmanager
def _sources(config: AverageConfig, ctx: Context) -> Iterator[list[Source]]:
    """The checkpoints from the fewest tokens to the most (then by number), undamaged, with a file of whole weights."""
    from training_app.core.averaging import Source, whole_weights
    from training_app.core.base_model import require_undamaged

    named = sorted(enumerate(config.checkpoints), key=lambda item: item[1].number)
    opened = [(f"checkpoints.{place}", str(ref), ctx.open(ref)) for place, ref in named]
    opened.sort(key=lambda item: item[2].manifest.get("tokens", 0))
    with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
        found: list[Source] = []
        for field, name, checkpoint in opened:
            ctx.check()
            ctx.progress(len(found), len(opened) + 1, "checkpoints", f"reading {name}")
            require_undamaged(checkpoint, field, name)
            found.append(Source(field, name, checkpoint, whole_weights(checkpoint, Path(folder))))
        yield found


def _facts(sources: Sequence[Source], parameters: int) -> dict[str, Any]:
    """The manifest's facts: those of the newest source, and of a run what all sources have in common."""
    manifests = [source.checkpoint.manifest for source in sources]
    newest = manifests[-1]
    taken = ("architecture", "context_length", "vocab_size", "step", "tokens")
    shared = {
        key: newest[key] for key in SHARED if newest.get(key) and all(m.get(key) == newest[key] for m in manifests)
    }
    licences = sorted({source.checkpoint.licence for source in sources} - {""})
    return {
        **{key: newest.get(key) for key in taken}, **shared,
        "parameters": parameters, "adapter": None, "base": None, "licence": ", ".join(licences),
    }  # fmt: skip


def _scored(sequences: str | None, folder: Path, config: AverageConfig, ctx: Context) -> dict[str, Any]:
    """Held-out bits per byte, windows beside the weights as in other checkpoints; empty without shared sequences."""
    import torch

    from training_app.core.engine import resolve_device
    from training_app.core.held_out import HeldOutText

    if sequences is None or not ctx.store.has(SequenceTable.ref_kind, sequences):
        ctx.log("not scored: its sources have no sequences in common that are stored here")
        return {}
    ctx.progress(len(config.checkpoints), len(config.checkpoints) + 1, "checkpoints", "scoring the average")
    table = SequenceTable.open(ctx.store.load(SequenceTable.ref_kind, sequences))
    device = torch.device(resolve_device(config.device))
    model = whole_model(folder).to(device)  # type: ignore[arg-type]
    scores = HeldOutText(table.held_out(), table.eos_id, device).score(model)
    pq.write_table(scores.table(), folder / "held_out.parquet")
    unigram = table.unigram_bits_per_byte()
    return {"held_out": scores.by_domain(), "held_out_macro": scores.macro, "unigram": unigram}
