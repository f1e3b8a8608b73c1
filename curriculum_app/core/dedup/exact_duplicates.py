"""Exact duplicates: documents of equal content, of which the one most worth keeping stays."""

from __future__ import annotations

import numpy as np

from curriculum_app.core.dedup.index import Places
from curriculum_app.core.dedup.sketches import Sketches


def exact_copies(sketches: Sketches, order: Places, first: int = 0) -> dict[int, int]:
    """Number of each document to remove → number of the one that stays, the first of equal `content` in `order`.

    The first `first` documents belong to versions that exist and are never removed.
    """
    groups = sketches.groups_of_equal_content()[order]
    place = np.argsort(groups, kind="stable")  # inside a group the visiting order stays
    starts = np.ones(len(place), bool)
    starts[1:] = groups[place][1:] != groups[place][:-1]
    kept = order[place[starts]]
    copies = ~starts & (order[place] >= first)
    which = np.cumsum(starts)[copies] - 1
    return dict(zip(order[place[copies]].tolist(), kept[which].tolist(), strict=True))
