"""The kind `group`: tokenise, hold out, pack and group a dataset version (pure)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.grouping import group_documents
from curriculum_app.core.sequences import SequenceTable, save_sequences


@dataclass(frozen=True)
class SequencesResult:
    """A stored `SequenceTable`."""

    stored: Stored


def run(config: GroupConfig, ctx: Context) -> SequencesResult:
    """Build and store the sequence table of a dataset version; the same settings on the same version are not run again.

    Raises:
        InputError: no documents, or too little text in a domain.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", "2")  # of the tokenizers library; read when its pool first starts
    dataset = ctx.open(config.dataset)
    recipe = config.model_dump(mode="json", exclude={"name", "dataset"})

    def key() -> str | None:
        return key_of("group", {"recipe": recipe, "dataset": dataset.digest})

    return SequencesResult(make_once(ctx, SequenceTable.ref_kind, key, lambda: _group(config, dataset, recipe, ctx)))


def _group(config: GroupConfig, dataset: DatasetVersion, recipe: dict[str, Any], ctx: Context) -> Stored:
    def report(done: int, message: str) -> None:
        ctx.progress(done, 2 * dataset.manifest["counts"]["bytes"], "bytes", message)
        ctx.check()

    contents, facts = group_documents(dataset.iter_documents, config, report)
    stored = save_sequences(ctx.store, contents, {**facts, "recipe": recipe, "dataset": dataset.digest})
    ctx.log(
        f"{stored.manifest['num_sequences']:,} sequences of {config.sequence_length} tokens; vocabulary "
        f"{contents.vocab_size:,}, {facts['counts']['bytes_per_token']} bytes per token"
    )
    return stored
