"""The kind `group`: tokenise, hold out, pack and group a dataset version (pure)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chimera.artefacts import Stored, file_facts
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.chat_format import WORDS, special_words, template_of
from curriculum_app.core.chosen_column import ChosenColumn, choose_column
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.alike import alike_in
from curriculum_app.core.grouping import group_documents
from curriculum_app.core.groupings.base import DocumentGrouping, default_groupings, prepared
from curriculum_app.core.sequences import SequenceTable, save_sequences

_OF_METADATA = {"metadata", "metadata_field", "missing_metadata", "cooldown_share"}
_NOT_ALWAYS = {"name", "dataset", "groupings", "columns", "column", "form", "tokenizer", "too_long", "chat_template"}
_NOT_ALWAYS |= {"like", "apart", *_OF_METADATA}


@dataclass(frozen=True)
class SequencesResult:
    """A stored `SequenceTable`."""

    stored: Stored


def run(config: GroupConfig, ctx: Context) -> SequencesResult:
    """Build and store the sequence table of a dataset version; the same settings on the same version are not run again.

    Raises:
        InputError: no documents, too little text in a domain, or a grouping that does not fit the version.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", "2")  # of the tokenizers library; read when its pool first starts
    dataset = ctx.open(config.dataset)
    groupings = prepared(config.groupings, dataset.digest, ctx.open)
    column = choose_column(config.columns, config.column, dataset.digest, ctx.open)
    model = _tokenizer_folder(config, ctx)
    recipe = recipe_of(config, groupings, column, model)

    def key() -> str | None:
        return key_of("group", {"recipe": recipe, "dataset": dataset.digest})

    made = make_once(ctx, SequenceTable.ref_kind, key, lambda: _group(config, dataset, groupings, column, model, ctx))
    return SequencesResult(made)


def _tokenizer_folder(config: GroupConfig, ctx: Context) -> Path | None:
    """Where the tokenizer and the chat template of a checkpoint or of other sequences lie; None to train one.

    Raises:
        InputError: the template of the sequences uses words that only its checkpoint knows.
    """
    if config.like is None:
        return ctx.open(config.tokenizer).path if config.tokenizer is not None else None
    folder = ctx.open(config.like).path
    needed = [word for word in WORDS if word in template_of(folder)]
    if needed and config.form != "text" and config.chat_template == "model":
        said = f"their chat template uses {needed[0]}, which only the checkpoint it came from knows"
        raise InputError(Problem(said, field="like", hint="choose that checkpoint as the tokenizer's"))
    return folder


def recipe_of(
    config: GroupConfig,
    groupings: Sequence[DocumentGrouping],
    column: ChosenColumn | None = None,
    model: Path | None = None,
) -> dict[str, Any]:
    """What decides about the table. The usual groupings, a column that is none, metadata and domains apart where there
    are none, and what packed text of an own tokenizer does not ask for, are left out: older tables keep their ids."""
    recipe = config.model_dump(mode="json", exclude=_NOT_ALWAYS)
    if config.apart:
        recipe |= {"apart": sorted(config.apart)}
    if config.metadata != "none":
        recipe |= config.model_dump(mode="json", include=_OF_METADATA)
    if config.form != "text":
        recipe |= {"form": config.form, "too_long": config.too_long, "chat_template": config.chat_template}
    if model is not None:  # by its content: checkpoints of one tokenizer give one table
        recipe |= {"tokenizer": file_facts(model / "tokenizer.json")["sha256"]}
        recipe |= {} if config.form == "text" else {"template_words": [template_of(model), special_words(model)]}
    if column is not None:
        recipe |= {"columns": column.digest, "column": column.name}
    if config.groupings == default_groupings():
        return recipe
    return recipe | {"groupings": [{"key": grouping.key, "config": grouping.meaning()} for grouping in groupings]}


def _group(
    config: GroupConfig,
    dataset: DatasetVersion,
    groupings: Sequence[DocumentGrouping],
    column: ChosenColumn | None,
    model: Path | None,
    ctx: Context,
) -> Stored:
    def report(done: int, message: str) -> None:
        ctx.progress(done, 2 * dataset.manifest["counts"]["bytes"], "bytes", message)
        ctx.check()

    measured = None if column is None else column.harder
    alike = alike_in(dataset, ctx, near=config.near_duplicates)
    contents, facts = group_documents(dataset.iter_documents, config, groupings, report, alike, measured, model)
    recipe = recipe_of(config, groupings, column, model)
    if measured is not None:
        facts["counts"]["unmeasured_documents"] = unknown = int(np.isnan(measured).sum())
        if unknown:
            what = f"{unknown:,} of {len(measured):,} documents"
            ctx.log(f"{what} have no value of {config.column}: they get the middle rank", "warning")
    stored = save_sequences(ctx.store, contents, {**facts, "recipe": recipe, "dataset": dataset.digest})
    for reason, first in facts.get("left_out", {}).items():
        ctx.log(f"{facts['counts'][reason]:,} documents are left out as {reason}, the first of them {first}", "warning")
    _log_held_out(facts["domains"], config, ctx)
    size = f"of {'at most ' if config.form != 'text' else ''}{config.sequence_length}"
    ctx.log(
        f"{stored.manifest['num_sequences']:,} sequences {size} tokens; vocabulary "
        f"{contents.vocab_size:,}, {facts['counts']['bytes_per_token']} bytes per token"
    )
    return stored


def _log_held_out(domains: dict[str, dict[str, Any]], config: GroupConfig, ctx: Context) -> None:
    """Where the share was too small, other versions may train on what is held out here."""
    for domain, facts in domains.items():
        if facts["beyond_share_documents"]:
            ctx.log(
                f"{domain}: {facts['beyond_share_documents']:,} of {facts['held_out_documents']:,} held-out documents "
                f"lie beyond the share of {config.held_out_share:g} that no version trains on"
            )
