"""`Schedule`: the exact order in which a run is shown sequences, with the plan it realises (pure).

Files of the artefact: `rows.npy`, structured (sequence int64, start int32, length int32, weight float32). Where a
policy decides during the run (`adaptive` in the manifest) there is no order yet, but what it chooses from:
`candidates.npy` (int64, sorted ids).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.sequences import SequenceTable, array_digest
from curriculum_app.core.tracks import Tracks

ROW = np.dtype([("sequence", "<i8"), ("start", "<i4"), ("length", "<i4"), ("weight", "<f4")])


def rows_of(table: SequenceTable, order: Int) -> NDArray[np.void]:
    """Schedule rows that show whole sequences in the given order with weight 1."""
    rows = np.zeros(len(order), dtype=ROW)
    rows["sequence"] = order
    rows["length"] = table.lengths[order]
    rows["weight"] = 1.0
    return rows


def multiset_digest(sequences: Int) -> str:
    """Hex sha256 of the sorted sequence ids: equal when two schedules show the same multiset, in any order."""
    return hashlib.sha256(np.sort(sequences).astype("<i8").tobytes()).hexdigest()


def multiset_of(rows: NDArray[np.void], lengths: Int) -> str:
    """`multiset_digest` of rows that may be parts. Pieces that together are a sequence, once each, count as it.

    Args:
        rows: dtype `ROW`, in any order. lengths: shape (M,), tokens of every sequence.
    """
    if np.array_equal(rows["length"], lengths[rows["sequence"]]):
        return multiset_digest(rows["sequence"])
    pieces = np.sort(rows[["sequence", "start", "length"]], order=("sequence", "start", "length"))
    sequence, start = pieces["sequence"], pieces["start"].astype(np.int64)
    end = start + pieces["length"]
    first = np.append(True, sequence[1:] != sequence[:-1])
    follows = np.where(first, start == 0, start == np.append(0, end[:-1]))
    whole = end[np.append(first[1:], True)] == lengths[sequence[first]]
    if follows.all() and whole.all():
        return multiset_digest(sequence[first])
    return hashlib.sha256(np.stack([sequence, start, end], axis=1).astype("<i8").tobytes()).hexdigest()


def tokens_shown(table: SequenceTable, grouping: str, rows: NDArray[np.void]) -> Float:
    """Shape (K,): tokens of each group in the rows; a part of a sequence counts as that share of each of its groups."""
    sequences = rows["sequence"]
    times = np.bincount(sequences, rows["length"] / table.lengths[sequences], minlength=table.num_sequences)
    return np.asarray(times @ table.grouping(grouping).counts, dtype=np.float64)


def exposure(table: SequenceTable, rows: NDArray[np.void]) -> dict[str, dict[str, int]]:
    """`tokens_shown` of every grouping by name, in whole tokens."""
    shown = {name: tokens_shown(table, name, rows).round().astype(int).tolist() for name in table.grouping_names}
    return {name: dict(zip(table.grouping(name).names, counts, strict=True)) for name, counts in shown.items()}


def save_schedule(
    store: ArtefactStore, table: SequenceTable, rows: NDArray[np.void], facts: Mapping[str, Any]
) -> Stored:
    """Store a schedule.

    Args:
        rows: array of dtype `ROW`.
        facts: JSON manifest entries: `policy` {key, config}, `seed`, `pool` {digest, tokens, seed}, `grouping`,
            `curve` (MixtureCurve JSON), `adherence` (report JSON); optionally `tracks` (Tracks JSON), `exposure` and
            `facts`.
    """
    order_digest = array_digest(rows)
    meaning = {"order": order_digest, "sequences": table.digest, **{k: facts[k] for k in ("policy", "seed", "pool")}}
    tracks = Tracks.model_validate(facts.get("tracks", {}))
    if tracks != Tracks():  # schedules without any keep their ids
        meaning["tracks"] = tracks.as_json()
    manifest = {
        **facts,
        "sequences": table.digest,
        "order_digest": order_digest,
        "multiset_digest": multiset_of(rows, table.lengths),
        "num_rows": len(rows),
        "num_tokens": int(rows["length"].sum()),
    }
    with store.stage("schedule") as stage:
        np.save(stage.path / "rows.npy", rows)
        return stage.seal(sha256_json(meaning), manifest)


def save_adaptive(
    store: ArtefactStore, table: SequenceTable, candidates: Int, budget_tokens: int, facts: Mapping[str, Any]
) -> Stored:
    """Store the schedule of an adaptive policy: what it chooses from, `budget_tokens` in all (whole sequences).

    Args:
        candidates: sorted sequence ids, all of one length. facts: as of `save_schedule`, without `adherence`.
    """
    meaning = {"candidates": array_digest(candidates), "sequences": table.digest, "budget": budget_tokens}
    manifest = {
        **facts,
        "adaptive": True,
        "adherence": {},
        "sequences": table.digest,
        "order_digest": "",
        "multiset_digest": "",
        "num_candidates": len(candidates),
        "row_length": table.sequence_length,
        "num_rows": budget_tokens // table.sequence_length,
        "num_tokens": budget_tokens,
    }
    with store.stage("schedule") as stage:
        np.save(stage.path / "candidates.npy", candidates)
        return stage.seal(sha256_json({**meaning, **{k: facts[k] for k in ("policy", "seed", "pool")}}), manifest)


class Schedule(Opened):
    """An opened schedule."""

    ref_kind: ClassVar[str] = "schedule"

    @property
    def is_adaptive(self) -> bool:
        """Whether the order is decided during the run, from `candidates`."""
        return bool(self.manifest.get("adaptive", False))

    @cached_property
    def candidates(self) -> Int:
        """Sorted ids of the sequences that an adaptive policy chooses from."""
        loaded: Int = np.load(self.stored.path / "candidates.npy")
        return loaded

    @cached_property
    def rows(self) -> NDArray[np.void]:
        """Structured array of dtype `ROW`, in delivery order.

        Raises:
            InputError: an adaptive policy decides during the run.
        """
        if self.is_adaptive:
            message = "this schedule has no order: its policy decides during the run"
            hint = "choose a schedule of another policy, or take the order from the journal of a run"
            raise InputError(Problem(message, field="schedule", hint=hint))
        loaded: NDArray[np.void] = np.load(self.stored.path / "rows.npy")
        return loaded

    @property
    def num_tokens(self) -> int:
        return int(self.manifest["num_tokens"])

    @property
    def num_rows(self) -> int:
        """Rows that a run is shown, planned or not."""
        return int(self.manifest["num_rows"])

    @property
    def max_length(self) -> int:
        """Tokens of the longest row."""
        return int(self.manifest["row_length"] if self.is_adaptive else self.rows["length"].max())

    @property
    def sequences_digest(self) -> str:
        return str(self.manifest["sequences"])

    @property
    def multiset_digest(self) -> str:
        """Equal for two schedules that show the same sequences the same number of times."""
        return str(self.manifest["multiset_digest"])

    @property
    def order_digest(self) -> str:
        return str(self.manifest["order_digest"])

    @property
    def grouping_name(self) -> str:
        """The grouping that the planned mixture speaks of ("domain" or "difficulty")."""
        return str(self.manifest["grouping"])

    @cached_property
    def curve(self) -> MixtureCurve:
        return MixtureCurve.from_json(self.manifest["curve"])

    @cached_property
    def tracks(self) -> Tracks:
        """What the curriculum says of training beside its data."""
        return Tracks.model_validate(self.manifest.get("tracks", {}))

    @property
    def group_names(self) -> tuple[str, ...]:
        return self.curve.names

    def planned_mixture(self, tokens: ArrayLike) -> Float:
        """Shape (..., K): planned share of each of `group_names` once `tokens` tokens were seen."""
        return self.curve.at(tokens)

    def open_sequences(self, store: ArtefactStore) -> SequenceTable:
        """The table this schedule orders.

        Raises:
            FileNotFoundError: the store does not hold it.
        """
        return SequenceTable.open(store.load(SequenceTable.ref_kind, self.sequences_digest))
