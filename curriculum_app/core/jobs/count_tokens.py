"""The job `count-tokens`: a version, and those it was made from, under every chosen tokenizer (pure)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.configs_tokens import CountTokensConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.token_counts import KIND, count_digest, count_tokens


@dataclass(frozen=True)
class CountTokensResult:
    """Tokens of the version: sha256 of a tokenizer → its manifest in the store."""

    counts: dict[str, dict[str, Any]]


def run(config: CountTokensConfig, ctx: Context) -> CountTokensResult:
    """Count what has not been counted before.

    Raises:
        InputError: no tokenizer is named and the project has none.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", "2")  # of the tokenizers library; read when its pool first starts
    if not config.tokenizers:
        hint = "group a dataset version first: that trains a tokenizer"
        raise InputError(Problem("there is no tokenizer to count with", "tokenizers", hint=hint))
    from tokenizers import Tokenizer

    tables = [ctx.open(ref) for ref in config.tokenizers]
    tokenizers = {}
    for table in tables:
        tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
        tokenizer.encode_special_tokens = True  # "<|endoftext|>" inside a document is text
        tokenizers[table.manifest["files"][table.tokenizer_path.name]["sha256"]] = tokenizer
    version = ctx.open(config.dataset)
    counted = [version, *_parents(version, ctx)]
    total, done = sum(_bytes(each) for each in counted), 0

    def report(size: int) -> None:
        nonlocal done
        done += size
        ctx.check()
        ctx.progress(min(done, total), total, "bytes", f"counting under {len(tokenizers)} tokenizers")

    for each in counted:
        count_tokens(ctx.store, each, tokenizers, config.tokens_per_image, report)
    ctx.progress(total, total, "bytes", "done")
    names = {sha: count_digest(version.digest, sha, config.tokens_per_image) for sha in tokenizers}
    return CountTokensResult({sha: ctx.store.load(KIND, name).manifest for sha, name in names.items()})


def _parents(version: DatasetVersion, ctx: Context) -> list[DatasetVersion]:
    """What the version was made from, as far as its files are here."""
    here = [digest for digest in version.manifest.get("parents", []) if ctx.store.has("dataset", digest)]
    return [DatasetVersion.open(ctx.store.load("dataset", digest)) for digest in here]


def _bytes(version: DatasetVersion) -> int:
    """Bytes of text of the documents and of those dropped, about."""
    stages = [stage for found in version.manifest.get("funnel", {}).values() for stage in found]
    dropped = sum(int(stage["bytes_in"]) - int(stage["bytes_out"]) for stage in stages if stage["in"] > stage["out"])
    return int(version.manifest["counts"]["bytes"]) + max(0, dropped)
