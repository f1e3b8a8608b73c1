"""What an order of rows will show before anything is trained: tokens, exposures, similarity of stretches (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.configs_dry_run import Bound
from curriculum_app.core.dry_run_problems import GroupLine, Totals, problems_of_dry_run
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.mixture_ledger import MOST_EPOCHS
from curriculum_app.core.packing import Int
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import Phase

CHUNKS = 10
MOST_GROUPS = 40  # of one grouping that a page shows
MOST_PROBLEMS = 40
MOST_TIMES = 12  # the last bar of the histogram holds all that are shown more often
NEAR = 1e-6  # passes that differ by less are equal
QUARTERS = tuple(Phase(name=f"{25 * q}–{25 * (q + 1)} %", start=q / 4, end=(q + 1) / 4) for q in range(4))


@dataclass(frozen=True)
class Planned:
    """Rows of dtype `schedule.ROW` in delivery order, and what they were to follow."""

    table: SequenceTable
    rows: NDArray[np.void]
    grouping: str
    curve: MixtureCurve
    adherence: dict[str, Any]
    phases: Sequence[Phase] = field(default_factory=tuple)

    @cached_property
    def shares(self) -> Float:
        """Shape (rows,): how much of its sequence each row shows."""
        return np.asarray(self.rows["length"] / self.table.lengths[self.rows["sequence"]], dtype=np.float64)

    @cached_property
    def ends(self) -> Int:
        """Shape (rows,): tokens shown up to and including each row."""
        return np.cumsum(self.rows["length"], dtype=np.int64)

    @property
    def tokens(self) -> int:
        return int(self.ends[-1]) if len(self.rows) else 0

    @cached_property
    def times(self) -> Float:
        """Shape (M,): how often each sequence is shown in all."""
        counts = np.bincount(self.rows["sequence"], self.shares, self.table.num_sequences)
        return np.asarray(counts, dtype=np.float64)

    def by_part(self, edges: Int, order: Int | None = None) -> sparse.csr_array:
        """Shape (parts, M): how much of each sequence the rows from `edges[p]` to `edges[p + 1]` show.

        `order` (rows,) puts the rows in another order first.
        """
        sequences, shares = self.rows["sequence"], self.shares
        if order is not None:
            sequences, shares = sequences[order], shares[order]
        inside = slice(int(edges[0]), int(edges[-1]))
        shape = (len(edges) - 1, self.table.num_sequences)
        return sparse.csr_array((shares[inside], sequences[inside], edges - edges[0]), shape=shape)


def dry_run(planned: Planned, bounds: Sequence[Bound] = ()) -> dict[str, Any]:
    """The report as JSON. Takes seconds for a million rows.

    Returns:
        `totals`; `stretches` (phases, or quarters of the run); `groupings`, that of the plan first, each with `groups`
        (available, owed, shown, share, passes, by stretch); `documents` (exposures); `prefix` (the adherence report
        without its points); `similarity` (cosines of ten chunks, and of shuffles); `problems`, and how many
        `more_problems` there are.

    Raises:
        InputError: a bound names a grouping or a group that the sequences do not have.
    """
    stretches = list(planned.phases) or list(QUARTERS)
    totals, documents = _totals(planned), exposures(planned)
    names = [planned.grouping, *(name for name in planned.table.grouping_names if name != planned.grouping)]
    parts = _by_stretch(planned, stretches)
    lines = {name: _lines(planned, name, parts) for name in names}
    found = problems_of_dry_run(lines, bounds, totals, documents, planned.adherence)
    return {
        "totals": totals.as_json(),
        "from_phases": bool(planned.phases),
        "stretches": _stretches(planned, stretches, parts),
        "groupings": [_grouping(name, lines[name], found.groups) for name in names],
        "documents": documents,
        "prefix": {key: value for key, value in planned.adherence.items() if key not in ("points", "unused_tokens")},
        "similarity": _similarity(planned),
        "problems": [problem.as_json() for problem in found.problems[:MOST_PROBLEMS]],
        "more_problems": max(len(found.problems) - MOST_PROBLEMS, 0),
    }


def _totals(planned: Planned) -> Totals:
    rows, table = planned.rows, planned.table
    distinct = np.flatnonzero(np.bincount(rows["sequence"], minlength=table.num_sequences))
    return Totals(
        tokens=planned.tokens,
        rows=len(rows),
        sequences=len(distinct),
        distinct_tokens=int(table.lengths[distinct].sum()),
        available_tokens=table.num_tokens,
        available_sequences=table.num_sequences,
        unit=planned.tokens / max(len(rows), 1),
    )


def _by_stretch(planned: Planned, stretches: Sequence[Phase]) -> sparse.csr_array:
    """Shape (stretches, M): how much of each sequence is shown in each; a row belongs to where it begins."""
    starts = (planned.ends - planned.rows["length"]) / max(planned.tokens, 1) + 1e-12
    edges = np.array([(item.start, item.end) for item in stretches]).ravel()  # what lies between two is in none
    return planned.by_part(np.searchsorted(starts, edges).astype(np.int64))[::2]


def _stretches(planned: Planned, stretches: Sequence[Phase], parts: sparse.csr_array) -> list[dict[str, Any]]:
    tokens = np.rint(parts @ planned.table.lengths).astype(int).tolist()
    return [stretch.model_dump() | {"tokens": size} for stretch, size in zip(stretches, tokens, strict=True)]


def _lines(planned: Planned, name: str, parts: sparse.csr_array) -> list[GroupLine]:
    """Every group of a grouping; what it is owed is known for the grouping of the plan alone."""
    grouping, total = planned.table.grouping(name), max(planned.tokens, 1)
    by_stretch = np.rint((parts @ grouping.counts).toarray().T).astype(int).tolist()
    shown = np.asarray(planned.times @ grouping.counts)
    owed = planned.curve.cumulative(float(planned.tokens)).tolist() if name == planned.grouping else None
    available = grouping.totals().tolist()
    return [
        GroupLine(
            group, available[k], owed[k] if owed else None, round(shown[k]), shown[k] / total, tuple(by_stretch[k])
        )
        for k, group in enumerate(grouping.names)
    ]


def _grouping(name: str, lines: list[GroupLine], flagged: set[tuple[str, str]]) -> dict[str, Any]:
    """A grouping as JSON: its largest groups and those with a problem, in their own order."""
    held = [line for line in lines if line.available or line.shown]
    order = sorted(held, key=lambda line: ((name, line.name) not in flagged, -max(line.shown, line.owed or 0)))
    chosen = {line.name for line in order[:MOST_GROUPS]}
    shown = [line for line in lines if line.name in chosen]
    shares = sorted((line.share, line.name) for line in held)
    ends = {"smallest": shares[0][::-1], "largest": shares[-1][::-1]} if shares else {}
    said = [line.as_json() | {"flagged": (name, line.name) in flagged} for line in shown]
    return {"name": name, "groups": said, "others": len(held) - len(shown), **ends}


def exposures(planned: Planned) -> dict[str, Any]:
    """How often documents are shown (JSON): each counts as often as that part of it which is shown most.

    `histogram[n]` counts documents shown n times, rounded up; the last one those shown as often or more. `never`,
    `once` (up to once), `few` (up to four times) and `often` are shares of the documents.
    """
    table, pieces = planned.table, planned.table.pieces
    most_shown = np.full(table.documents.num_rows, -1.0)
    np.maximum.at(most_shown, pieces.documents, planned.times[pieces.sequences()])
    held = np.flatnonzero(most_shown >= 0)
    passes = most_shown[held]
    whole = np.ceil(passes - NEAR).astype(np.int64)
    histogram = np.bincount(np.minimum(whole, MOST_TIMES), minlength=MOST_EPOCHS + 1)
    edges = [np.mean(whole == 0), np.mean(whole == 1), np.mean((whole > 1) & (whole <= MOST_EPOCHS))]
    most = np.argsort(-passes, kind="stable")[:5]
    return {
        "count": len(held),
        "max": float(passes.max(initial=0.0)),
        "mean": float(passes.mean()) if len(held) else 0.0,
        "histogram": histogram.tolist(),
        "too_often": int((whole > MOST_EPOCHS).sum()),
        **dict(zip(("never", "once", "few"), map(float, edges), strict=True)),
        "often": float(np.mean(whole > MOST_EPOCHS)),
        "most": _named(table, held[most], passes[most]),
    }


def _named(table: SequenceTable, documents: Int, passes: Float) -> list[dict[str, Any]]:
    rows = table.documents.select(["id", "title", "domain"]).take(documents).to_pylist()
    return [row | {"passes": round(float(value), 3)} for row, value in zip(rows, passes, strict=True)]


def _similarity(planned: Planned) -> dict[str, Any]:
    """Cosines of the group histograms of ten contiguous chunks, beside those of a shuffle of the same rows.

    `slope` is that of cos(first, q) over the run: below 0 the data drifts away from where it began. What gradients say
    of the same is the job `diagnose`.
    """
    count = min(CHUNKS, len(planned.rows))
    edges = np.arange(count + 1, dtype=np.int64) * len(planned.rows) // max(count, 1)
    cosines = _cosines(planned, planned.by_part(edges))
    order = np.random.default_rng(0).permutation(len(planned.rows))
    shuffled = _cosines(planned, planned.by_part(edges, order))
    slope = np.polyfit(np.linspace(0, 1, count)[1:], cosines[0, 1:], 1)[0] if count > 2 else 0.0
    said = {"grouping": planned.grouping, "matrix": cosines.round(4).tolist(), "slope": float(slope)}
    return said | _off_diagonal(cosines, "") | _off_diagonal(shuffled, "shuffle_")


def _cosines(planned: Planned, chunks: sparse.csr_array) -> Float:
    return cosine_matrix((chunks @ planned.table.grouping(planned.grouping).counts).toarray())


def cosine_matrix(vectors: Float) -> Float:
    """Shape (n, n): cosines of the rows of `vectors`; 0 with a row that is all 0."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.zeros_like(vectors, dtype=np.float64), where=norms > 0)
    return np.asarray(np.clip(unit @ unit.T, -1.0, 1.0), dtype=np.float64)


def _off_diagonal(cosines: Float, prefix: str) -> dict[str, float]:
    others = cosines[~np.eye(len(cosines), dtype=bool)]
    if not len(others):
        return {f"{prefix}least": 1.0, f"{prefix}mean": 1.0}
    return {f"{prefix}least": float(others.min()), f"{prefix}mean": float(others.mean())}
