"""The greedy search over very many sequences, exact: bounds over blocks of alike candidates spare most of it (pure).

Candidates with equal counts are one. They are sorted into blocks alike in their *fast* dimensions: length bins, groups
that are owed much a step, and length. A block's bound is the largest gain in the box around them, plus the
largest part of its *slow* groups when it was last searched, plus the most that part can have grown since: what is owed
grows at a known pace, and what is delivered only lowers it. A step searches the blocks whose bound is above the best
candidate found; so the choice is that of the full search, whatever was skipped.

Noise keeps this exact: the largest of n normal deviates is drawn at once, one draw a block, and its members' own only
if the block is searched, below that largest one (TerRIFIC's min of n identical candidates, taken to blocks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.candidates import classes_of
from curriculum_app.core.scheduling.target import Rows, Target

if TYPE_CHECKING:
    from curriculum_app.core.scheduling import block_kernels

LEAF = 64  # candidates of a block, at most
FAST = 1e-3  # sequence lengths that a group is owed a step, from which on its box is kept
NODES = 4096  # points at which a moving plan of very many groups is worked out; linear between them
WINDOW = 4_000_000  # entries of a plan in memory at a time
EVERY_STEP = 10_000_000  # sequences x dimensions up to which it is worked out at every step
UNBOUNDED = 1 << 40
NEARLY = 1e-9
CHOSEN, ROW, _SPENT, SEARCHED, CUT, LEFT = range(6)  # what the counters of a search count


@dataclass(frozen=True)
class Problem:
    """Candidates (M, D) as groups then bins, their lengths (M,), and what is owed. Everything in mean lengths."""

    values: Rows
    lengths: Float
    num_groups: int
    owed: Owing


@dataclass(frozen=True)
class Owing:
    """A target in mean sequence lengths over the joined dimensions."""

    target: Target
    weight: float
    unit: float

    def at(self, tokens: Float) -> Float:
        """Shape (n, D), `tokens` in mean sequence lengths."""
        plain = tokens * self.unit
        both = np.hstack([self.target.groups(plain), self.weight * self.target.bins(plain)])
        return np.asarray(both / self.unit, dtype=np.float64)


@dataclass(frozen=True)
class Found:
    """Rows in the order they were chosen, blocks searched in all, and steps where a limit left some out."""

    order: Int
    searched: int
    cut: int


def search_blocks(
    problem: Problem, *, budget: float, sigma: float = 0.0, seed: int = 0, limit: int = UNBOUNDED, leaf: int = LEAF
) -> Found:
    """The greedy order of a problem.

    Args:
        budget: in mean sequence lengths. sigma: of the noise, in squared lengths. limit: most blocks searched a step;
            with fewer than it takes the result is no longer exact, and `cut` counts the steps where that happened.
    """
    from curriculum_app.core.scheduling.block_kernels import search

    pace = _Pace(problem)
    held = _Held(problem, pace)
    clock, steps, goal = np.zeros(2), np.zeros(6, dtype=np.int64), problem.owed.at(np.zeros(1))[0, pace.columns]
    order, rng = np.empty(len(problem.lengths), dtype=np.int64), np.array([seed], dtype=np.uint64)
    plan, base = pace.plan(0), 0
    while clock[0] < budget - NEARLY and held.num_candidates:
        found = held.build(pace, plan, leaf, goal, clock, int(steps[ROW]))
        steps[LEFT] = held.num_candidates
        while True:
            search(*found, plan, goal, clock, steps, order, budget, pace.first_bin, sigma, rng, limit)
            if not pace.used_up(plan, int(steps[ROW])):
                break
            base, steps[ROW] = base + int(steps[ROW]), 0
            plan = pace.plan(base)
            held.drift_on(found, pace, plan, float(clock[0]))
        held.drop_the_taken()
    return Found(order[: steps[CHOSEN]], int(steps[SEARCHED]), int(steps[CUT]))


class _Sorted(NamedTuple):
    """Candidates in blocks, and the room to search them in."""

    cands: block_kernels.Candidates
    blocks: block_kernels.Blocks
    room: block_kernels.Scratch


class _Pace:
    """What is owed by steps or stretches, and the columns with slow groups first, then fast ones, then length bins."""

    def __init__(self, problem: Problem) -> None:
        owed, lengths = problem.owed, problem.lengths
        self._owed, self._static = owed.at, owed.target.constant
        self._equal, self._total = bool(np.ptp(lengths) == 0), float(lengths.sum())
        dims = problem.values.shape[1]
        nodes = len(lengths) if len(lengths) * dims <= EVERY_STEP else NODES
        steps_apart = max(1, -(-len(lengths) // nodes))
        self.width = float(steps_apart if self._equal else max(self._total / NODES, lengths.max()))
        self._rows = max(8, WINDOW // dims)
        speeds = self._speeds()
        fast = (speeds >= FAST) | (np.arange(dims) >= problem.num_groups)
        late = fast.astype(int) + (np.arange(dims) >= problem.num_groups)
        self.columns = np.argsort(late, kind="stable")
        self.first_fast, self.first_bin = int((late < 1).sum()), problem.num_groups

    def _speeds(self) -> Float:
        """Shape (D,): most that is owed to each dimension per mean length, on a coarse look."""
        points: Float = np.linspace(0.0, self._total, 2 if self._static else 65, dtype=np.float64)
        steepness = np.diff(self._owed(points), axis=0) / np.diff(points)[:, None]
        return np.asarray(steepness.max(axis=0), dtype=np.float64)

    def plan(self, base: int) -> block_kernels.Plan:
        """The rows of the plan from number `base` on, as many as a window holds."""
        from curriculum_app.core.scheduling.block_kernels import Plan

        needed = int(self._total / self.width) - base + 3  # what is owed is read one row ahead
        count = 1 if self._static else max(2, min(self._rows, needed))
        nodes = self.width * np.arange(base, base + count + 1, dtype=np.float64)
        increments = np.ascontiguousarray(np.diff(self._owed(nodes), axis=0)[:, self.columns])
        if not self._equal:
            return Plan(increments, 0 if self._static else 1, self.width, False)
        return Plan(increments / self.width, UNBOUNDED if self._static else int(self.width), self.width, True)

    def used_up(self, plan: block_kernels.Plan, row: int) -> bool:
        return not self._static and row + (0 if self._equal else 1) >= len(plan.increments)

    def speeds_of(self, plan: block_kernels.Plan) -> Float:
        """Shape (D,): most that a slow group is owed per mean length within the plan's rows; 0 for others."""
        speeds = plan.increments.max(axis=0) / (1.0 if self._equal else self.width)
        speeds[self.first_fast :] = 0.0
        return np.asarray(speeds, dtype=np.float64)


class _Held:
    """The candidates that are left, and the blocks they were last sorted into."""

    def __init__(self, problem: Problem, pace: _Pace) -> None:
        values = sparse.csr_array(problem.values[:, pace.columns])
        values.sort_indices()
        classes = classes_of(values)
        self._values, self._lengths = values[classes.first], problem.lengths[classes.first]
        self._members = classes.members[::-1].copy()  # the lowest index of a class is taken first, from the end
        self._offsets = len(classes.members) - classes.offsets[1:]
        self._counts = np.diff(classes.offsets)

    @property
    def num_candidates(self) -> int:
        return len(self._counts)

    def build(self, pace: _Pace, plan: block_kernels.Plan, leaf: int, goal: Float, clock: Float, row: int) -> _Sorted:
        """Sort what is left into blocks."""
        from curriculum_app.core.scheduling import block_building
        from curriculum_app.core.scheduling import block_kernels as kernels

        rates, shape = self._values @ pace.speeds_of(plan), (pace.first_fast, self._values.shape[1])
        rows, starts = block_building.split_blocks(*_csr(self._values), *shape, self._lengths, rates, leaf)
        self._keep(rows)
        cands = self._candidates(kernels, pace.first_fast)
        ahead = 0.0 if plan.equal else (clock[0] - clock[1]) / plan.width
        known = goal + ahead * plan.increments[min(row, len(plan.increments) - 1)]
        known[pace.first_fast :] = 0.0
        slow = self._values @ known - cands.half_norms
        blocks = self._blocks(kernels, starts, slow, pace)
        done = _Sorted(cands, blocks, kernels.room_for(len(rows), len(starts) - 1))
        self.drift_on(done, pace, plan, float(clock[0]))
        return done

    def _candidates(self, kernels: Any, first_fast: int) -> block_kernels.Candidates:
        indptr, indices, data = _csr(self._values)
        rows = np.repeat(np.arange(len(self._counts)), np.diff(indptr))
        slow = np.bincount(rows, indices < first_fast, len(self._counts)).astype(np.int64)
        half_norms = np.bincount(rows, data**2 / 2, len(self._counts))
        held: block_kernels.Candidates = kernels.Candidates(
            indptr,
            indptr[:-1] + slow,
            indices,
            data,
            half_norms,
            self._lengths,
            self._offsets,
            self._members,
            self._counts,
        )
        return held

    def _blocks(self, kernels: Any, starts: Int, slow: Float, pace: _Pace) -> block_kernels.Blocks:
        from curriculum_app.core.scheduling import block_building

        first, nothing, values = starts[:-1], np.zeros(len(starts) - 1), _csr(self._values)
        in_bins = self._values[:, pace.first_bin :].toarray()
        low = _single(np.minimum.reduceat(in_bins, first), down=True)
        high = _single(np.maximum.reduceat(in_bins, first), down=False)
        blocks: block_kernels.Blocks = kernels.Blocks(
            starts,
            np.arange(len(slow)),
            np.diff(starts),
            np.add.reduceat(self._counts, first),
            *block_building.group_boxes(*values, starts, pace.first_fast, pace.first_bin),
            np.ascontiguousarray(low.T),
            np.ascontiguousarray(high.T),
            np.maximum.reduceat(in_bins.sum(axis=1), first) - low.sum(axis=1, dtype=np.float64),
            np.minimum.reduceat(self._lengths, first),
            np.maximum.reduceat(self._lengths, first),
            np.maximum.reduceat(slow, first),
            nothing,
            nothing.copy(),
        )
        return blocks

    def drift_on(self, found: _Sorted, pace: _Pace, plan: block_kernels.Plan, tokens: float) -> None:
        """From here on bounds grow at the pace of these rows of the plan."""
        blocks = found.blocks
        blocks.slow[:] += blocks.rate * (tokens - blocks.seen)
        blocks.seen[:] = tokens - blocks.longest  # what is owed is read one sequence ahead
        blocks.rate[:] = np.maximum.reduceat(self._values @ pace.speeds_of(plan), blocks.starts[:-1])

    def drop_the_taken(self) -> None:
        self._keep(np.flatnonzero(self._counts))

    def _keep(self, rows: Int) -> None:
        self._values = sparse.csr_array(self._values[rows])
        self._lengths, self._offsets, self._counts = self._lengths[rows], self._offsets[rows], self._counts[rows]


def _single(values: Float, *, down: bool) -> NDArray[np.float32]:
    """In single precision, which halves what a step reads; never above the value where `down`, else never below."""
    near = values.astype(np.float32)
    off = near > values if down else near < values
    return np.where(off, np.nextafter(near, np.float32(-np.inf if down else np.inf)), near)


def _csr(values: Rows) -> tuple[Int, NDArray[np.int32], Float]:
    return values.indptr.astype(np.int64), values.indices.astype(np.int32), values.data
