"""The kind `group`: tokenise, hold out, pack and group a dataset version (pure)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.grouping import group_documents
from curriculum_app.core.sequences import save_sequences


@dataclass(frozen=True)
class SequencesResult:
    """A stored `SequenceTable`."""

    stored: Stored


def run(config: GroupConfig, ctx: Context) -> SequencesResult:
    """Build and store the sequence table of a dataset version.

    Raises:
        InputError: no documents, or too little text in a domain.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", "2")  # of the tokenizers library; read when its pool first starts
    dataset = ctx.open(config.dataset)

    def report(done: int, message: str) -> None:
        ctx.progress(done, 2 * dataset.manifest["counts"]["bytes"], "bytes", message)
        ctx.check()

    contents, facts = group_documents(dataset.iter_documents, config, report)
    recipe = config.model_dump(mode="json", exclude={"name", "dataset"})
    stored = save_sequences(ctx.store, contents, {**facts, "recipe": recipe, "dataset": dataset.digest})
    ctx.log(
        f"{stored.manifest['num_sequences']:,} sequences of {config.sequence_length} tokens; vocabulary "
        f"{contents.vocab_size:,}, {facts['counts']['bytes_per_token']} bytes per token"
    )
    return SequencesResult(stored)
