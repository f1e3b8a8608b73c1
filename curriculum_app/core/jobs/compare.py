"""The kind `compare`: the difference of two dataset versions (pure)."""

from __future__ import annotations

from chimera.context import Context
from curriculum_app.core.configs_versions import CompareConfig
from curriculum_app.core.version_difference import VersionDifference, make_difference


def run(config: CompareConfig, ctx: Context) -> VersionDifference:
    """Compare all documents; the result is kept, so the second look at a pair costs nothing."""
    before, after = ctx.open(config.before), ctx.open(config.after)
    total = before.num_documents + after.num_documents

    def seen(documents: int) -> None:
        ctx.check()
        ctx.progress(min(documents, total), total, "documents", "comparing")

    found = make_difference(ctx.store, before, after, seen)
    ctx.progress(total, total, "documents")
    return found
