"""One score per sequence, from any number that is known of its documents (pure)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from chimera.errors import InputError, Problem
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import mean_over_tokens
from curriculum_app.core.sequences import SequenceTable

SCORE_FIELD = "policy.config.score"


def sequence_scores(table: SequenceTable, score: str, field: str = SCORE_FIELD) -> Float:
    """Shape (M,): token-weighted mean over each sequence of a numeric column of the document index.

    `quality_rank` is what *Group* was given as quality (density, or a measured column), ranked within its domain.

    Raises:
        InputError: the index has no such numeric column; names `field`.
    """
    known = score_names(table)
    if score not in known:
        raise InputError(Problem(f"the documents have no score {score!r}", field, hint=f"one of {', '.join(known)}"))
    values = table.documents.column(score).to_numpy(zero_copy_only=False).astype(np.float64)
    return mean_over_tokens(table.pieces, values)


def score_names(table: SequenceTable) -> list[str]:
    """The numeric columns of the document index."""
    return [item.name for item in table.documents.schema if pa.types.is_floating(item.type) or _whole(item)]


def _whole(item: pa.Field) -> bool:
    return bool(pa.types.is_integer(item.type))
